"""A plan that was saved, carried out on a real engine where something has moved since: elsewhere, or where it acts."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.engine import Engine, push_server
from tests.support.projects import mcphub

HUB = "apiVersion: mcphub/v1\nname: NAME\nservers:\n  a: {image: IMAGE, prefix: a}\n  b: {image: IMAGE, prefix: b}\n"


class World:
    """An applied hub of two containers, and the engine that they are on."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder, self.engine, self.name = folder, engine, f"s{uuid.uuid4().hex[:8]}"
        self.text = HUB.replace("NAME", self.name).replace("IMAGE", push_server(engine))

    def run(self, *arguments: str) -> CompletedProcess[str]:
        return mcphub(self.folder, *arguments, env={**os.environ, "DOCKER_HOST": self.engine.host})

    def write(self, text: str) -> None:
        (self.folder / "mcp-hub.yaml").write_text(text, "utf-8")
        done = self.run("lock")
        assert done.returncode == 0, done.stderr

    def container(self, server: str) -> str:
        listed = self.engine.ask("GET", "/containers/json?all=1")
        head = f"/mcphub-{self.name}-{server}-"
        return next(str(name)[1:] for each in listed for name in each["Names"] if name.startswith(head))


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> Iterator[World]:
    tmp_path.chmod(0o755)
    found = World(tmp_path, engine)
    found.write(found.text)
    assert found.run("apply", "--auto-approve").returncode == 0
    yield found
    found.run("down", "--data")


def save_change_of_a(world: World) -> None:
    """Save a plan that makes the container of `a` anew."""
    world.write(world.text.replace("prefix: a}", "prefix: a, resources: {pids: 99}}"))
    done = world.run("plan", "-o", "plan.json")
    assert (done.returncode, "server.a will be replaced" in done.stdout) == (0, True), done.stdout + done.stderr


def test_a_change_elsewhere_does_not_make_it_stale_and_is_left_as_it_is(world: World) -> None:
    save_change_of_a(world)
    before, other = world.container("a"), world.container("b")
    world.engine.ask("POST", f"/containers/{other}/stop?t=0")
    done = world.run("apply", "plan.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.container("a") != before
    assert "server.b" in done.stderr
    assert "this plan leaves it" in done.stderr
    assert world.engine.ask("GET", f"/containers/{other}/json")["State"]["Running"] is False
    mending = world.run("plan", "--detailed-exitcode")
    assert (mending.returncode, "server.b" in mending.stdout) == (2, True)


def test_a_change_where_it_acts_makes_it_stale_and_is_named(world: World) -> None:
    save_change_of_a(world)
    own = world.container("a")
    world.engine.ask("DELETE", f"/containers/{own}?force=1")
    done = world.run("apply", "plan.json")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "the plan is stale" in done.stderr
    assert own in done.stderr
    assert world.run("plan", "--detailed-exitcode").returncode == 2
