"""A machine in memory: package environments, programs and servers that answer with what the lock says.

Stands in for adapters and engines where every order of events is tried; the end-to-end tests use the real ones.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.lock.questions import ImageAnswer, ImageQuestion, PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.container import Contained
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.compiler.plan.observed import Isolation, SeenContainer
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.events import Event
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import Child, ChildSpec, ContainerSpec, LineSink, Probe, Program, Spec


@dataclass
class MemoryPackages:
    """Environments that are installed by being named."""

    digests: set[str] = field(default_factory=set)
    broken: str = ""

    def resolve(self, question: PackageQuestion) -> PackageAnswer:
        name, _, version = question.requirement.partition("==")
        package = f"{name}=={version or '1'}"
        return PackageAnswer(package=package, requirements=(f"{package} --hash=sha256:{'0' * 64}",))

    def install(self, environment: Environment) -> None:
        if environment.package == self.broken:
            raise RuntimeFailure(f"{environment.package} cannot be installed", resolution="try again")
        self.digests.add(environment.digest)

    def installed(self, *, deep: bool = False) -> frozenset[str]:  # noqa: ARG002  (the port's signature)
        return frozenset(self.digests)

    def program(self, environment: Environment) -> Program:
        if environment.digest not in self.digests:
            raise RuntimeFailure(f"{environment.package} is not installed")
        return self.place(environment)

    def place(self, environment: Environment) -> Program:
        return Program(path=f"/packages/{environment.package}")

    def contained(self, environment: Environment) -> Contained:
        folder = f"/packages/{environment.package}"
        return Contained(folder=folder, entrypoint=("python3", "/mcphub/package/run"), env={"PYTHONPATH": "/x"})

    def remove(self, digest: str) -> None:
        self.digests.discard(digest)


@dataclass
class MemoryRegistries:
    """Images by reference; a reference without one has the digest of its own text."""

    answers: Mapping[str, ImageAnswer] = field(default_factory=dict)

    def resolve(self, question: ImageQuestion) -> ImageAnswer:
        known = ImageAnswer(repository=question.reference, digest=digest(question.reference.encode()))
        return self.answers.get(question.reference, known)


@dataclass
class MemoryContainers:
    """An engine that has every image, and runs what it is told to make."""

    running: dict[str, SeenContainer] = field(default_factory=dict)
    acts: list[str] = field(default_factory=list)
    images: set[str] = field(default_factory=set)
    path: str = "/nowhere/memory.sock"

    def socket(self) -> str:
        return self.path

    async def observe(self, labels: Mapping[str, str], specs: Sequence[ContainerSpec]) -> tuple[SeenContainer, ...]:
        assert "io.mcphub.hub" in labels
        assert all(labels.items() <= spec.labels.items() for spec in specs)
        wanted, names = labels.get("io.mcphub.lineage"), {spec.name for spec in specs}
        return tuple(
            each if wanted in (None, each.lineage) else replace(each, owned=False)
            for each in self.running.values()
            if wanted in (None, each.lineage) or each.name in names
        )

    async def present(self, images: Sequence[str]) -> frozenset[str]:
        return frozenset(images) & self.images

    async def pull(self, image: str, tell: Callable[[int, int], None]) -> None:
        tell(1, 2)
        self.acts.append(f"pull {image}")
        self.images.add(image)

    async def create(self, spec: ContainerSpec) -> None:
        self.acts.append(f"create {spec.name}")
        before = self.running.pop(spec.name, None)
        if before is not None and before.state == "running":
            self.running[f"{spec.name}-old"] = replace(before, name=f"{spec.name}-old")
        labels = spec.labels
        self.running[spec.name] = SeenContainer(
            name=spec.name,
            server=labels["io.mcphub.server"],
            spec=labels["io.mcphub.spec"],
            lineage=labels["io.mcphub.lineage"],
            state="running",
        )

    async def restore(self, name: str, labels: Mapping[str, str]) -> bool:
        assert labels
        before = self.running.pop(f"{name}-old", None)
        if before is not None:
            self.acts.append(f"restore {name}")
            self.running[name] = replace(before, name=name)
        return before is not None

    async def remove(self, name: str, labels: Mapping[str, str], *, patience: float = 0.0) -> None:
        assert labels
        assert patience >= 0
        self.acts.append(f"remove {name}")
        self.running.pop(name, None)

    async def logs(self, name: str, *, follow: bool, tail: int) -> AsyncIterator[bytes]:
        assert not follow
        for line in [name.encode()][:tail]:
            yield line


@dataclass
class ScriptedProber:
    """Answers for each server with the definitions it was given; a server without any does not start."""

    offers: Mapping[str, Mapping[str, Mapping[str, Any]]]
    asked: list[Spec] = field(default_factory=list)

    async def probe(self, spec: Spec, *, timeout: float) -> Probe:  # noqa: ARG002, ASYNC109  (the port's signature)
        self.asked.append(spec)
        if spec.server not in self.offers:
            raise RuntimeFailure(f"server {spec.server} did not start")
        tools = tuple(self.offers[spec.server].values())
        return Probe(era="modern", revision="2026-07-28", server_info={}, tools=tools)


class NoSpawner:
    """Starts nothing: what asks a running server goes through the prober."""

    async def spawn(self, spec: Spec, sink: LineSink) -> Child:  # noqa: ARG002  (the port's signature)
        raise RuntimeFailure(f"server {spec.server} is not started here")


@dataclass
class MemorySecrets:
    """Values by reference; `asked` are the references of each question."""

    values: Mapping[str, str] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)

    def fetch(
        self,
        references: Collection[str],
        *,
        stores: Mapping[str, Mapping[str, str]],  # noqa: ARG002  (the port's signature)
        programs: Mapping[str, str],  # noqa: ARG002  (the port's signature)
    ) -> Mapping[str, str | RuntimeFailure]:
        self.asked.append(sorted(references))
        missing = {name: RuntimeFailure(f"the secret {name} is not set") for name in references}
        return {name: self.values.get(name, missing[name]) for name in references}


@dataclass
class Listener:
    """Keeps what is reported."""

    events: list[Event] = field(default_factory=list)

    def report(self, event: Event) -> None:
        self.events.append(event)


def find_nothing(name: str, *, cwd: str, server: str) -> Program:  # noqa: ARG001  (the port's signature)
    return Program(path=f"/programs/{name}")


def assess_nothing(spec: ChildSpec) -> Isolation:  # noqa: ARG001  (the port's signature)
    return Isolation(measures=("memory",))


def site_of(
    root: Path,
    prober: ScriptedProber,
    *,
    packages: MemoryPackages | None = None,
    secrets: MemorySecrets | None = None,
    containers: MemoryContainers | None = None,
) -> Site:
    """Return a prepared site at `root`."""
    layout = Layout(folder=root / ".mcphub")
    layout.prepare()
    return Site(
        root=root,
        layout=layout,
        lineage="a-lineage",
        registries=MemoryRegistries(),
        containers=containers or MemoryContainers(),
        packages=packages or MemoryPackages(),
        find_program=find_nothing,
        assess=assess_nothing,
        spawner=NoSpawner(),
        prober=prober,
        secrets=secrets or MemorySecrets(),
    )
