"""A hub whose server is remote: another hub's gateway, which is a streamable HTTP server with a token."""

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

HUB = """\
apiVersion: mcphub/v1
name: far
servers:
  far:
    remote: {url: "URL", private: it is on this machine, headers: {Authorization: "Bearer ${secrets.TOKEN}"}}
    secrets: {TOKEN: "env://FAR_TOKEN"}
    tools: {allow: [add_note, read_note, "time_*"]}
    prefix: far
gateway: {listen: "127.0.0.1:0"}
"""


@pytest.fixture(scope="module")
def far(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("far")
    url = json.loads((served / ".mcphub" / "serving.json").read_bytes())["url"]
    (folder / "mcp-hub.yaml").write_text(HUB.replace("URL", url), "utf-8")
    env = {**os.environ, "FAR_TOKEN": (served / ".mcphub" / "token").read_text("utf-8").strip()}
    for arguments in (["lock"], ["up", "--detach"]):
        done = mcphub(folder, *arguments, env=env)
        assert done.returncode == 0, done.stderr
    yield folder, env
    assert mcphub(folder, "down", env=env).returncode == 0


@pytest.mark.parametrize("mode", MODES)
def test_clients_of_both_eras_call_through_to_the_remote(
    far: tuple[Path, dict[str, str]], mode: Literal["auto", "legacy"]
) -> None:
    async def talk() -> None:
        async with connected(far[0], mode) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == {"far_add_note", "far_read_note", "far_time_convert_time", "far_time_get_current_time"}
            await client.call_tool("far_add_note", {"title": f"far {mode}", "text": "kept"})
            result = await client.call_tool("far_read_note", {"title": f"far {mode}"})
            (content,) = result.content
            assert isinstance(content, TextContent)
            assert content.text == "kept"

    asyncio.run(talk())


def test_the_plan_and_the_status_say_that_it_is_remote(far: tuple[Path, dict[str, str]]) -> None:
    folder, env = far
    found = json.loads(mcphub(folder, "status", "--output", "json", env=env).stdout)
    assert [(row["kind"], row["state"], row["tools"]) for row in found["servers"]] == [("remote", "up", 4)]
    assert mcphub(folder, "drift", env=env).stdout.startswith("No drift.")
    token = env["FAR_TOKEN"].encode()
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "token"]
    assert [path for path in files if token in path.read_bytes()] == []


def test_a_wrong_token_is_told_and_an_address_that_is_not_public_needs_a_reason(
    far: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder, env = far
    text = (folder / "mcp-hub.yaml").read_text("utf-8")
    (tmp_path / "mcp-hub.yaml").write_text(text, "utf-8")
    done = mcphub(tmp_path, "lock", env={**env, "FAR_TOKEN": "wrong-token-of-the-test"})
    assert done.returncode == 1
    assert "could not be asked for its tools" in done.stderr
    assert "wrong-token-of-the-test" not in done.stderr
    (tmp_path / "mcp-hub.yaml").write_text(
        text.replace(", private: it is on this machine", "").replace("http://", "https://"), "utf-8"
    )
    done = mcphub(tmp_path, "lock", env=env)
    assert done.returncode == 1
    assert "public" in done.stderr
