"""An apply that is answered by what is remembered, on a real engine: it asks alone, and sees what was done by hand."""

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.engine import Engine, push_server
from tests.support.engine_proxy import recording
from tests.support.projects import mcphub

HUB = "apiVersion: mcphub/v1\nname: NAME\nservers:\n  a: {image: IMAGE, prefix: a}\n  b: {image: IMAGE, prefix: b}\n"
NOTHING = "No changes. What is applied is what the hub and its lock say.\n"


@dataclass
class World:
    """An applied hub, and the engine that it is applied on."""

    folder: Path
    engine: Engine
    name: str

    def apply(self, host: str, *, code: int = 0) -> str:
        done = mcphub(self.folder, "apply", env={**os.environ, "DOCKER_HOST": host})
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def container(self) -> str:
        listed = self.engine.ask("GET", "/containers/json?all=1")
        return next(
            str(name)[1:] for each in listed for name in each["Names"] if name.startswith(f"/mcphub-{self.name}-a-")
        )


@pytest.fixture(scope="module")
def world(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("unchanged")
    folder.chmod(0o755)
    name = f"u{uuid.uuid4().hex[:8]}"
    (folder / "mcp-hub.yaml").write_text(HUB.replace("NAME", name).replace("IMAGE", push_server(engine)), "utf-8")
    env = {**os.environ, "DOCKER_HOST": engine.host}
    for arguments in (["lock"], ["apply", "--auto-approve"]):
        done = mcphub(folder, *arguments, env=env)
        assert done.returncode == 0, done.stderr
    yield World(folder, engine, name)
    mcphub(folder, "down", env=env)


def test_the_apply_after_the_first_is_answered_by_what_is_remembered_and_only_asks(
    world: World, tmp_path: Path
) -> None:
    with recording(world.engine.socket, tmp_path) as (host, seen):
        # Another address is another engine: it is decided anew, and remembered for this one.
        assert world.apply(host).startswith(NOTHING)
        decided = sorted(seen)
        seen.clear()
        record = (world.folder / ".mcphub/unchanged").read_bytes()
        assert world.apply(host).startswith(NOTHING)
        assert sorted(seen) == decided
        assert {each.partition(" ")[0] for each in seen} == {"GET"}
        assert (world.folder / ".mcphub/unchanged").read_bytes() == record


def test_the_first_apply_remembers(world: World) -> None:
    mcphub(
        world.folder, "apply", "--auto-approve", "--replace", "a", env={**os.environ, "DOCKER_HOST": world.engine.host}
    )
    before = (world.folder / ".mcphub/unchanged").stat().st_mtime_ns
    lock = world.folder / ".mcphub/writer.lock"
    assert world.apply(world.engine.host).startswith(NOTHING)
    assert (world.folder / ".mcphub/unchanged").stat().st_mtime_ns == before
    assert lock.read_text("utf-8").endswith(" mcphub apply\n")


CHANGES: dict[str, Callable[[Engine, str], object]] = {
    "updated": lambda engine, name: engine.ask(
        "POST", f"/containers/{name}/update", {"Memory": 256 * 1024**2, "MemorySwap": 256 * 1024**2}
    ),
    "renamed": lambda engine, name: engine.ask("POST", f"/containers/{name}/rename?name={name}-x"),
    "paused": lambda engine, name: engine.ask("POST", f"/containers/{name}/pause"),
    "stopped": lambda engine, name: engine.ask("POST", f"/containers/{name}/stop?t=0"),
    "killed": lambda engine, name: (
        engine.ask("POST", f"/containers/{name}/kill"),
        engine.ask("POST", f"/containers/{name}/wait"),
    ),
    "removed": lambda engine, name: engine.ask("DELETE", f"/containers/{name}?force=1"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_was_done_by_hand_is_found_and_healed(world: World, change: Callable[[Engine, str], object]) -> None:
    assert world.apply(world.engine.host).startswith(NOTHING)
    assert world.apply(world.engine.host).startswith(NOTHING)
    change(world.engine, world.container())
    assert "Also:" in world.apply(world.engine.host, code=1)
    env = {**os.environ, "DOCKER_HOST": world.engine.host}
    done = mcphub(world.folder, "apply", "--auto-approve", env=env)
    assert done.returncode == 0, done.stderr
    assert world.apply(world.engine.host).startswith(NOTHING)
