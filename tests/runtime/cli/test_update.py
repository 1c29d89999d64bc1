"""`mcphub update`, `lock --offline` and `--frozen`, with packages of a registry on loopback and servers that run."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from subprocess import CompletedProcess
from typing import Any

import pytest

from mcphub_gitops.compiler.read.shape import fits
from mcphub_gitops.schemas import load_schema
from tests.support.node import needs_node
from tests.support.npm_registry import Registry, serve_registry
from tests.support.npm_server import server_files
from tests.support.projects import mcphub

pytestmark = needs_node

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  clock: {package: "npm:clock"}
  echo: {package: "npm:echo"}
gateway: {listen: "127.0.0.1:0", onConflict: prefix}
"""
FIRST = {"now": "The time.", "day": "The day."}
SECOND = {"now": "The time, in UTC.", "day": "The day.", "zone": "The zone."}


@dataclass
class World:
    """A hub's folder, and the registry that its packages come from."""

    folder: Path
    registry: Registry

    def run(self, *arguments: str) -> CompletedProcess[str]:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "npm_config_globalconfig": str(self.folder / "none"),
            "npm_config_registry": self.registry.url,
            "npm_config_fetch_retries": "0",
        }
        return mcphub(self.folder, *arguments, env=env)

    def publish(self, name: str, version: str, tools: Mapping[str, str], *, days: float = 0) -> None:
        self.registry.publish(name, version, files=server_files(tools), bin={name: "server.js"})
        moment = datetime.fromtimestamp(time.time() - days * 86400, UTC)
        self.registry.times.setdefault(name, {})[version] = moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def write(self, text: str) -> None:
        (self.folder / "mcp-hub.yaml").write_text(text, "utf-8")

    def locked(self, server: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "mcp-hub.lock").read_bytes())["servers"][server]
        return found

    def digests(self) -> dict[str, str]:
        files = [self.folder / "mcp-hub.lock", *(self.folder / "mcp-hub.tools").iterdir()]
        return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Give a hub of two servers, locked at their first versions, to be left as it is."""
    with serve_registry() as registry:
        found = World(tmp_path_factory.mktemp("first"), registry)
        for name in ("clock", "echo"):
            found.publish(name, "1.0.0", FIRST, days=30)
        found.write(HUB)
        done = found.run("lock")
        assert done.returncode == 0, done.stderr
        yield found


@pytest.fixture
def world(first: World, tmp_path: Path) -> Iterator[World]:
    """Give a hub of two servers, locked at their first versions."""
    copytree(first.folder, tmp_path, symlinks=True, dirs_exist_ok=True)
    with first.registry.kept():
        yield World(tmp_path, first.registry)


def test_an_update_moves_what_it_names_and_says_how(world: World) -> None:
    before, echo = world.digests(), world.locked("echo")
    for name in ("clock", "echo"):
        world.publish(name, "2.0.0", SECOND)
    assert world.run("lock", "--check").returncode == 0
    assert world.run("lock").stdout.endswith("Nothing has changed.\n")

    tried = world.run("update", "clock", "--dry-run")
    moved = "clock: npm:clock 1.0.0 -> 2.0.0\nclock: tools ~ now, + zone\n"
    assert (tried.returncode, tried.stdout) == (0, f"{moved}Nothing was written.\n")
    assert world.digests() == before

    report = json.loads(world.run("update", "clock", "--dry-run", "--output", "json").stdout)
    assert fits(report, load_schema("update.v1"))
    assert (report["dryRun"], report["written"], report["diagnostics"]) == (True, [], [])
    assert [(each["name"], each["kind"], each["from"], each["to"]) for each in report["moves"]] == [
        ("clock", "package", "1.0.0", "2.0.0"),
        ("clock", "tools", "", ""),
    ]
    assert [each["mark"] + each["name"] for each in report["moves"][1]["changes"]] == ["~now", "+zone"]

    done = world.run("update", "clock")
    assert (done.returncode, done.stdout) == (0, f"{moved}Written: mcp-hub.lock, mcp-hub.tools/clock.json\n")
    assert world.locked("echo") == echo
    assert world.digests()["echo.json"] == before["echo.json"]
    assert world.run("lock", "--check").returncode == 0

    everything = world.run("update")
    assert everything.stdout.startswith("echo: npm:echo 1.0.0 -> 2.0.0\n")
    assert world.run("update").stdout == "Nothing has moved.\nThe lock is as it was.\n"


def test_a_young_release_is_left_alone(world: World) -> None:
    world.publish("clock", "2.0.0", SECOND, days=10)
    world.publish("clock", "3.0.0", SECOND, days=1)
    world.write(HUB.replace("process}", "process, minAge: 2w}"))
    assert "Nothing has moved." in world.run("update").stdout
    assert "clock: npm:clock 1.0.0 -> 2.0.0\n" in world.run("update", "--min-age", "7d").stdout
    # What is locked has any age, and goes to nothing older.
    held = world.run("update", "clock")
    assert (held.returncode, "note[MH416]" in held.stderr) == (0, True)
    assert world.locked("clock")["package"] == "npm:clock@2.0.0"
    assert "clock: npm:clock 2.0.0 -> 3.0.0\n" in world.run("update", "--min-age", "0d").stdout
    assert world.run("update", "--min-age", "soon").returncode == 1


def test_what_the_hub_pins_is_not_raised_and_told_with_its_line(world: World) -> None:
    world.publish("clock", "2.0.0", SECOND)
    world.write(HUB.replace("npm:clock", "npm:clock@1.0.0"))
    done = world.run("update", "clock")
    assert done.returncode == 0
    assert "mcp-hub.yaml:5:20: note[MH416]" in done.stderr
    assert "clock: declaration changed since it was locked" in done.stdout
    assert "Pinned there, so that no update moves it: mcp-hub.yaml:5:20.\n" in world.run("update").stdout
    report = json.loads(world.run("update", "--output", "json").stdout)
    assert (report["pinned"], report["moves"], report["unfit"]) == (["mcp-hub.yaml:5:20"], [], [])
    held = json.loads(world.run("update", "clock", "--output", "json").stdout)
    assert [each["code"] for each in held["diagnostics"]] == ["MH416"]


def test_names_that_mean_nothing_are_refused(world: World) -> None:
    assert "did you mean `clock`?" in world.run("update", "clok").stderr
    world.write(HUB.replace('"npm:clock"', '"npm:clock", enabled: false'))
    done = world.run("update", "clock")
    assert (done.returncode, "is not enabled" in done.stderr) == (1, True)
    assert "Not updated, and not locked as the hub has them: clock." in world.run("update", "echo").stdout


def test_an_update_that_finds_nothing_writes_nothing(world: World) -> None:
    before = world.digests()
    world.write(HUB.replace("npm:clock", "npm:clock@9.0.0"))
    done = world.run("update", "clock")
    assert (done.returncode, "MH401" in done.stderr) == (1, True)
    world.registry.replies["*"] = 500
    assert world.run("update", "echo").returncode == 1
    world.write("servers: {}\n")
    assert world.run("update").returncode == 1
    assert world.digests() == before


def test_a_lock_without_a_network_answers_from_what_is_at_hand(world: World) -> None:
    world.registry.asked.clear()
    world.write(
        HUB.replace('"npm:clock"', '"npm:clock", env: {TZ: UTC}').replace('  echo: {package: "npm:echo"}\n', "")
    )
    done = world.run("lock", "--offline")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "Locked 1 server without the network; 0 of them as they were.\nWritten: mcp-hub.lock, mcp-hub.tools/echo.json\n"
    )
    assert world.run("lock", "--check").returncode == 0
    again = world.run("lock", "--offline").stdout
    assert again == "Locked 1 server without the network; 1 of them as they were.\nNothing has changed.\n"

    before = world.digests()
    world.write(HUB)
    done = world.run("lock", "--offline")
    assert (done.returncode, "mcp-hub.yaml:6:19: error[MH415]" in done.stderr) == (1, True)
    world.write(HUB.replace('{package: "npm:echo"}', '{remote: {url: "https://remote.example/mcp"}}'))
    done = world.run("lock", "--offline")
    assert (done.returncode, "mcp-hub.yaml:6:3: error[MH415]" in done.stderr) == (1, True)
    assert world.digests() == before
    assert world.registry.asked == []


def test_a_lock_without_a_network_needs_what_it_installs_in_a_cache(world: World) -> None:
    world.registry.asked.clear()
    for folder in ("packages", "npm-cache"):
        (world.folder / ".mcphub" / folder).rename(world.folder / ".mcphub" / f"lost-{folder}")
    world.write(HUB.replace('"npm:clock"', '"npm:clock", env: {TZ: UTC}'))
    done = world.run("lock", "--offline")
    assert done.returncode == 1
    assert "mcp-hub.yaml:5:3: error[MH415]" in done.stderr
    assert "cannot be installed from what is cached on this machine" in done.stderr
    applied = world.run("apply", "--frozen", "--offline", "--auto-approve")
    assert (applied.returncode, "without --offline" in applied.stderr) == (1, True)
    (world.folder / ".mcphub" / "packages").rename(world.folder / ".mcphub" / "emptied")
    (world.folder / ".mcphub" / "lost-packages").rename(world.folder / ".mcphub" / "packages")
    assert world.run("lock", "--offline").returncode == 0
    assert world.run("apply", "--offline", "--auto-approve").returncode == 0
    assert world.registry.asked == []


def test_offline_goes_with_nothing_that_asks(world: World) -> None:
    assert "--offline asks nobody" in world.run("lock", "--offline", "--catalogs").stderr
    world.write("servers: {}\n")
    assert world.run("lock", "--offline").returncode == 1


def test_a_frozen_lock_is_used_as_it_is_and_that_is_told(world: World) -> None:
    world.write(HUB.replace("npm:clock", "npm:clock@2.0.0"))
    for command in (["plan"], ["plan", "--locked"], ["apply", "--locked", "--auto-approve"], ["render", "--locked"]):
        assert (done := world.run(*command)).returncode == 1, command
        assert "MH402" in done.stderr
    assert world.run("lock", "--locked").returncode == 2
    planned = world.run("plan", "--frozen")
    assert (planned.returncode, "warning[MH413]" in planned.stderr) == (0, True)
    assert "npm:clock@1.0.0" in planned.stdout
    done = world.run("apply", "--frozen", "--auto-approve")
    assert (done.returncode, "warning[MH413]" in done.stderr) == (0, True)
    world.write(HUB.replace("npm:clock", "npm:watch"))
    done = world.run("plan", "--frozen")
    assert (done.returncode, "mcp-hub.yaml:5:3: error[MH414]" in done.stderr) == (1, True)
    assert "give one of them" in world.run("plan", "--frozen", "--locked").stderr
    assert "--frozen goes with none" in world.run("apply", "--frozen", "plan.json").stderr


READING = [
    ["validate"],
    ["config"],
    ["server", "list"],
    ["fmt", "--check"],
    ["lock", "--check"],
    ["lock", "--locked"],
    ["update", "--dry-run"],
    ["outdated"],
    ["plan", "--offline"],
    ["plan"],
    ["plan", "--frozen"],
    ["apply", "--auto-approve"],
    ["drift"],
    ["status"],
    ["why", "clock"],
    ["up", "--detach"],
    ["down"],
    ["render"],
    ["recover"],
    ["policy", "list"],
    ["test"],
]


def test_no_command_but_lock_and_update_writes_the_lock(world: World) -> None:
    world.publish("clock", "2.0.0", SECOND)
    before = world.digests()
    for hub in (HUB, HUB.replace("npm:echo", "npm:echo@1.0.1")):
        world.write(hub)
        for command in READING:
            done = world.run(*command)
            assert done.returncode in {0, 1, 2}, (command, done.stderr)
            assert world.digests() == before, command


def test_outdated_tells_what_is_newer_and_makes_no_lock_stale(world: World) -> None:
    assert world.run("outdated").stdout == "Everything that is locked is what upstream has now.\n"
    world.publish("clock", "2.0.0", SECOND)
    world.publish("echo", "3.0.0", SECOND)
    world.write(HUB.replace("npm:echo", "npm:echo@1.0.0"))
    assert world.run("lock", "--offline").returncode == 0
    before = world.digests()
    done = world.run("outdated")
    assert (done.returncode, done.stdout) == (
        0,
        "clock: npm:clock 1.0.0 -> 2.0.0\necho: npm:echo 1.0.0 -> 3.0.0 (the hub pins what is locked)\n",
    )
    assert world.run("outdated", "clock", "--detailed-exitcode").returncode == 2
    report = json.loads(world.run("outdated", "echo", "--output", "json").stdout)
    assert fits(report, load_schema("outdated.v1"))
    (entry,) = report["locked"]
    assert (entry["locked"], entry["allowed"], entry["newest"], entry["new"]) == ("1.0.0", "1.0.0", "3.0.0", True)
    assert "did you mean `clock`?" in world.run("outdated", "clok").stderr
    world.registry.replies["/echo"] = 500
    failed = world.run("outdated", "--detailed-exitcode")
    assert failed.returncode == 1
    assert "clock: npm:clock 1.0.0 -> 2.0.0\necho: npm:echo cannot be asked about: " in failed.stdout
    assert world.run("lock", "--check").returncode == 0
    assert world.digests() == before
