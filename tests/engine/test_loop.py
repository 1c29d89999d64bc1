"""The whole loop on a real engine: lock, plan, apply, serve, drift, heal, change, and down; driven by real clients."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest
from mcp_types import TextContent

from tests.support.bases import push_node_base, push_python_base, push_python_server
from tests.support.clients import MODES, connected
from tests.support.engine import Engine
from tests.support.engine_proxy import recording
from tests.support.projects import mcphub

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-of-the-loop"  # noqa: S105  (opens nothing)

HUB = """\
apiVersion: mcphub/v1
name: loop
defaults: {run: container, base: {python: "BASE_PYTHON", node: "BASE_NODE"}}
servers:
  notes:
    image: NOTES
    env: {NOTES_FILE: /data/notes.json}
    secrets: {NOTES_KEY: "env://LOOP_KEY", CERT: {ref: "env://LOOP_KEY", as: file}}
    mounts: ["notes-LINEAGE:/data:rw", "./docs:/docs"]
    user: "65532:65532"
  time: {package: "pypi:mcp-server-time@2026.10.19", args: [--local-timezone, UTC], prefix: time}
  everything: {package: "npm:@modelcontextprotocol/server-everything@2026.8.31", resources: {memory: 768Mi}}
gateway: {listen: "127.0.0.1:0"}
"""


@dataclass
class Loop:
    """A project on the engine, and how to run mcphub in it."""

    folder: Path
    engine: Engine
    env: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, code: int = 0) -> str:
        done = mcphub(self.folder, *arguments, env=self.env)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert SECRET not in done.stdout + done.stderr
        return done.stdout

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return what the engine says of each container of the hub, by server."""
        filters = quote(json.dumps({"label": ["io.mcphub.hub=loop", f"io.mcphub.lineage={self.lineage}"]}))
        listed = self.engine.ask("GET", f"/containers/json?all=1&filters={filters}")
        documents = [self.engine.ask("GET", f"/containers/{each['Id']}/json") for each in listed]
        return {document["Config"]["Labels"]["io.mcphub.server"]: document for document in documents}

    @property
    def lineage(self) -> str:
        return (self.folder / ".mcphub" / "lineage").read_text("utf-8").strip()

    def edit(self, before: str, after: str) -> None:
        hub = self.folder / "mcp-hub.yaml"
        text = hub.read_text("utf-8")
        assert before in text
        hub.write_text(text.replace(before, after), "utf-8")


@pytest.fixture(scope="module")
def loop(engine: Engine) -> Iterator[Loop]:
    """The hub, locked and applied, with nothing served yet."""
    with tempfile.TemporaryDirectory(prefix="mcphub-loop-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        (folder / "docs").mkdir()
        text = HUB.replace("BASE_PYTHON", push_python_base(engine, "python"))
        text = text.replace("BASE_NODE", push_node_base(engine, "node"))
        text = text.replace("NOTES", push_python_server(engine, "notes", ROOT / "examples" / "notes" / "server.py"), 1)
        (folder / "mcp-hub.yaml").write_text(text.replace("LINEAGE", folder.name), "utf-8")
        env = {**os.environ, "DOCKER_HOST": engine.host, "LOOP_KEY": SECRET}
        found = Loop(folder, engine, env)
        found.run("lock")
        found.run("apply", "--auto-approve")
        yield found
        found.run("down", "--data")
        assert not (folder / ".mcphub" / "secrets").exists()
        assert found.containers() == {}
        engine.request("DELETE", f"/volumes/mcphub-loop_notes-{folder.name}")


@pytest.fixture(scope="module")
def served(loop: Loop) -> Loop:
    loop.run("up", "--detach")
    return loop


def test_the_lock_holds_index_and_platform_digests_and_what_the_interpreters_are(loop: Loop) -> None:
    lock = json.loads((loop.folder / "mcp-hub.lock").read_bytes())["servers"]
    assert lock["notes"]["image"].endswith("@" + lock["notes"]["image"].partition("@")[2])
    assert set(lock["notes"]["platforms"]) == {"linux/amd64"} or len(lock["notes"]["platforms"]) == 1
    assert lock["time"]["target"] == "python3.11-gnu"
    assert lock["everything"]["target"] == "node-gnu"
    assert lock["everything"]["user"] == "1000:1000"
    assert len(lock["everything"]["tools"]) == 13


def test_each_container_is_hardened(loop: Loop) -> None:
    found = loop.containers()
    users = {name: document["Config"]["User"] for name, document in found.items()}
    assert users == {"notes": "65532:65532", "time": "65532:65532", "everything": "1000:1000"}
    for document in found.values():
        host = document["HostConfig"]
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["NetworkMode"]) == (True, ["ALL"], "none")
        assert host["RestartPolicy"]["Name"] == "no"
    assert found["everything"]["HostConfig"]["Memory"] == 768 * 1024**2


