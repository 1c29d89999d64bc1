"""The example server answers whatever it is sent, and goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SERVER = Path(__file__).parents[2] / "examples" / "notes" / "server.py"
PING = b'{"jsonrpc":"2.0","id":"last","method":"ping"}'


def talk(home: Path, *lines: bytes) -> list[dict[str, Any]]:
    """Return what the server answers to `lines` and a ping behind them."""
    done = subprocess.run(
        [sys.executable, "-I", str(SERVER)],
        input=b"\n".join([*lines, PING, b""]),
        capture_output=True,
        check=False,
        timeout=30,
        env={**os.environ, "HOME": str(home)},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    *answers, last = map(json.loads, done.stdout.splitlines())
    assert last == {"jsonrpc": "2.0", "id": "last", "result": {}}
    return answers


def request(method: str, params: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"hello", -32700),
        (b"[" * 100_000, -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","n":' + b"9" * 5000 + b"}", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"p\xff"}', -32700),
        (b"7", -32600),
        (b"[]", -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (request("ping", []), -32600),
        (request("nonsense", {}), -32601),
        (request("tools/call", {"name": "drop_note"}), -32602),
        (request("tools/call", {"name": "read_note", "arguments": ["a"]}), -32602),
    ],
)
def test_what_it_cannot_answer_is_an_error_and_not_the_end(tmp_path: Path, line: bytes, code: int) -> None:
    (answer,) = talk(tmp_path, line)
    assert answer["error"]["code"] == code


@pytest.mark.parametrize(
    "line", [b'{"jsonrpc":"2.0","method":"notifications/x"}', b'{"jsonrpc":"2.0","id":1,"result":{}}']
)
def test_notifications_and_responses_are_not_answered(tmp_path: Path, line: bytes) -> None:
    assert talk(tmp_path, line) == []


def test_notes_are_kept_whatever_stands_in_them(tmp_path: Path) -> None:
    note = {"title": "\ud800 é \u2028", "text": "line\nbreak \udfff"}
    talk(tmp_path, request("tools/call", {"name": "add_note", "arguments": note}))
    read, listed = talk(
        tmp_path,
        request("tools/call", {"name": "read_note", "arguments": note}),
        request("tools/call", {"name": "list_notes", "_meta": 7}),
    )
    assert read["result"] == {"content": [{"type": "text", "text": note["text"]}], "isError": False}
    assert listed["result"]["content"][0]["text"] == note["title"]
