"""A small MCP server over stdio on the standard library alone: notes kept in a file of the server's own folder.

It speaks both eras of the protocol: the handshake of 2025-11-25 and before, and the stateless requests of 2026-07-28.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

MODERN = "2026-07-28"
LEGACY = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
ABOUT = {"name": "notes", "version": "1.0.0"}
CAPABILITIES: dict[str, Any] = {"tools": {}}
NOTES = Path(os.environ.get("HOME", ".")) / "notes.json"

TOOLS = [
    {
        "name": "add_note",
        "title": "Add a note",
        "description": "Keep a note under a title; a note that is already there is replaced.",
        "inputSchema": {
            "type": "object",
            "properties": {"title": {"type": "string"}, "text": {"type": "string"}},
            "required": ["title", "text"],
        },
        "annotations": {"readOnlyHint": False, "destructiveHint": True, "openWorldHint": False},
    },
    {
        "name": "list_notes",
        "title": "List notes",
        "description": "Return the titles of all notes.",
        "inputSchema": {"type": "object", "properties": {}},
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    },
    {
        "name": "read_note",
        "title": "Read a note",
        "description": "Return the text of one note.",
        "inputSchema": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
        "annotations": {"readOnlyHint": True, "openWorldHint": False},
    },
]


class Refused(Exception):  # noqa: N818  (an answer to the caller, not a defect)
    """A JSON-RPC error: code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def load() -> dict[str, str]:
    """Return all notes by title."""
    try:
        notes: dict[str, str] = json.loads(NOTES.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return notes


def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Carry out one tool call; what the caller did wrong is told in the result, as the protocol asks."""
    needed = next((tool["inputSchema"].get("required", []) for tool in TOOLS if tool["name"] == name), None)
    if needed is None:
        raise Refused(-32602, f"Unknown tool: {name}")
    missing = [key for key in needed if not isinstance(arguments.get(key), str)]
    if missing:
        return text(f"Needed as text: {', '.join(missing)}", failed=True)
    notes = load()
    if name == "add_note":
        notes[arguments["title"]] = arguments["text"]
        NOTES.write_text(json.dumps(notes, sort_keys=True), "utf-8")
        return text(f"Kept {arguments['title']!r}.")
    if name == "list_notes":
        return text("\n".join(sorted(notes)) or "There are no notes.")
    if arguments["title"] not in notes:
        return text(f"There is no note {arguments['title']!r}.", failed=True)
    return text(notes[arguments["title"]])


def text(words: str, *, failed: bool = False) -> dict[str, Any]:
    """Return a tool result of one text."""
    return {"content": [{"type": "text", "text": words}], "isError": failed}


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return the result of one request; raises Refused."""
    if method == "initialize":
        asked = params.get("protocolVersion")
        revision = asked if asked in LEGACY else LEGACY[0]
        return {"protocolVersion": revision, "capabilities": CAPABILITIES, "serverInfo": ABOUT}
    if method == "server/discover":
        return {"supportedVersions": [MODERN], "capabilities": CAPABILITIES}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        arguments = params.get("arguments") or {}
        if not isinstance(arguments, dict):
            raise Refused(-32602, "The arguments are no object")
        return call(str(params.get("name")), arguments)
    if method == "ping":
        return {}
    raise Refused(-32601, f"Unknown method: {method}")


def finish(result: dict[str, Any], method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Add what revision 2026-07-28 demands of results, where the request is of that revision."""
    meta = params.get("_meta")
    if not isinstance(meta, dict) or "io.modelcontextprotocol/protocolVersion" not in meta:
        return result
    caching = {} if method == "tools/call" else {"ttlMs": 0, "cacheScope": "private"}
    return {**result, "resultType": "complete", "_meta": {"io.modelcontextprotocol/serverInfo": ABOUT}, **caching}


def reply_to(line: bytes) -> dict[str, Any] | None:
    """Return the answer to one message; None where there is nothing to answer."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return failure(None, -32700, "The line is no JSON that can be read")
    if not isinstance(message, dict):
        return failure(None, -32600, "A message is a JSON object")
    identity, method, params = message.get("id"), message.get("method"), message.get("params", {})
    if identity is None or method is None:
        return None
    if not isinstance(method, str) or not isinstance(params, dict):
        return failure(identity, -32600, "A request has a method and an object of parameters")
    try:
        result = finish(answer(method, params), method, params)
    except Refused as refusal:
        return failure(identity, refusal.code, refusal.message)
    return {"jsonrpc": "2.0", "id": identity, "result": result}


def failure(identity: object, code: int, message: str) -> dict[str, Any]:
    """Return an error response."""
    return {"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": message}}


def main() -> None:
    """Answer one message a line until the input ends."""
    for line in sys.stdin.buffer:
        reply = reply_to(line)
        if reply is not None:
            sys.stdout.write(json.dumps(reply) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
