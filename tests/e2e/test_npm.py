"""A package of npm as a process, through the whole loop."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp_types import TextContent

from tests.support.clients import connected
from tests.support.node import needs_node
from tests.support.projects import mcphub

pytestmark = needs_node

HUB = """\
apiVersion: mcphub/v1
name: node
servers:
  everything: {package: "npm:@modelcontextprotocol/server-everything@2026.8.31", run: process}
gateway: {listen: "127.0.0.1:0"}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("node")
    (folder / "mcp-hub.yaml").write_text(HUB, "utf-8")
    for arguments in (["lock"], ["up", "--detach"]):
        done = mcphub(folder, *arguments)
        assert done.returncode == 0, done.stderr
    yield folder
    assert mcphub(folder, "down").returncode == 0


def test_it_is_locked_with_hashes_and_called(served: Path) -> None:
    lock = json.loads((served / "mcp-hub.lock").read_bytes())["servers"]["everything"]
    assert lock["package"] == "npm:@modelcontextprotocol/server-everything@2026.8.31"
    assert all("sha512-" in line and "://" not in line for line in lock["requirements"])
    assert len(lock["tools"]) == 13

    async def talk() -> str:
        async with connected(served, "auto") as client:
            (content,) = (await client.call_tool("echo", {"message": "hello"})).content
            assert isinstance(content, TextContent)
            return content.text

    assert asyncio.run(talk()) == "Echo: hello"


def test_a_changed_file_is_drift_and_apply_installs_it_again_without_a_network(served: Path) -> None:
    (script,) = (served / ".mcphub" / "packages").glob(
        "*/node_modules/@modelcontextprotocol/server-everything/package.json"
    )
    script.write_bytes(script.read_bytes() + b"\n")
    done = mcphub(served, "drift")
    assert done.returncode == 2
    assert "the installed files of npm:@modelcontextprotocol/server-everything@2026.8.31" in done.stdout
    done = mcphub(served, "apply", "--auto-approve")
    assert done.returncode == 0, done.stderr
    assert mcphub(served, "drift").returncode == 0