def test_a_secret_stands_in_its_file_and_variable_alone(loop: Loop) -> None:
    held = loop.folder / ".mcphub" / "secrets" / "notes" / "CERT"
    assert held.read_text("utf-8") == SECRET
    assert (held.stat().st_mode & 0o777, held.parent.stat().st_mode & 0o777) == (0o444, 0o700)
    files = [path for path in loop.folder.rglob("*") if path.is_file() and "packages" not in path.parts]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == [held]


def test_what_was_stopped_removed_replaced_or_cannot_start_is_drift_and_healed(loop: Loop) -> None:
    before = loop.containers()
    engine = loop.engine
    engine.ask("POST", f"/containers/{before['notes']['Id']}/stop?t=0")
    engine.ask("DELETE", f"/containers/{before['time']['Id']}?force=1")
    # The same name and labels, made by hand of something else that has no program to run.
    engine.ask("DELETE", f"/containers/{before['everything']['Id']}?force=1")
    config = before["everything"]["Config"]
    body = {"Image": config["Image"], "Labels": config["Labels"], "Entrypoint": ["/missing"]}
    engine.ask("POST", f"/containers/create?name={before['everything']['Name'].lstrip('/')}", body)
    engine.request("POST", f"/containers{before['everything']['Name']}/start")
    found = json.loads(loop.run("drift", "--output", "json", code=2))["drift"]
    details = {each["address"]: each["detail"] for each in found if each["kind"] == "container"}
    assert details.keys() == {"server.notes", "server.time", "server.everything"}
    assert "is not running (exited, status" in details["server.notes"]
    assert details["server.time"] == "its container is gone"
    assert details["server.everything"].startswith("its container could not start")
    loop.run("apply", "--auto-approve")
    assert {document["State"]["Status"] for document in loop.containers().values()} == {"running"}
    assert loop.run("drift").startswith("No drift.")


@pytest.mark.parametrize("mode", MODES)
def test_real_clients_of_both_eras_call_what_runs_in_containers(served: Loop, mode: Literal["auto", "legacy"]) -> None:
    async def talk() -> None:
        async with connected(served.folder, mode) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert {"add_note", "time_get_current_time", "echo"} <= names
            texts = []
            for name, arguments in (
                ("add_note", {"title": mode, "text": "kept"}),
                ("read_note", {"title": mode}),
                ("time_get_current_time", {"timezone": "Europe/Paris"}),
                ("echo", {"message": "hello"}),
            ):
                result = await client.call_tool(name, arguments)
                (content,) = result.content
                assert isinstance(content, TextContent)
                assert not result.is_error, content.text
                texts.append(content.text)
            assert texts[1] == "kept"
            assert "Europe/Paris" in texts[2]
            assert texts[3] == "Echo: hello"

    asyncio.run(talk())


def test_a_second_apply_and_drift_find_nothing(served: Loop) -> None:
    assert served.run("apply").startswith("No changes.")
    assert served.run("drift").startswith("No drift.")
    status = json.loads(served.run("status", "--output", "json"))
    assert {row["name"]: (row["kind"], row["state"]) for row in status["servers"]} == {
        "notes": ("container", "up"),
        "time": ("container", "up"),
        "everything": ("container", "up"),
    }


def test_a_second_apply_changes_nothing_on_the_engine(served: Loop, tmp_path: Path) -> None:
    with recording(served.engine.socket, tmp_path) as (host, seen):
        done = mcphub(served.folder, "apply", "--auto-approve", env={**served.env, "DOCKER_HOST": host})
        assert done.returncode == 0, done.stderr
    assert len(seen) >= 4
    assert [each for each in seen if not each.startswith("GET ")] == []


