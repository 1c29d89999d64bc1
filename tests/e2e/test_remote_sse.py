"""A hub whose server speaks HTTP with SSE of the revision 2024-11-05, and asks for a token."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from mcp_types import TextContent

from tests.support.clients import MODES, connected
from tests.support.projects import mcphub
from tests.support.sse_server import Running, serve_sse

TOKEN = "token-of-the-test-of-sse"  # noqa: S105  (opens the test's own server)
HUB = """\
apiVersion: mcphub/v1
name: old
servers:
  old:
    remote:
      {url: "URL", transport: sse, private: it is on this machine, headers: {Authorization: "Bearer ${secrets.TOKEN}"}}
    secrets: {TOKEN: "env://OLD_TOKEN"}
    tools: {allow: [add]}
gateway: {listen: "127.0.0.1:0"}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serve_sse(TOKEN) as running:
        yield running


@pytest.fixture(scope="module")
def folder(server: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("old")
    (folder / "mcp-hub.yaml").write_text(HUB.replace("URL", server.url), "utf-8")
    env = {**os.environ, "OLD_TOKEN": TOKEN}
    done = mcphub(folder, "lock", env=env)
    assert done.returncode == 0, done.stderr
    planned = mcphub(folder, "plan", "-o", "saved.plan", env=env)
    assert planned.returncode == 0, planned.stderr
    assert "+ transport = sse" in planned.stdout
    done = mcphub(folder, "apply", "saved.plan", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    done = mcphub(folder, "up", "--detach", env=env)
    assert done.returncode == 0, done.stderr
    yield folder
    assert mcphub(folder, "down", env=env).returncode == 0


@pytest.mark.parametrize("mode", MODES)
def test_clients_of_both_eras_call_through_to_it(folder: Path, mode: Literal["auto", "legacy"]) -> None:
    async def talk() -> None:
        async with connected(folder, mode) as client:
            assert [tool.name for tool in (await client.list_tools()).tools] == ["add"]
            (content,) = (await client.call_tool("add", {"a": 20, "b": 22})).content
            assert isinstance(content, TextContent)
            assert content.text == "42"

    asyncio.run(talk())


def test_nothing_has_drifted_and_no_file_holds_the_token(folder: Path) -> None:
    env = {**os.environ, "OLD_TOKEN": TOKEN}
    found = json.loads(mcphub(folder, "status", "--output", "json", env=env).stdout)
    assert [(row["kind"], row["state"], row["tools"]) for row in found["servers"]] == [("remote", "up", 1)]
    assert mcphub(folder, "drift", env=env).stdout.startswith("No drift.")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []


def test_a_token_that_is_wrong_and_a_transport_that_is_another_are_told(server: Running, tmp_path: Path) -> None:
    hub = HUB.replace("URL", server.url)
    for text, token, words in (
        (hub, "wrong-token", "wants credentials (status 401)"),
        (hub.replace("transport: sse, ", ""), TOKEN, "needs `transport: sse`"),
        (hub, "", "OLD_TOKEN"),
    ):
        (tmp_path / "mcp-hub.yaml").write_text(text, "utf-8")
        done = mcphub(tmp_path, "lock", env={**os.environ, **({"OLD_TOKEN": token} if token else {})})
        assert done.returncode == 1
        assert words in done.stderr
        assert not token or token not in done.stderr
