"""JSON-RPC messages as this engine must know them: what a header repeats, and whether a line answers a question.

The lines themselves are relayed as they are. Sources: JSON-RPC 2.0; MCP 2026-07-28, "Transports", "Per-request protocol
fields".
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
CHANGED: Final = b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'

_NAMED: Final[Mapping[str, str]] = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_TO_SPACE: Final = bytes.maketrans(b"\r\n", b"  ")
_HEAD = re.compile(
    rb'[ \t]*+\{[ \t]*+(?:"jsonrpc"[ \t]*+:[ \t]*+"2\.0"[ \t]*+,[ \t]*+)?'
    rb'"id"[ \t]*+:[ \t]*+(-?[0-9]{1,20}+|"[^"\\]{0,254}")[ \t]*+,'
)
# An unescaped quote behind a comma opens a string, so this is the last member of the object that ends the line.
_LAST = re.compile(rb',[ \t]*+"id"[ \t]*+:[ \t]*+(-?[0-9]{1,20}+|"[^"\\]{0,254}")[ \t]*+\}[ \t]*+\Z')
_LAST_SIZE: Final = 400

Kind = Literal["reply", "message", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to the remote: `line` as it is sent, and what stands in it.

    `id` is the token of a request; None for a notification or a response, which has no `method` either. `version` is
    the revision that the message names itself, as revision 2026-07-28 demands, or empty. `name` is what the header
    Mcp-Name repeats. `cancels` is the token of the request that a notification takes back.
    """

    line: bytes
    id: bytes | None
    method: str
    version: str
    name: str | None
    arguments: object
    cancels: bytes | None
    continues: bool

    @property
    def modern(self) -> bool:
        """Whether the message belongs to revision 2026-07-28 or later, in which each one stands for itself."""
        return bool(self.version)


def read(line: bytes) -> Outgoing:
    """Return what `line` says; raises ValueError when it is no JSON object."""
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("a message is a JSON object")  # noqa: TRY004  (a wrong value, as any text that is no JSON)
    method = found.get("method") or ""
    params = _object(found.get("params"))
    name = params.get(_NAMED.get(method, ""))
    cancels = params.get("requestId") if method == "notifications/cancelled" else None
    return Outgoing(
        line=line,
        id=json.dumps(found["id"]).encode() if method and "id" in found else None,
        method=method,
        version=str(_object(params.get("_meta")).get(VERSION_KEY) or ""),
        name=name if isinstance(name, str) else None,
        arguments=params.get("arguments"),
        cancels=None if cancels is None else json.dumps(cancels).encode(),
        continues="cursor" in params,
    )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def one_line(text: bytes) -> bytes:
    """Return `text` without line breaks, which are insignificant space in JSON, and without a byte order mark."""
    text = text.removeprefix(b"\xef\xbb\xbf")
    return text.translate(_TO_SPACE) if b"\n" in text or b"\r" in text else text


def kind_of(line: bytes, identity: bytes | None) -> Kind:
    """Return whether `line` is the reply to the request with the token `identity`, another message, or neither.

    A line that names its id at one end is not read between: whoever takes it finds out whether it is whole.
    """
    kind, answered = answered_by(line)
    return "message" if kind == "reply" and answered != identity else kind


def answered_by(line: bytes) -> tuple[Kind, bytes | None]:
    """Return whether `line` is a reply, to the request with which token, or another message, or neither.

    It is read as by `kind_of`.
    """
    if b'"method"' not in line:
        found = _HEAD.match(line) or _LAST.search(line, max(0, len(line) - _LAST_SIZE))
        if found is not None:
            return "reply", found.group(1)
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return "unreadable", None
    if not isinstance(value, dict):
        return "unreadable", None
    if "method" in value or "id" not in value:
        return "message", None
    return "reply", json.dumps(value["id"]).encode()


def error_of(text: bytes) -> tuple[bytes | None, bytes] | None:
    """Return the id's token (None where it is null or missing) and the error object of an error response in `text`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict) or type(error.get("code")) is not int or not isinstance(error.get("message"), str):
        return None
    identity = value.get("id")
    return None if identity is None else json.dumps(identity).encode(), json.dumps(error).encode()


def error_reply(identity: bytes, error: bytes) -> bytes:
    """Return the response that carries the error object `error`."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (identity, error)


def own_error(identity: bytes, code: int, words: str) -> bytes:
    """Return the error response of this engine's own."""
    return error_reply(identity, json.dumps({"code": code, "message": words}).encode())


def result_of(line: bytes) -> dict[str, Any]:
    """Return the result of a response, empty where there is none or it is no object."""
    try:
        return _object(_object(json.loads(line)).get("result"))
    except (ValueError, RecursionError):
        return {}


def head_identity(line: bytes) -> bytes | None:
    """Return the id that `line` begins with, where the rest of it cannot be read."""
    found = _HEAD.match(line)
    return None if found is None else found.group(1)