def test_drift_finds_what_was_done_by_hand_and_apply_heals_it(served: Loop) -> None:
    before = served.containers()
    served.engine.ask(
        "POST", f"/containers/{before['time']['Id']}/update", {"Memory": 600 << 20, "MemorySwap": 600 << 20}
    )
    served.engine.ask("DELETE", f"/containers/{before['everything']['Id']}?force=1")
    found = json.loads(served.run("drift", "--output", "json", code=2))["drift"]
    assert {(each["kind"], each["address"]): each["detail"] for each in found} == {
        ("container", "server.time"): "its container was changed (memory)",
        ("container", "server.everything"): "its container is gone",
    }
    served.run("apply", "--auto-approve")
    after = served.containers()
    assert before["notes"]["Id"] == after["notes"]["Id"]
    assert {name for name in after if after[name]["Id"] != before[name]["Id"]} == {"time", "everything"}
    assert served.run("drift").startswith("No drift.")


def test_a_change_to_one_server_makes_that_one_anew_and_names_the_field(served: Loop) -> None:
    before = served.containers()
    served.edit("/data/notes.json", "/data/other.json")
    served.run("lock")
    plan = served.run("plan")
    assert "-/+ server.notes will be replaced: `env.NOTES_FILE` changed" in plan
    calls = asyncio.run(_calling_during(served, "apply", "--auto-approve"))
    assert len(calls) > 10
    assert set(calls) == {"answered"}
    after = served.containers()
    assert {name for name in after if after[name]["Id"] != before[name]["Id"]} == {"notes"}
    served.edit("/data/other.json", "/data/notes.json")
    served.run("lock")
    served.run("apply", "--auto-approve")


async def _calling_during(loop: Loop, *arguments: str) -> list[str]:
    """Return how each call ended that was made, one after the other, while a command ran."""
    calls = []
    async with connected(loop.folder, "auto") as client:
        running = asyncio.create_task(asyncio.to_thread(loop.run, *arguments))  # noqa: TID251  (awaited below)
        while not running.done():
            result = await client.call_tool("list_notes", {})
            calls.append("refused" if result.is_error else "answered")
        await running
    return calls


def test_a_call_under_way_ends_on_the_container_that_is_replaced(served: Loop) -> None:
    before = served.containers()["everything"]
    served.engine.ask("POST", f"/containers/{before['Id']}/update", {"Memory": 700 << 20, "MemorySwap": 700 << 20})
    asyncio.run(_heal_during_a_call(served))
    after = served.containers()["everything"]
    assert after["Id"] != before["Id"]
    assert after["Name"] == before["Name"]
    assert served.run("drift").startswith("No drift.")


async def _heal_during_a_call(loop: Loop) -> None:
    async with connected(loop.folder, "auto") as client, asyncio.TaskGroup() as group:
        began = asyncio.get_running_loop().time()
        arguments = {"duration": 8, "steps": 2}
        call = group.create_task(client.call_tool("trigger-long-running-operation", arguments))
        await asyncio.to_thread(loop.run, "apply", "--auto-approve")
        result = await call
        assert not result.is_error, result.content
        assert asyncio.get_running_loop().time() - began > 7


def test_a_secrets_new_value_reaches_a_container_that_is_made_anew(served: Loop) -> None:
    before = served.containers()
    env = {**served.env, "LOOP_KEY": "another-value-of-the-loop"}
    done = mcphub(served.folder, "apply", "--auto-approve", "--replace", "notes", env=env)
    assert done.returncode == 0, done.stderr
    after = served.containers()
    assert {name for name in after if after[name]["Id"] != before[name]["Id"]} == {"notes"}
    assert "NOTES_KEY=another-value-of-the-loop" in after["notes"]["Config"]["Env"]
    assert (served.folder / ".mcphub" / "secrets" / "notes" / "CERT").read_text("utf-8") == env["LOOP_KEY"]
    done = mcphub(served.folder, "apply", "--replace", "nots", env=env)
    assert (done.returncode, "did you mean `notes`?" in done.stderr) == (1, True)
    served.run("apply", "--auto-approve", "--replace", "notes")


