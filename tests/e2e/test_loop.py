import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Literal

import pytest
from mcp_types import TextContent

from mcphub_gitops.runtime.project import Project
from tests.support.clients import MODES, connected
from tests.support.projects import mcphub

TOOLS = {
    *("git_branch", "git_diff", "git_diff_staged", "git_diff_unstaged", "git_log", "git_show", "git_status"),
    *("add_note", "list_notes", "read_note", "time_convert_time", "time_get_current_time"),
}
REVISIONS = {"auto": "2026-07-28", "legacy": "2025-11-25"}


@pytest.mark.parametrize("mode", MODES)
def test_real_clients_of_both_eras_list_and_call_real_servers(served: Path, mode: Literal["auto", "legacy"]) -> None:
    async def talk() -> None:
        async with connected(served, mode) as client:
            assert client.protocol_version == REVISIONS[mode]
            listed = await client.list_tools()
            assert {tool.name for tool in listed.tools} == TOOLS
            texts = []
            for name, arguments in (
                ("time_get_current_time", {"timezone": "Europe/Paris"}),
                ("git_log", {"repo_path": ".", "max_count": 1}),
                ("add_note", {"title": mode, "text": "kept"}),
                ("read_note", {"title": mode}),
            ):
                result = await client.call_tool(name, arguments)
                (content,) = result.content
                assert isinstance(content, TextContent)
                assert not result.is_error, content.text
                texts.append(content.text)
            assert json.loads(texts[0])["timezone"] == "Europe/Paris"
            assert "The hub" in texts[1]
            assert texts[3] == "kept"

    asyncio.run(talk())


def test_what_clients_see_is_what_the_lock_holds(served: Path) -> None:
    async def listed() -> dict[str, str]:
        async with connected(served, "auto") as client:
            return {tool.name: tool.description or "" for tool in (await client.list_tools()).tools}

    definitions = json.loads((served / "mcp-hub.tools" / "time.json").read_bytes())
    assert asyncio.run(listed())["time_convert_time"] == definitions["convert_time"]["description"]


def test_a_second_up_has_nothing_to_do(served: Path) -> None:
    journal = (served / ".mcphub" / "journal.jsonl").read_bytes()
    done = mcphub(served, "up")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "No changes. What is applied is what the hub and its lock say.\nReview digest: sha256:"
    )
    assert (served / ".mcphub" / "journal.jsonl").read_bytes() == journal


def test_a_second_gateway_is_refused(served: Path) -> None:
    done = mcphub(served, "gateway", "run")
    assert done.returncode == 6
    assert re.search(r"process \d+ is at `mcphub gateway run`", done.stderr)


def test_there_is_no_drift_after_an_apply(served: Path) -> None:
    done = mcphub(served, "drift")
    assert done.returncode == 0
    assert done.stdout.startswith("No drift. The world is what was applied.\nReview digest: sha256:")


def test_drift_tells_each_kind_apart_and_apply_heals_it(served: Path) -> None:
    script = served / "examples" / "notes" / "server.py"
    before = script.read_bytes()
    (environment,) = (served / ".mcphub" / "packages").glob("*/lib/python3*/site-packages/mcp_server_time")
    package = environment / "server.py"
    code = package.read_bytes()
    gateway = served / ".mcphub" / "current" / "gateway.json"
    try:
        script.write_bytes(before + b"\n# edited\n")
        package.write_bytes(code + b"\n# edited\n")
        gateway.write_bytes(gateway.read_bytes().replace(b"UTC", b"CET"))
        done = mcphub(served, "drift", "--output", "json")
    finally:
        script.write_bytes(before)
    found = {(each["kind"], each["address"]) for each in json.loads(done.stdout)["drift"]}
    assert done.returncode == 2
    assert found == {
        ("hub", "hub"),
        ("generation", "generation"),
        ("environment", "server.time"),
        ("file", "server.notes"),
    }
    healed = mcphub(served, "apply", "--auto-approve")
    assert healed.returncode == 0, healed.stderr
    assert mcphub(served, "drift").returncode == 0


def test_a_saved_plan_is_applied_to_the_running_gateway_and_then_stale(served: Path) -> None:
    hub = served / "mcp-hub.yaml"
    before = hub.read_text("utf-8")
    try:
        hub.write_text(before.replace("git_show, ", ""), "utf-8")
        planned = mcphub(served, "plan", "-o", "plan.json", "--detailed-exitcode")
        assert planned.returncode == 2, planned.stderr
        assert "- tool.git_show = " in planned.stdout
        assert mcphub(served, "apply", "plan.json").returncode == 0
        assert wait_for_tools(served) == TOOLS - {"git_show"}
        again = mcphub(served, "apply", "plan.json")
        assert again.returncode == 5
        assert "server.git: the plan was made when it was applied as sha256:" in again.stderr
        assert "(hidden.git_show was absent, and is sha256:" in again.stderr
    finally:
        hub.write_text(before, "utf-8")
    assert mcphub(served, "apply", "--auto-approve").returncode == 0


def wait_for_tools(folder: Path) -> set[str]:
    """Return what clients see once it is no longer everything."""

    async def listed() -> set[str]:
        async with asyncio.timeout(10):
            while True:
                async with connected(folder, "auto") as client:
                    names = {tool.name for tool in (await client.list_tools()).tools}
                if names != TOOLS:
                    return names
                await asyncio.sleep(0.1)

    return asyncio.run(listed())


def test_an_apply_without_anyone_to_approve_is_refused(served: Path) -> None:
    hub = served / "mcp-hub.yaml"
    before = hub.read_text("utf-8")
    try:
        hub.write_text(before.replace("git_show, ", ""), "utf-8")
        done = mcphub(served, "apply")
        unexpected = mcphub(served, "apply", "--auto-approve", "--expect", f"sha256:{64 * '0'}")
    finally:
        hub.write_text(before, "utf-8")
    assert done.returncode == 1
    assert "nobody is there to approve the plan" in done.stderr
    assert unexpected.returncode == 5


def test_the_lock_of_the_repository_is_what_locking_gives(served: Path) -> None:
    done = mcphub(served, "lock")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Locked 3 servers with 17 tools.\nNothing has changed.\n"
    assert mcphub(served, "lock", "--check").returncode == 0


def test_the_project_itself_compiles(served: Path) -> None:
    compiled = Project(root=served).compile(locked=True)
    assert compiled.diagnostics == ()


def test_status_and_logs_tell_how_the_servers_fare_and_what_they_say(served: Path) -> None:
    found = json.loads(mcphub(served, "status", "--output", "json").stdout)
    assert found["gateway"] is True
    rows = {row["name"]: (row["kind"], row["state"]) for row in found["servers"]}
    assert rows == dict.fromkeys(("git", "notes", "time"), ("process", "up"))
    assert mcphub(served, "logs", "notes").returncode == 0
    done = mcphub(served, "logs", "nots")
    assert (done.returncode, "did you mean `notes`?" in done.stderr) == (1, True)


def test_a_plan_of_another_hub_in_the_folder_is_refused(served: Path) -> None:
    text = (served / "mcp-hub.yaml").read_text("utf-8")
    (served / "other.yaml").write_text(text.replace("name: mcphub-example", "name: other"), "utf-8")
    shutil.copy(served / "mcp-hub.lock", served / "other.lock")
    shutil.copytree(served / "mcp-hub.tools", served / "other.tools")
    for arguments in (["plan"], ["plan", "--offline"]):
        done = mcphub(served, *arguments, "--file", "other.yaml")
        assert (done.returncode, done.stdout) == (1, "")
        assert "the hub mcphub-example is applied here, not other" in done.stderr
