"""Between the two protocol eras: what a call's parameters and results need on the other side.

Source: MCP 2026-07-28, "Per-request protocol fields", "Multi Round-Trip Requests" and `CallToolResult`; 2025-11-25,
"Tools".
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.routing import MODERN
from mcphub_gitops.runtime.gateway.wire import Fault, Message, Raw

PREFIX: Final = "io.modelcontextprotocol/"
VERSION_KEY: Final = PREFIX + "protocolVersion"
CAPABILITIES_KEY: Final = PREFIX + "clientCapabilities"
CLIENT_KEY: Final = PREFIX + "clientInfo"
LOG_KEY: Final = PREFIX + "logLevel"

_ENVELOPE: Final = frozenset({VERSION_KEY, CAPABILITIES_KEY, CLIENT_KEY})
# Progress and log messages have no way back to the client while answers are single documents, so none are asked for.
_UNSENT: Final = frozenset({"progressToken", LOG_KEY})
# A receiver that offers no tasks must ignore the wish for one (2025-11-25, "Tasks"), and the gateway offers none.
_DROPPED: Final = frozenset({"_meta", "task"})
# An escape could spell one of them.
_MAY_BE_UNSENT = re.compile(rb"progressToken|logLevel|\\")
_EMPTY: Final = Raw(b"{}")
_FRAMING: Final = frozenset({wire.HEADER_MISMATCH, wire.UNSUPPORTED_VERSION})
_INPUT: Final = "input_required"
# The capability that a client declares for each thing that it can be asked for.
_ASKED_OF: Final = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}


class _Asked(msgspec.Struct):
    method: str


class _InputRequired(msgspec.Struct):
    inputRequests: dict[str, _Asked] = {}  # noqa: N815  (the wire's spelling)
    requestState: str | None = None  # noqa: N815


_input_decoder = msgspec.json.Decoder(_InputRequired)


def envelope(client: bytes) -> dict[str, bytes | Raw]:
    """Return the members of `_meta` that revision 2026-07-28 demands, for a client without optional capabilities."""
    return {VERSION_KEY: wire.token(MODERN), CAPABILITIES_KEY: b"{}", CLIENT_KEY: client}


def call_params(
    params: Mapping[str, Raw], *, name: bytes, from_modern: bool, to_modern: bool, client: bytes, key: str = "name"
) -> bytes:
    """Return the parameters of a ``tools/call`` for the server: its own tool name, `_meta` of its own era.

    So are those of other requests, which say by `key` what they are about. `client` is the gateway's own
    `Implementation` object, told to a modern server on behalf of a legacy client.
    """
    meta = params.get("_meta")
    pieces = [b"{", wire.token(key), b":", name]
    for member, value in params.items():
        if member == "arguments":
            pieces += b',"arguments":', value
        elif member not in _DROPPED and member != key:
            pieces += b",", wire.token(member), b":", value
    sent = _meta(_EMPTY if meta is None else meta, from_modern=from_modern, to_modern=to_modern, client=client)
    if sent is not None:
        pieces += b',"_meta":', sent
    pieces.append(b"}")
    return b"".join(pieces)


def _meta(meta: Raw, *, from_modern: bool, to_modern: bool, client: bytes) -> bytes | Raw | None:
    if from_modern and to_modern and not _MAY_BE_UNSENT.search(meta):
        return meta
    members: dict[str, Raw] = wire.members(meta)
    unwanted = _UNSENT if from_modern and to_modern else _UNSENT | _ENVELOPE
    kept: dict[str, bytes | Raw] = {key: value for key, value in members.items() if key not in unwanted}
    if to_modern and not from_modern:
        kept.update(envelope(client))
    return wire.join(kept) if kept else None


def response(
    answer: Message, *, identity: bytes, params: Mapping[str, Raw], to_modern: bool, kept: bool = False
) -> tuple[bytes, int | None]:
    """Return the response for the client, and its error code or None; `params` are those of the client's own request.

    `kept` is whether clients of revision 2026-07-28 may keep results of the kind.

    Raises Fault for a kind of result that the gateway offers no extension for, and when a server asks for input that
    this client cannot be asked for: its era has no way for it, or it did not declare the capability.
    """
    if answer.error is not None:
        code = wire.error_code(answer.error)
        if code in _FRAMING:
            # These speak of the gateway's own framing toward the server; a client would take them for its own.
            raise Fault(wire.INTERNAL_ERROR, "The server did not accept how the gateway framed the request")
        return wire.error(identity, answer.error), code
    result = answer.result or _EMPTY
    kind = wire.result_type(result)
    if kind is None and to_modern:
        return wire.result(identity, wire.complete(result, kept=kept)), None
    if kind == _INPUT:
        if not to_modern:
            raise Fault(
                wire.INPUT_REQUIRED, "The server asks for further input, which this protocol revision cannot carry"
            )
        _check_input(result, params.get("_meta", _EMPTY))
    elif kind not in {None, "complete"}:
        raise Fault(wire.INTERNAL_ERROR, "The server answered with a kind of result that the gateway does not know")
    return wire.result(identity, result), None


def _check_input(result: Raw, meta: Raw) -> None:
    """Raise Fault unless all that is asked for is what `meta` says the client can be asked for (2026-07-28, "MRTR")."""
    try:
        asked = _input_decoder.decode(result)
    except msgspec.MsgspecError:
        raise Fault(wire.INTERNAL_ERROR, "The server asks for further input in a form that cannot be read") from None
    if not asked.inputRequests and asked.requestState is None:
        raise Fault(wire.INTERNAL_ERROR, "The server asks for further input and does not say which")
    declared = wire.members(wire.members(meta).get(CAPABILITIES_KEY, _EMPTY))
    if any(_ASKED_OF.get(each.method) not in declared for each in asked.inputRequests.values()):
        raise Fault(wire.INPUT_REQUIRED, "The server asks for input that the client did not declare a capability for")