def test_a_foreign_container_of_our_name_is_told_and_never_touched(loop: Loop) -> None:
    found = loop.containers()["time"]
    name, image = found["Name"], found["Config"]["Image"]
    loop.run("down")
    made = loop.engine.ask("POST", f"/containers/create?name={name.lstrip('/')}", {"Image": image, "Cmd": ["x"]})
    try:
        done = mcphub(loop.folder, "apply", "--auto-approve", env=loop.env)
        assert done.returncode == 1
        assert f"{name.lstrip('/')} is the name of a container that is not ours" in done.stderr
        assert loop.engine.ask("GET", f"/containers{name}/json")["Id"] == made["Id"]
    finally:
        loop.engine.ask("DELETE", f"/containers/{made['Id']}?force=1")
    loop.run("up", "--detach")


def test_a_tag_that_moved_is_drift_and_changes_nothing(served: Loop) -> None:
    reference = next(line for line in served.run("plan", "--output", "json").split('"') if "/notes@sha256" in line)
    push_python_server(served.engine, "notes", ROOT / "tests" / "support" / "gateway_echo.py")
    found = json.loads(served.run("drift", "--output", "json", code=2))["drift"]
    assert [(each["kind"], each["address"]) for each in found] == [("image", "server.notes")]
    assert reference.partition("@")[2] in found[0]["detail"]
    assert served.run("lock", "--check")
    assert served.run("apply").startswith("No changes.")


def test_a_digest_that_nobody_has_is_told_before_any_change(loop: Loop) -> None:
    folder = loop.folder / "absent"
    shutil.copytree(loop.folder, folder, ignore=shutil.ignore_patterns(".mcphub", "absent", "other"))
    text = (folder / "mcp-hub.lock").read_text("utf-8")
    digest = json.loads(text)["servers"]["notes"]["image"].partition("@")[2]
    (folder / "mcp-hub.lock").write_text(text.replace(digest, "sha256:" + "0" * 64), "utf-8")
    done = mcphub(folder, "apply", "--auto-approve", env=loop.env)
    assert done.returncode == 1
    assert "sha256:" + "0" * 64 in done.stderr
    assert "Not applied. Nothing is served." in done.stderr
    assert not (folder / ".mcphub" / "current").exists()
    lineage = (folder / ".mcphub" / "lineage").read_text("utf-8").strip()
    filters = quote(json.dumps({"label": [f"io.mcphub.lineage={lineage}"]}))
    assert loop.engine.ask("GET", f"/containers/json?all=1&filters={filters}") == []


def test_an_engine_out_of_reach_is_told_with_its_socket_before_any_change(loop: Loop) -> None:
    env = {**loop.env, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = mcphub(loop.folder, "apply", "--auto-approve", env=env)
    assert done.returncode == 1
    assert "/nowhere/docker.sock" in done.stderr


def test_an_image_that_is_not_there_is_told_at_its_line(loop: Loop) -> None:
    hub = (loop.folder / "mcp-hub.yaml").read_text("utf-8")
    other = loop.folder / "other"
    other.mkdir()
    wrong = (
        hub.replace("/notes:1", "/nothing:1").replace("\n  time:", "\n  #time:").replace("\n  everything:", "\n  #x:")
    )
    (other / "mcp-hub.yaml").write_text(wrong.replace("notes-", "other-"), "utf-8")
    (other / "docs").mkdir()
    done = mcphub(other, "lock", env=loop.env)
    assert done.returncode == 1
    assert "mcp-hub.yaml:6:12: error[MH408]" in done.stderr
    assert not (other / "mcp-hub.lock").exists()
    away = (other / "mcp-hub.yaml").read_text("utf-8")
    registry = loop.engine.registry
    (other / "mcp-hub.yaml").write_text(away.replace(registry, "127.0.0.1:1"), "utf-8")
    done = mcphub(other, "lock", env=loop.env)
    assert done.returncode == 1
    assert "127.0.0.1:1" in done.stderr
    assert "error[MH" not in done.stderr
