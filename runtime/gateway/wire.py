"""JSON-RPC messages as bytes: what the gateway must know is read, everything else is relayed as it came.

Invariant: a value that the gateway does not change reaches the other side byte for byte. Envelopes are rebuilt around
the raw spans of their members, never cut by searching for a key, so an argument may hold any text.
Sources: JSON-RPC 2.0; MCP 2025-11-25 and 2026-07-28, "Base Protocol" and "Transports".
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

Raw = msgspec.Raw

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022

# The gateway's own codes stand in the range that JSON-RPC leaves to implementations and that MCP does not reserve.
TIMED_OUT: Final = -32001
UNAVAILABLE: Final = -32010
QUARANTINED: Final = -32011
INTERRUPTED: Final = -32012
NO_RESOURCE: Final = -32002
"""The protocol's own, before revision 2026-07-28."""
INPUT_REQUIRED: Final = -32013
CANCELLED: Final = -32014
REFUSED: Final = -32015

MAX_ID: Final = 2**53
_MAX_ID_BYTES: Final = 256
_INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]{0,15})")
# Possessive, so that a key of megabytes leaves nothing to try again.
_KEY = re.compile(rb'[ \t\r\n]*+"(?:[^"\\]++|\\.)*+"[ \t\r\n]*+:[ \t\r\n]*+')
_AFTER = re.compile(rb"[ \t\r\n]*+([,}])")
_OPENING = re.compile(
    rb'[ \t\r]*+\{[ \t\r]*+(?:"jsonrpc"[ \t\r]*+:[ \t\r]*+"2\.0"[ \t\r]*+,[ \t\r]*+)?'
    rb'"id"[ \t\r]*+:[ \t\r]*+(-?[0-9]{1,16}+|"[^"\\]{0,254}")[ \t\r]*+,'
)
_CLOSING = re.compile(rb',[ \t\r]*+"id"[ \t\r]*+:[ \t\r]*+(-?[0-9]{1,16}+|"[^"\\]{0,254}")[ \t\r]*+\}[ \t\r]*+\Z')
_TO_SPACE = bytes.maketrans(b"\r\n", b"  ")
_READ_NAMES: Final = frozenset(
    {"jsonrpc", "id", "method", "params", "result", "error", "name", "arguments", "cursor", "_meta", "uri"}
    | {"inputresponses", "requeststate"}
)
_EXACT_NAMES: Final = (_READ_NAMES - {"inputresponses", "requeststate"}) | {"inputResponses", "requestState"}

_object_decoder: msgspec.json.Decoder[dict[str, Raw]] = msgspec.json.Decoder(dict[str, Raw])
_text_decoder: msgspec.json.Decoder[str] = msgspec.json.Decoder(str)
_encoder = msgspec.json.Encoder()


