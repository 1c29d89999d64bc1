"""A tag of a real registry that moves: told by `outdated`, held while young, taken by `update`, reviewed, applied."""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.engine import SERVER, Engine, busybox_layer
from tests.support.projects import mcphub
from tests.support.repositories import commit, git

HUB = 'apiVersion: mcphub/v1\nname: NAME\nservers:\n  a: {image: "IMAGE:1"}\n'
OLD, NEW = "Does ", "Surely does "


class World:
    """A hub whose one server has a tag, and the registry that the tag is in."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder, self.engine, self.image = folder, engine, f"moving-{uuid.uuid4().hex[:8]}"
        self.first = self.push(SERVER.read_bytes())
        text = HUB.replace("NAME", f"m{self.image[-8:]}").replace("IMAGE", f"{engine.registry}/{self.image}")
        (folder / "mcp-hub.yaml").write_text(text, "utf-8")

    def push(self, server: bytes) -> str:
        """Push `server` under the tag, and return the digest that it has."""
        layer = busybox_layer({"server.awk": server})
        pushed = self.engine.push(self.image, layer, 'ENTRYPOINT ["/bin/awk", "-f", "/server.awk"]', "USER 65532:65532")
        return pushed.partition("@")[2]

    def run(self, *arguments: str) -> CompletedProcess[str]:
        return mcphub(self.folder, *arguments, env={**os.environ, "DOCKER_HOST": self.engine.host})

    def locked(self) -> str:
        lock = json.loads((self.folder / "mcp-hub.lock").read_bytes())
        return str(lock["servers"]["a"]["image"]).partition("@")[2]


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> Iterator[World]:
    tmp_path.chmod(0o755)
    found = World(tmp_path, engine)
    for arguments in (["lock"], ["apply", "--auto-approve"]):
        done = found.run(*arguments)
        assert done.returncode == 0, done.stderr
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path, {".gitignore": ".mcphub/\n"})
    yield found
    found.run("down", "--data")


def test_a_tag_that_moves_is_told_held_taken_reviewed_and_applied(world: World) -> None:
    assert world.locked() == world.first
    assert world.run("outdated").stdout == "Everything that is locked is what upstream has now.\n"
    source = SERVER.read_bytes()
    assert OLD.encode() in source
    second = world.push(source.replace(OLD.encode(), NEW.encode()))
    assert second != world.first

    (news,) = json.loads(world.run("outdated", "--output", "json").stdout)["locked"]
    assert (news["owner"], news["locked"], news["newest"], news["new"]) == ("a", world.first, second, True)
    assert world.run("lock", "--check").returncode == 0

    held = world.run("update", "--min-age", "7d")
    assert (held.returncode, "note[MH416]" in held.stderr) == (0, True), held.stderr
    assert world.locked() == world.first

    report = json.loads(world.run("update", "--min-age", "0d", "--output", "json").stdout)
    moves = [(each["name"], each["kind"], each["from"], each["to"]) for each in report["moves"]]
    assert ("a", "image", world.first, second) in moves
    assert "tools" in {each["kind"] for each in report["moves"]}
    assert world.locked() == second

    review = json.loads(world.run("plan", "--against", "main", "--output", "json").stdout)
    assert (review["permissions"], review["counts"]["otherImage"]) == ([], 1)
    assert {each["server"] for each in review["tools"]} == {"a"}
    drifted = world.run("drift")
    assert (drifted.returncode, f"leads to {second} now" in drifted.stdout) == (2, True)
    assert world.run("apply", "--auto-approve").returncode == 0
    assert world.run("drift").stdout.startswith("No drift.")
