"""Servers without tools, and a baseline that is missing, with real processes and the whole program."""

from pathlib import Path

import pytest

from tests.support.projects import apply_notes, mcphub

HEAD = 'apiVersion: mcphub/v1\nname: acme\ndefaults: {run: process}\ngateway: {listen: "127.0.0.1:0"}\nservers:\n'
NOTES = HEAD + "  notes: {command: [python3, server.py]}\n"
SILENT = """\
import json, sys

for line in sys.stdin:
    message = json.loads(line)
    answer = {"jsonrpc": "2.0", "id": message.get("id")}
    if message.get("method") == "initialize":
        about = {"capabilities": {"prompts": {}}, "serverInfo": {"name": "prompts", "version": "1"}}
        told = {"protocolVersion": "2025-11-25", **about}
        print(json.dumps({**answer, "result": told}), flush=True)
    elif "id" in message:
        print(json.dumps({**answer, "error": {"code": -32601, "message": "Method not found"}}), flush=True)
"""


def test_a_server_without_tools_is_an_error_unless_it_is_declared(tmp_path: Path) -> None:
    (tmp_path / "prompts.py").write_text(SILENT, "utf-8")
    hub = tmp_path / "mcp-hub.yaml"
    hub.write_text(HEAD + "  prompts: {command: [python3, prompts.py]}\n", "utf-8")
    done = mcphub(tmp_path, "lock")
    assert (done.returncode, "MH405" in done.stderr) == (1, True)
    hub.write_text(HEAD + "  prompts: {command: [python3, prompts.py], tools: {none: for its prompts}}\n", "utf-8")
    done = mcphub(tmp_path, "lock")
    assert (done.returncode, "1 server with 0 tools" in done.stdout) == (0, True), done.stderr
    assert mcphub(tmp_path, "apply", "--auto-approve").returncode == 0
    assert mcphub(tmp_path, "drift").returncode == 0


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("applied")
    apply_notes(folder, NOTES)
    return folder


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mcp-hub.lock", None),
        ("mcp-hub.lock", b"{}"),
        ("mcp-hub.lock", b'{"format": "mcphub.lock/v1", "servers": {}}'),
        ("mcp-hub.tools/notes.json", None),
        ("mcp-hub.tools/notes.json", b"{}"),
        ("mcp-hub.tools/notes.json", b"not JSON"),
    ],
)
def test_a_baseline_that_is_missing_or_damaged_is_never_fine(applied: Path, name: str, content: bytes | None) -> None:
    path = applied / name
    before = path.read_bytes()
    try:
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        codes = {command: mcphub(applied, *command.split()).returncode for command in ("lock --check", "plan", "drift")}
    finally:
        path.write_bytes(before)
    assert codes["lock --check"] in {1, 2}
    assert (codes["plan"], codes["drift"]) == (1, 2)
    assert mcphub(applied, "lock", "--check").returncode == 0