class Fault(Exception):  # noqa: N818  (JSON-RPC calls it an error object; it is an answer, not a bug)
    """A JSON-RPC error on its way to the one who asked: integer code, message, and `data` as a JSON value or None.

    `identity` is the id of the message that is at fault, where it could be read.
    """

    def __init__(self, code: int, message: str, *, data: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.identity: bytes | None = None


class Message(msgspec.Struct, frozen=True):
    """One JSON-RPC message; a struct because it is made twice a call, in a sixth of a frozen dataclass's time.

    `id` is the raw token of a string or integer; None for a notification. `method` is None for a response, which
    holds exactly one of `result` and `error` as raw JSON. `params` holds the members of the parameters, raw.
    """

    id: bytes | None
    method: str | None
    params: Mapping[str, Raw]
    result: Raw | None = None
    error: Raw | None = None


class _ErrorObject(msgspec.Struct):
    code: int
    message: str


class _ResultHead(msgspec.Struct):
    resultType: str | msgspec.UnsetType = msgspec.UNSET  # noqa: N815  (the wire's spelling)


class _PlainRequest(msgspec.Struct):
    jsonrpc: str
    id: Raw
    method: str
    params: Raw


class _PlainReply(msgspec.Struct):
    jsonrpc: str
    id: Raw
    result: Raw


_request_decoder = msgspec.json.Decoder(_PlainRequest)
_reply_decoder = msgspec.json.Decoder(_PlainReply)
_REQUEST_SIZE: Final = len('{"jsonrpc":"2.0","id":,"method":"","params":}')
_REPLY_SIZE: Final = len('{"jsonrpc":"2.0","id":,"result":}')
_error_decoder = msgspec.json.Decoder(_ErrorObject)
_head_decoder = msgspec.json.Decoder(_ResultHead)
_NO_PARAMS: Final[Mapping[str, Raw]] = {}


def read(data: bytes) -> Message:
    """Return the message that `data` holds.

    Raises Fault with -32700 for what is not JSON (NaN and lone surrogates included) and -32600 for JSON that is not one
    JSON-RPC message: batches, repeated keys, ids other than strings and integers within ±2^53.
    """
    _check_text(data)
    try:
        plain = _request_decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return _read(data)
    # Exactly this long are the four members alone, each once, spelt plainly and without space.
    size = _REQUEST_SIZE + len(plain.id) + len(plain.method) + len(plain.params)
    if size != len(data) or plain.jsonrpc != "2.0":
        return _read(data)
    token = _identity(bytes(plain.id))
    try:
        return Message(token, plain.method, _params(plain.params))
    except Fault as reason:
        reason.identity = token
        raise


def read_reply(data: bytes) -> Message:
    """Return the message that `data` holds, as `read` does; faster where it is a result."""
    _check_text(data)
    try:
        plain = _reply_decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return _read(data)
    if _REPLY_SIZE + len(plain.id) + len(plain.result) != len(data) or plain.jsonrpc != "2.0":
        return _read(data)
    return Message(_identity(bytes(plain.id)), None, _NO_PARAMS, plain.result)


def _check_text(data: bytes) -> None:
    if data.isascii():
        return
    try:
        data.decode()
    except UnicodeDecodeError:
        raise Fault(PARSE_ERROR, "The message is not valid UTF-8") from None


def _read(data: bytes) -> Message:
    found = members(data)
    identity = found.get("id")
    token = None if identity is None else _identity(bytes(identity))
    try:
        return _message(token, found)
    except Fault as reason:
        reason.identity = token
        raise


def _message(token: bytes | None, found: Mapping[str, Raw]) -> Message:
    if bytes(found.get("jsonrpc", b"")) != b'"2.0"':
        raise Fault(INVALID_REQUEST, 'The member "jsonrpc" must be "2.0"')
    _refuse_lookalikes(found)
    method = found.get("method")
    if method is None:
        return _response(token, found)
    name = text(method, "method", code=INVALID_REQUEST)
    if "params" not in found:
        return Message(token, name, _NO_PARAMS)
    return Message(token, name, _params(found["params"]))


def _params(raw: Raw) -> Mapping[str, Raw]:
    params = members(raw)
    _refuse_lookalikes(params)
    return params


def _response(token: bytes | None, found: Mapping[str, Raw]) -> Message:
    result, error = found.get("result"), found.get("error")
    if result is not None and error is not None:
        # JSON-RPC 1.0 named both, the one that did not apply as null; some servers still do.
        error = None if bytes(error) == b"null" else error
        result = None if error is not None and bytes(result) == b"null" else result
    if token is None or (result is None) == (error is None):
        raise Fault(INVALID_REQUEST, "The message is neither a request, a notification nor a response")
    if error is not None:
        try:
            _error_decoder.decode(error)
        except msgspec.MsgspecError:
            raise Fault(INVALID_REQUEST, "The error object needs an integer code and a message") from None
    return Message(token, None, _NO_PARAMS, result, error)


def opening_identity(data: bytes) -> bytes | None:
    """Return the id that a message begins with (alone or after "jsonrpc"), where the rest of it may be broken."""
    found = _OPENING.match(data)
    return None if found is None else found.group(1)


def outer_identity(data: bytes) -> bytes | None:
    """Return the id that stands at either end of a message, where what is between them may be broken or missing.

    The last brace closes the message, so the member before it is the message's own.
    """
    found = _OPENING.match(data) or _CLOSING.search(data)
    return None if found is None else found.group(1)


def members(data: bytes | Raw) -> dict[str, Raw]:
    """Return the members of the JSON object in `data`, in order, values as raw spans without surrounding space.

    Raises Fault as `read` does.
    """
    try:
        found = _object_decoder.decode(data)
    except msgspec.ValidationError:
        raise Fault(INVALID_REQUEST, "A JSON object is expected; batches are not supported") from None
    except (msgspec.DecodeError, RecursionError):
        raise Fault(PARSE_ERROR, "The message is not valid JSON") from None
    # An object without insignificant space has exactly this size; a repeated key would have made it larger.
    size = len(data) - 1
    for key, value in found.items():
        size -= len(key) + len(value) + 4
    if size and not _is_unique(bytes(data), found):
        raise Fault(INVALID_REQUEST, "A key is repeated")
    return found


def _is_unique(data: bytes, found: Mapping[str, Raw]) -> bool:
    """Whether `data` holds exactly the members `found`: the decoder alone keeps the last of two equal keys."""
    at = data.index(b"{") + 1
    mark = b"," if found else b"}"
    for value in found.values():
        key = _KEY.match(data, at)
        raw = bytes(value)
        if key is None or mark != b"," or not data.startswith(raw, key.end()):
            return False
        after = _AFTER.match(data, key.end() + len(raw))
        if after is None:
            return False
        at, mark = after.end(), after.group(1)
    return mark == b"}"


def _refuse_lookalikes(found: Mapping[str, Raw]) -> None:
    """Refuse a key that differs from a protocol member in case alone: some servers would read it as that member."""
    if found.keys() <= _EXACT_NAMES:
        return
    for key in found:
        if key not in _EXACT_NAMES and key.casefold() in _READ_NAMES:
            raise Fault(INVALID_REQUEST, "A key differs from a protocol member in case alone")


def _identity(token: bytes) -> bytes:
    if token.startswith(b'"'):
        if len(token) <= _MAX_ID_BYTES:
            return token
    elif _INTEGER.fullmatch(token) and abs(int(token)) <= MAX_ID:
        return token
    raise Fault(INVALID_REQUEST, "The id must be a short string or an integer within 2^53")


def text(raw: Raw, name: str, *, code: int = INVALID_PARAMS) -> str:
    """Return the string in `raw`; raises Fault with `code` that names the member `name`."""
    try:
        return _text_decoder.decode(raw)
    except msgspec.MsgspecError:
        raise Fault(code, f'The member "{name}" must be a string') from None


def token(value: str) -> bytes:
    """Return `value` as a JSON string."""
    return _encoder.encode(value)


def dump(value: object) -> bytes:
    """Return `value`, built of JSON types, as compact JSON."""
    return _encoder.encode(value)


def join(parts: Mapping[str, bytes | Raw]) -> bytes:
    """Return the JSON object with the given raw members, in their order."""
    return b"{" + b",".join(_pairs(parts)) + b"}"


def _pairs(parts: Mapping[str, bytes | Raw]) -> Iterator[bytes]:
    for key, value in parts.items():
        yield b"%b:%b" % (_encoder.encode(key), value)


def request(number: int, method: str, params: bytes) -> bytes:
    """Return a request as one line of the stdio transport, line break included."""
    head = b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":' % (number, method.encode())
    return one_line(head + params) + b"}\n"


def notification(method: str, params: bytes) -> bytes:
    """Return a notification as one line of the stdio transport, line break included."""
    return one_line(b'{"jsonrpc":"2.0","method":"%b","params":%b' % (method.encode(), params)) + b"}\n"


def result(identity: bytes, value: bytes | Raw) -> bytes:
    """Return the response that carries `value`, untouched."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (identity, value)


def error(identity: bytes | None, value: bytes | Raw) -> bytes:
    """Return the error response that carries the error object `value`, untouched; without an id it says null."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (identity or b"null", value)


def fault(identity: bytes | None, reason: Fault) -> bytes:
    """Return the error response for `reason`."""
    value: dict[str, object] = {"code": reason.code, "message": reason.message}
    if reason.data is not None:
        value["data"] = reason.data
    return error(identity, _encoder.encode(value))


def error_code(value: Raw) -> int:
    """Return the code of an error object that `read` accepted."""
    return _error_decoder.decode(value).code


def result_type(value: Raw) -> str | None:
    """Return `resultType` of a result, None where it is absent; raises Fault -32603 when it is no object or text."""
    try:
        found = _head_decoder.decode(value).resultType
    except msgspec.MsgspecError:
        raise Fault(INTERNAL_ERROR, "The server answered with a result that is not an object") from None
    return None if found is msgspec.UNSET else found


def complete(value: Raw, *, kept: bool = False) -> bytes:
    """Return the result object `value`, which has no `resultType`, as a finished one of revision 2026-07-28.

    One that clients may have `kept` says that this one is for nobody to keep, unless it says otherwise.
    """
    rest = bytes(value)[1:].lstrip()
    head = b'{"resultType":"complete"'
    if kept:
        found = members(value)
        head += b"" if "ttlMs" in found else b',"ttlMs":0'
        head += b"" if "cacheScope" in found else b',"cacheScope":"private"'
    return head + (rest if rest.startswith(b"}") else b"," + rest)


def one_line(data: bytes) -> bytes:
    """Return the message `data`, without a byte that a reader of lines could end one at."""
    # A line break cannot stand raw inside a JSON string, so each one here is insignificant space. Three more characters
    # can stand there and count as line breaks for some line readers.
    if b"\n" in data or b"\r" in data:
        data = data.translate(_TO_SPACE)
    if not data.isascii():
        data = data.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
        data = data.replace(b"\xc2\x85", b"\\u0085")
    return data
