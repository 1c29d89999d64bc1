"""The protocol's own TypeScript clients, of both major versions, over both transports."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.node import needs_node
from tests.support.projects import MCPHUB, mcphub
from tests.support.typescript_clients import CLIENTS as CLIENTS_FOLDER
from tests.support.typescript_clients import install_clients, run_client

pytestmark = needs_node

ROOT = Path(__file__).parents[2]
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
gateway: {listen: "127.0.0.1:0"}
servers:
  notes: {command: [python3, server.py]}
  echo: {command: [python3, gateway_echo.py], tools: {allow: [echo, hang, refuse, said]}}
"""
TOOLS = ["echo", "hang", "refuse", "said", "add_note", "list_notes", "read_note"]
CLIENTS = [
    pytest.param(1, "legacy", "2025-11-25", id="sdk-1"),
    pytest.param(2, "legacy", "2025-11-25", id="client-2-legacy"),
    pytest.param(2, "auto", "2026-07-28", id="client-2-auto"),
]


@pytest.fixture(scope="module")
def clients(request: pytest.FixtureRequest) -> Path:
    cache = request.config.cache
    assert cache is not None
    return install_clients(cache)


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "mcp-hub.yaml").write_text(HUB, "utf-8")
    for source in ("examples/notes/server.py", "tests/support/gateway_echo.py"):
        shutil.copy(ROOT / source, folder)
    for arguments in (["lock"], ["apply", "--auto-approve"]):
        done = mcphub(folder, *arguments)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(params=["http", "stdio"])
def served(request: pytest.FixtureRequest, applied: Path) -> Iterator[dict[str, object]]:
    """How a client reaches a gateway of the hub."""
    if request.param == "stdio":
        yield {"command": [MCPHUB, "gateway", "run", "--stdio"], "cwd": str(applied)}
        return
    assert mcphub(applied, "up", "--detach").returncode == 0
    yield {
        "url": json.loads((applied / ".mcphub" / "serving.json").read_bytes())["url"],
        "token": (applied / ".mcphub" / "token").read_text("utf-8").strip(),
    }
    assert mcphub(applied, "down").returncode == 0
    assert mcphub(applied, "apply", "--auto-approve").returncode == 0


@pytest.mark.parametrize(("sdk", "mode", "revision"), CLIENTS)
def test_a_typescript_client_lists_calls_and_cancels(
    clients: Path, served: dict[str, object], sdk: int, mode: str, revision: str
) -> None:
    found = run_client(clients, {**served, "sdk": sdk, "mode": mode})
    # Over HTTP each request is answered, also one that was cancelled, and the client tells that it expected nothing.
    assert [error for error in found["errors"] if "The call was cancelled" not in error] == []
    assert found["revision"] == revision
    assert found["server"] == "acme"
    assert sorted(found["tools"]) == sorted(TOOLS)
    assert text_of(found["kept"]) == "Kept 'ts'."
    assert text_of(found["read"]) == "é\u2028\n"
    assert found["many"] == list(range(20))
    assert found["failed"]["isError"]
    assert text_of(found["failed"]) == "There is no note 'no such note'."
    assert (found["unknown"]["code"], found["refused"]["code"]) == (-32602, -32042)
    assert "unknown" in found["unknown"]["message"]
    assert "result" not in found["cancelled"]
    assert found["heard"]


def text_of(result: Any) -> str:  # noqa: ANN401  (any JSON value)
    (content,) = result["content"]
    text = content["text"]
    assert isinstance(text, str)
    return text


def test_the_lock_file_of_the_clients_has_a_hash_for_each_and_names_no_registry() -> None:
    packages = json.loads((CLIENTS_FOLDER / "package-lock.json").read_bytes())["packages"]
    del packages[""]
    assert len(packages) > 50
    assert all("integrity" in package and "resolved" not in package for package in packages.values())
