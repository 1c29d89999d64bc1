"""Tokens and groups as real clients of both eras meet them, and what happens to tokens that cannot be read."""

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters

from tests.support.clients import MODES, connected, url_of
from tests.support.projects import apply_notes, mcphub, serving

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, server.py]}
profiles:
  readers: {groups: [support, platform], servers: [notes], tools: {deny: [notes/add_note]}}
  writers: {groups: [editors], servers: [notes]}
gateway:
  listen: "127.0.0.1:0"
  groups: [platform]
  auth:
    tokens:
      ci: {value: "env://MCPHUB_TOKEN_CI", groups: [platform]}
      desk: {value: "dotenv://.env#DESK", groups: [support, editors]}
"""
CI, DESK, NEXT = "ci-0123456789-abcdefghijkl", "desk-0123456789-abcdefghij", "next-0123456789-abcdefghij"
READING = ["list_notes", "read_note"]
SERVED = {
    (CI, "/mcp"): ["add_note", *READING],
    (CI, "/readers/mcp"): READING,
    (DESK, "/readers/mcp"): READING,
    (DESK, "/writers/mcp"): ["add_note", *READING],
}
ENVIRONMENT = {**os.environ, "MCPHUB_TOKEN_CI": CI}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("groups")
    apply_notes(found, HUB)
    (found / ".env").write_text(f"DESK={DESK}\n", "utf-8")
    return found


@pytest.fixture
def served(folder: Path) -> Iterator[Path]:
    with serving(folder, env=ENVIRONMENT) as said:
        assert "Tokens: ci, desk" in said
        yield folder
    assert mcphub(folder, "apply", "--auto-approve").returncode == 0


@pytest.mark.parametrize("mode", MODES)
def test_each_token_gets_the_tools_of_the_paths_that_are_for_it(served: Path, mode: Literal["auto", "legacy"]) -> None:
    async def talk(token: str, path: str) -> list[str]:
        async with connected(served, mode, path=path, token=token) as client:
            assert not (await client.call_tool("list_notes", {})).is_error
            return [tool.name for tool in (await client.list_tools()).tools]

    for (token, path), tools in SERVED.items():
        assert asyncio.run(talk(token, path)) == tools


@pytest.mark.parametrize("mode", MODES)
def test_no_other_token_gets_anything(served: Path, mode: Literal["auto", "legacy"]) -> None:
    own = (served / ".mcphub" / "token").read_text("utf-8").strip()

    async def refused(token: str, path: str) -> None:
        with pytest.raises(BaseExceptionGroup) as raised:
            async with connected(served, mode, path=path, token=token) as client:
                await client.list_tools()
        assert raised.group_contains(MCPError) or raised.group_contains(httpx2.HTTPStatusError)

    for token in (CI, DESK, own):
        for path in ("/mcp", "/readers/mcp", "/writers/mcp"):
            if (token, path) not in SERVED:
                answer = httpx2.post(url_of(served, path), headers={"Authorization": f"Bearer {token}"})
                assert (answer.status_code, answer.headers["www-authenticate"]) == (
                    403,
                    'Bearer error="insufficient_scope"',
                )
    asyncio.run(refused(DESK, "/mcp"))
    assert httpx2.post(url_of(served), headers={"Authorization": f"Bearer {NEXT}"}).status_code == 401
    log = (served / ".mcphub" / "gateway.log").read_text("utf-8")
    assert "of the token " in log
    assert not any(token in log for token in (CI, DESK, own, NEXT))


def test_the_operators_commands_go_on_working(served: Path) -> None:
    found = json.loads(mcphub(served, "status", "--output", "json").stdout)
    assert [server["state"] for server in found["servers"]] == ["up"]
    assert found["tokens"] == [
        {"name": "ci", "groups": ["platform"], "paths": ["/mcp", "/readers/mcp"]},
        {"name": "desk", "groups": ["editors", "support"], "paths": ["/readers/mcp", "/writers/mcp"]},
    ]
    shown = mcphub(served, "status").stdout
    assert "desk   editors, support  /readers/mcp, /writers/mcp" in shown
    assert mcphub(served, "logs", "notes").returncode == 0
    assert mcphub(served, "drift").returncode == 0


def test_standard_streams_need_no_token_and_look_at_no_groups(folder: Path) -> None:
    configured = json.loads(mcphub(folder, "clients", "claude-desktop", "--profile", "writers").stdout)
    program = StdioServerParameters(**configured["mcpServers"]["acme-writers"], cwd="/", env=dict(os.environ))

    async def talk() -> list[str]:
        async with Client(program) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert asyncio.run(talk()) == ["add_note", *READING]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, ("the secret env://MCPHUB_TOKEN_CI is not set", "The gateway needs the token ci (env://MCPHUB_TOKEN_CI)")),
        ({"MCPHUB_TOKEN_CI": "short"}, ("the token ci cannot be used", "is shorter than 22 characters")),
        ({"MCPHUB_TOKEN_CI": DESK}, ("the token desk has the value of the token ci",)),
    ],
)
def test_a_gateway_without_its_tokens_does_not_listen(
    folder: Path, environment: Mapping[str, str], words: tuple[str, ...]
) -> None:
    done = mcphub(folder, "gateway", "run", env={**os.environ, **environment})
    assert (done.returncode, done.stdout) == (1, "")
    assert all(each in done.stderr for each in words), done.stderr
    assert not (folder / ".mcphub" / "serving.json").exists()
    assert DESK not in done.stderr
    last = json.loads((folder / ".mcphub" / "journal.jsonl").read_text("utf-8").splitlines()[-1])
    assert last["brief"] in done.stderr


def test_a_token_is_changed_by_another_beside_it_while_the_gateway_runs(served: Path) -> None:
    hub = served / "mcp-hub.yaml"
    (served / ".env").write_text(f"DESK={DESK}\nNEXT={NEXT}\n", "utf-8")
    both = HUB + '      next: {value: "dotenv://.env#NEXT", groups: [support]}\n'
    alone = "\n".join(line for line in both.splitlines() if "desk:" not in line).replace("[editors]", "[support]")
    try:
        for text, accepted in ((both, [DESK, NEXT]), (alone, [NEXT])):
            hub.write_text(text, "utf-8")
            done = mcphub(served, "apply", "--auto-approve")
            assert done.returncode == 0, done.stdout + done.stderr
            assert tokens_at(served, "/readers/mcp") == accepted
    finally:
        hub.write_text(HUB, "utf-8")


def test_a_token_that_a_running_gateway_cannot_read_leaves_what_is_served(served: Path) -> None:
    hub = served / "mcp-hub.yaml"
    hub.write_text(HUB.replace("dotenv://.env#DESK", "dotenv://.env#ANOTHER"), "utf-8")
    try:
        done = mcphub(served, "apply", "--auto-approve")
        assert done.returncode == 4, done.stdout + done.stderr
        assert "the running gateway does not take the new generation over" in done.stdout + done.stderr
        assert "dotenv://.env#ANOTHER" in done.stdout + done.stderr
        assert tokens_at(served, "/readers/mcp") == [DESK]
        assert mcphub(served, "down").returncode == 0
        (served / ".env").write_text(f"DESK={DESK}\nANOTHER={NEXT}\n", "utf-8")
        assert mcphub(served, "up", "--detach", env=ENVIRONMENT).returncode == 0
        assert tokens_at(served, "/readers/mcp") == [NEXT]
    finally:
        hub.write_text(HUB, "utf-8")


def tokens_at(folder: Path, path: str) -> list[str]:
    """Return the tokens that are let in at `path`: what follows is refused for another reason, an empty body."""
    asked = (
        (token, httpx2.post(url_of(folder, path), headers={"Authorization": f"Bearer {token}"}))
        for token in (DESK, NEXT)
    )
    return [token for token, answer in asked if answer.status_code not in {401, 403}]
