import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mcphub_gitops.compiler.plan.container import HUB_LABEL, LINEAGE_LABEL, SERVER_LABEL, SPEC_LABEL
from mcphub_gitops.runtime.engines.docker.child import ContainerChild
from mcphub_gitops.runtime.engines.docker.engine import DockerEngine
from mcphub_gitops.runtime.ports import ContainerSpec
from tests.runtime.engines.children import Record
from tests.runtime.engines.conftest import run
from tests.support.engine import Engine, busybox_layer, engine_for_tests

__all__ = ["run"]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A real engine and a registry that it reaches."""
    with engine_for_tests() as found:
        yield found


@pytest.fixture(scope="session")
def shell_image(engine: Engine) -> str:
    """An image whose entry point is a shell, with an environment of its own."""
    return engine.push(
        f"shell-{uuid.uuid4().hex[:8]}", busybox_layer(), 'ENTRYPOINT ["/bin/sh", "-c"]', "ENV OWN=image"
    )


@dataclass
class Hub:
    """A hub of its own on the engine, with names that nobody else has; nothing of it is left after the test."""

    raw: Engine
    image: str
    leases: Path
    lineage: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def labels(self) -> dict[str, str]:
        return {HUB_LABEL: "acme", LINEAGE_LABEL: self.lineage}

    def name(self, server: str) -> str:
        return f"mcphub-test-{self.lineage[:12]}-{server}"

    def engine(self, **options: Any) -> DockerEngine:  # noqa: ANN401  (the engine's own)
        return DockerEngine(self.raw.socket, leases=self.leases, **options)

    def spec(
        self,
        script: str = "exec cat",
        *,
        server: str = "notes",
        digest: str = "sha256:1",
        **fields: Any,  # noqa: ANN401  (those of a spec)
    ) -> ContainerSpec:
        """Return a spec for a container that runs `script` in a shell."""
        given = {"command": (script,), "image": self.image, "env": {}, **fields}
        labels = {**self.labels, SERVER_LABEL: server, SPEC_LABEL: digest}
        return ContainerSpec(server=server, name=self.name(server), labels=labels, **given)

    def inspect(self, server: str = "notes") -> dict[str, Any]:
        """Return what the engine itself says of a container."""
        document = self.raw.ask("GET", f"/containers/{self.name(server)}/json")
        assert isinstance(document, dict)
        return document

    def state(self) -> dict[str, Any]:
        """Return what the engine itself says of how its container is."""
        state = self.inspect()["State"]
        assert isinstance(state, dict)
        return state

    def has(self, server: str = "notes") -> bool:
        """Whether the engine has a container of that name, whoever made it."""
        return self.raw.request("GET", f"/containers/{self.name(server)}/json")[0] == 200

    def clear(self) -> None:
        for each in self.raw.ask("GET", "/containers/json?all=1"):
            if any(self.lineage[:12] in name for name in each["Names"]):
                self.raw.request("DELETE", f"/containers/{each['Id']}?force=1&v=1")


@pytest.fixture
def hub(engine: Engine, shell_image: str, tmp_path: Path) -> Iterator[Hub]:
    """A hub without containers."""
    found = Hub(engine, shell_image, tmp_path / "leases")
    yield found
    found.clear()


LASTING = pytest.mark.parametrize("lasting", [True, False], ids=["lasting", "passing"])


async def started(hub: Hub, spec: ContainerSpec, **options: Any) -> tuple[ContainerChild, Record]:  # noqa: ANN401
    """Return a child of `spec`, made first if it is lasting, and what listens to it."""
    engine, record = hub.engine(**options), Record()
    if spec.lasting:
        await engine.create(spec)
    return await engine.spawn(spec, record), record
