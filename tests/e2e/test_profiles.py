"""Profiles as real clients of both eras meet them: over HTTP at their paths, and over standard streams."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp_types import TextContent

from tests.support.clients import MODES, connected
from tests.support.projects import apply_notes, mcphub, serving

ROOT = Path(__file__).parents[2]
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
gateway: {listen: "127.0.0.1:0"}
servers:
  memos: {command: [python3, server.py], prefix: memo}
  notes: {command: [python3, server.py]}
profiles:
  readers: {servers: [memos, notes], tools: {deny: ["*/*add_note"]}}
  writers: {path: /writers, servers: [notes]}
"""
WHOLE = [
    *("memo_add_note", "memo_list_notes", "memo_read_note"),
    *("add_note", "list_notes", "read_note"),
]
READERS = ["memo_list_notes", "memo_read_note", "list_notes", "read_note"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("profiles")
    apply_notes(found, HUB)
    return found


@pytest.fixture
def served(folder: Path) -> Iterator[Path]:
    with serving(folder):
        yield folder
    assert mcphub(folder, "apply", "--auto-approve").returncode == 0


async def tools_of(client: Client) -> list[str]:
    return [tool.name for tool in (await client.list_tools()).tools]


@pytest.mark.parametrize("mode", MODES)
def test_clients_of_a_profile_get_its_tools_alone(served: Path, mode: Literal["auto", "legacy"]) -> None:
    async def talk() -> None:
        async with (
            connected(served, mode) as whole,
            connected(served, mode, path="/readers/mcp") as readers,
            connected(served, mode, path="/writers") as writers,
        ):
            assert await tools_of(whole) == WHOLE
            assert await tools_of(readers) == READERS
            assert await tools_of(writers) == WHOLE[3:]
            await writers.call_tool("add_note", {"title": mode, "text": "kept"})
            (content,) = (await readers.call_tool("read_note", {"title": mode})).content
            assert isinstance(content, TextContent)
            assert content.text == "kept"
            for client, tool in ((readers, "add_note"), (readers, "memo_add_note"), (writers, "memo_list_notes")):
                with pytest.raises(MCPError, match="The tool is unknown"):
                    await client.call_tool(tool, {"title": "a", "text": "b"})
            assert not (await whole.call_tool("memo_list_notes", {})).is_error

    asyncio.run(talk())


def test_what_a_client_is_told_leads_to_the_gateway(served: Path) -> None:
    url = json.loads((served / ".mcphub" / "serving.json").read_bytes())["url"]
    for arguments, path in (
        ((), "/mcp"),
        (("--profile", "readers"), "/readers/mcp"),
        (("--profile", "writers"), "/writers"),
    ):
        (entry,) = json.loads(mcphub(served, "clients", "cursor", *arguments).stdout)["mcpServers"].values()
        assert entry["url"] == url.removesuffix("/mcp") + path


def test_a_profile_that_changes_is_planned_shown_and_served_while_the_gateway_runs(served: Path) -> None:
    hub = served / "mcp-hub.yaml"
    assert "readers  /readers/mcp  memos, notes  4" in mcphub(served, "status").stdout
    hub.write_text(HUB.replace("path: /writers", "path: /moved").replace("*/*add_note", "notes/add_note"), "utf-8")
    try:
        planned = mcphub(served, "plan", "--detailed-exitcode")
        assert planned.returncode == 2, planned.stderr
        assert "  + the profile readers with 3 tools of memos -> generation\n" in planned.stdout
        assert "  + the profile writers at /moved -> generation\n" in planned.stdout
        assert "    + profile.readers.tool.memo_add_note = memos\n" in planned.stdout
        assert mcphub(served, "apply", "--auto-approve").returncode == 0
        asyncio.run(asyncio.wait_for(listed_at(served, "/moved", WHOLE[3:]), 20))
        asyncio.run(asyncio.wait_for(listed_at(served, "/readers/mcp", [WHOLE[0], *READERS]), 20))
        assert mcphub(served, "drift").returncode == 0
        found = json.loads(mcphub(served, "status", "--output", "json").stdout)["profiles"]
    finally:
        hub.write_text(HUB, "utf-8")
    assert found == [
        {"name": "readers", "path": "/readers/mcp", "groups": [], "servers": ["memos", "notes"], "tools": 5},
        {"name": "writers", "path": "/moved", "groups": [], "servers": ["notes"], "tools": 3},
    ]


async def listed_at(folder: Path, path: str, tools: list[str]) -> None:
    """Return once clients see `tools` at `path`."""
    while True:
        try:
            async with connected(folder, "auto", path=path) as client:
                if await tools_of(client) == tools:
                    return
        except* MCPError:  # nothing is there yet
            pass
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("mode", MODES)
def test_one_client_over_standard_streams_gets_one_profile(folder: Path, mode: Literal["auto", "legacy"]) -> None:
    configured = json.loads(mcphub(folder, "clients", "claude-desktop", "--profile", "readers").stdout)
    entry = configured["mcpServers"]["acme-readers"]
    program = StdioServerParameters(**entry, cwd="/", env=dict(os.environ))

    async def talk() -> None:
        async with Client(program, mode=mode) as client:
            assert await tools_of(client) == READERS
            assert not (await client.call_tool("list_notes", {})).is_error
            with pytest.raises(MCPError, match="The tool is unknown"):
                await client.call_tool("add_note", {"title": "a", "text": "b"})

    asyncio.run(talk())


def test_a_profile_that_there_is_not_is_no_empty_one(folder: Path) -> None:
    done = mcphub(folder, "gateway", "run", "--stdio", "--profile", "reader")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no profile reader" in done.stderr
    assert "did you mean `readers`?" in done.stderr
    done = mcphub(folder, "gateway", "run", "--profile", "readers")
    assert done.returncode == 1
    assert "--profile goes with --stdio" in done.stderr
