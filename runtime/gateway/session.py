"""The protocol toward clients without sockets or clock: a request goes in, a command comes out.

This is what HTTP asks for; `conversation` says what differs over standard streams. Both eras share one endpoint.
Legacy (2025-03-26 to 2025-11-25) has a handshake and sessions; modern (2026-07-28) carries everything in each request.
Sources: MCP 2025-11-25 "Lifecycle" and "Transports"; 2026-07-28 "Transports",
"Per-request protocol fields", "Discovery".
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from mcphub_gitops.runtime.gateway import bridge, mirrors, wire
from mcphub_gitops.runtime.gateway.headers import decoded, trimmed
from mcphub_gitops.runtime.gateway.routing import LEGACY, MODERN, Route, Table
from mcphub_gitops.runtime.gateway.shelf import COMPLETE, KEYS, METHODS, NAMED
from mcphub_gitops.runtime.gateway.wire import Fault, Message, Raw

_VERSION: Final = b"mcp-protocol-version"
_SESSION: Final = b"mcp-session-id"
_MODERN_HEADER: Final = MODERN.encode()

# Revision 2026-07-28 ties these codes to an HTTP status; every other error is a successful exchange.
_STATUS: Final[Mapping[int, int]] = {
    wire.PARSE_ERROR: 400,
    wire.INVALID_REQUEST: 400,
    wire.INVALID_PARAMS: 400,
    wire.HEADER_MISMATCH: 400,
    wire.UNSUPPORTED_VERSION: 400,
    -32021: 400,
    wire.METHOD_NOT_FOUND: 404,
}


class Request(msgspec.Struct, frozen=True):
    """One HTTP request that passed the server's own checks: names of `headers` in lower case, `principal` known."""

    method: str
    headers: Mapping[bytes, bytes]
    body: bytes
    principal: str


class Reply(msgspec.Struct, frozen=True):
    """Answer with `status`, a JSON `body` (empty: none) and further headers."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Forward(msgspec.Struct, frozen=True):
    """Call `tool`, or ask for what else has that name, which leads to `route`, with `params`; answer with `finish`.

    `session` is None in the modern era. `profile` is what the tool was called through, empty for the whole.
    """

    tool: str
    route: Route
    identity: bytes
    params: Mapping[str, Raw]
    session: str | None
    profile: str

    @property
    def modern(self) -> bool:
        """Whether the client speaks revision 2026-07-28."""
        return self.session is None


class Cancel(msgspec.Struct, frozen=True):
    """Give up the call `identity` of `session`, if it is still under way, and accept the notification."""

    session: str
    identity: bytes


Command = Reply | Forward | Cancel


@dataclass(frozen=True, slots=True)
class _Session:
    principal: str
    profile: str
    revision: str
    used: float


class Sessions:
    """Legacy sessions: at most `limit`, forgotten after `idle` seconds without a request.

    Each is bound to a principal and to the profile that it was opened at. `mint` returns a new identifier of at least
    128 random bits. Times are seconds of one monotonic clock.
    """

    def __init__(self, *, mint: Callable[[], str], limit: int = 10_000, idle: float = 1800.0) -> None:
        self._mint = mint
        self._limit = limit
        self._idle = idle
        self._open: OrderedDict[str, _Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def start(self, principal: str, profile: str, revision: str, now: float) -> str | None:
        """Open a session and return its identifier, or None when there are too many."""
        self._expire(now)
        if len(self._open) >= self._limit:
            return None
        identity = self._mint()
        self._open[identity] = _Session(principal, profile, revision, now)
        return identity

    def find(self, identity: str, principal: str, profile: str, now: float) -> str | None:
        """Return the revision of a session of this principal and profile and mark it as used; None without one."""
        self._expire(now)
        found = self._open.get(identity)
        if found is None or found.principal != principal or found.profile != profile:
            return None
        self._open[identity] = _Session(principal, profile, found.revision, now)
        self._open.move_to_end(identity)
        return found.revision

    def end(self, identity: str) -> None:
        """Forget a session."""
        self._open.pop(identity, None)

    def _expire(self, now: float) -> None:
        # The least recently used stands first, so the walk ends at the first one that is still young.
        while self._open:
            identity, oldest = next(iter(self._open.items()))
            if now - oldest.used < self._idle:
                return
            del self._open[identity]


_ACCEPTED: Final = Reply(202)


def answer(request: Request, table: Table, sessions: Sessions, now: float) -> Command:
    """Return what to do about `request` at `now` seconds."""
    if request.method == "POST":
        return _post(request, table, sessions, now)
    if request.method == "DELETE" and _SESSION in request.headers:
        identity = request.headers[_SESSION].decode("latin-1")
        if sessions.find(identity, request.principal, table.profile, now) is None:
            return _fail(404, None, Fault(wire.INVALID_REQUEST, "The session is unknown or has ended"))
        sessions.end(identity)
        return Reply(204)
    return Reply(405, b"", ((b"allow", b"POST, DELETE"),))


def finish(forward: Forward, outcome: Message | Fault) -> Reply:
    """Return the reply for a call that ended in `outcome`."""
    if isinstance(outcome, Message):
        try:
            body, code = bridge.response(
                outcome,
                identity=forward.identity,
                params=forward.params,
                to_modern=forward.modern,
                kept=forward.route.method == "resources/read",
            )
        except Fault as reason:
            return finish(forward, reason)
        return Reply(_STATUS.get(code, 200) if code is not None and forward.modern else 200, body)
    status = _STATUS.get(outcome.code, 200) if forward.modern else 200
    return _fail(status, forward.identity, outcome)


def _post(request: Request, table: Table, sessions: Sessions, now: float) -> Command:
    try:
        message = wire.read(request.body)
    except Fault as reason:
        return _fail(400, reason.identity, reason)
    try:
        if _is_modern(request.headers, message):
            return _modern(request.headers, message, table)
    except Fault as reason:
        return _fail(_STATUS.get(reason.code, 200), message.id, reason)
    try:
        return _legacy(request, message, table, sessions, now)
    except Fault as reason:
        return _fail(200, message.id, reason)


def _fail(status: int, identity: bytes | None, reason: Fault) -> Reply:
    return Reply(status, wire.fault(identity, reason))


def _is_modern(headers: Mapping[bytes, bytes], message: Message) -> bool:
    version = trimmed(headers.get(_VERSION))
    if version == _MODERN_HEADER:
        return True
    if version is not None and version.decode("latin-1") in LEGACY:
        return False
    if _SESSION in headers or message.method == "initialize":
        return False
    if version is not None:
        return True
    meta = message.params.get("_meta")
    return meta is not None and bridge.VERSION_KEY in wire.members(meta)


def _modern(headers: Mapping[bytes, bytes], message: Message, table: Table) -> Command:
    if message.method is None:
        raise Fault(wire.INVALID_REQUEST, "A client cannot send responses in this protocol revision")
    if message.id is None:
        # No notification of this revision travels from a client over HTTP: closing the response cancels the request.
        check_version((trimmed(headers.get(_VERSION)) or b"").decode("latin-1"))
        return _ACCEPTED
    version = envelope_version(message)
    _check_headers(headers, message, version)
    check_version(version)
    command = modern_request(message, message.id, table)
    if isinstance(command, Forward) and command.route.mirrors:
        mirrors.check(command.route.mirrors, headers, message.params.get("arguments"))
    return command


def envelope_version(message: Message) -> str:
    """Return the revision that a modern request names; raises Fault where its envelope is not whole."""
    raw = message.params.get("_meta")
    meta = {} if raw is None else wire.members(raw)
    for key in (bridge.VERSION_KEY, bridge.CAPABILITIES_KEY):
        if key not in meta:
            raise Fault(wire.INVALID_PARAMS, f"params._meta lacks {key!r}")
    if not bytes(meta[bridge.CAPABILITIES_KEY]).startswith(b"{"):
        raise Fault(wire.INVALID_PARAMS, f"{bridge.CAPABILITIES_KEY!r} must be an object")
    return wire.text(meta[bridge.VERSION_KEY], bridge.VERSION_KEY)


def _check_headers(headers: Mapping[bytes, bytes], message: Message, version: str) -> None:
    if trimmed(headers.get(_VERSION)) != version.encode():
        raise Fault(wire.HEADER_MISMATCH, "The header MCP-Protocol-Version differs from the body")
    if trimmed(headers.get(b"mcp-method")) != (message.method or "").encode():
        raise Fault(wire.HEADER_MISMATCH, "The header Mcp-Method differs from the body")
    key = NAMED.get(message.method or "", "")
    name = message.params.get(key) if key else None
    if name is not None and decoded(headers.get(b"mcp-name")) != wire.text(name, key).encode():
        raise Fault(wire.HEADER_MISMATCH, "The header Mcp-Name differs from the body")


def check_version(version: str) -> None:
    """Raise Fault when `version` is not the modern revision."""
    if version != MODERN:
        data = {"supported": [MODERN], "requested": version}
        raise Fault(wire.UNSUPPORTED_VERSION, "The protocol version is not supported", data=data)


def modern_request(message: Message, identity: bytes, table: Table) -> Reply | Forward:
    """Return what to do about a request of revision 2026-07-28 whose envelope was checked; raises Fault."""
    if message.method == "tools/call":
        return _call(message, table, session=None)
    if message.method == "tools/list":
        _refuse_cursor(message)
        return Reply(200, wire.result(identity, table.tools_modern))
    if message.method == "server/discover":
        return Reply(200, wire.result(identity, table.discover))
    return _offered(message, identity, table, session=None)


def _offered(message: Message, identity: bytes, table: Table, *, session: str | None) -> Reply | Forward:
    """Return what to do about a request for something beside tools; raises Fault."""
    lists = table.shelf.lists.get(message.method or "")
    if lists is not None:
        _refuse_cursor(message)
        return Reply(200, wire.result(identity, lists[session is None]))
    asked = METHODS.get(message.method or "")
    is_completion = message.method == COMPLETE and bool(table.shelf.lists)
    if not is_completion and (asked is None or not table.shelf.has(asked)):
        raise Fault(wire.METHOD_NOT_FOUND, "The method is not available")
    return _call(message, table, session=session)


_UNKNOWN: Final[Mapping[str, str]] = {
    "tools/call": "The tool is unknown",
    "prompts/get": "The prompt is unknown",
    "resources/read": "The resource is unknown",
    COMPLETE: "What the reference names is unknown",
}


def unknown(method: str, *, modern: bool) -> Fault:
    """Return what a client is told that asks for something which it does not have."""
    # Revision 2026-07-28 gave up the code of its own for resources (SEP-2164).
    is_old = method == "resources/read" and not modern
    return Fault(wire.NO_RESOURCE if is_old else wire.INVALID_PARAMS, _UNKNOWN[method])


def _call(message: Message, table: Table, *, session: str | None) -> Forward:
    method = message.method or ""
    member = KEYS[method]
    name = message.params.get(member)
    if name is None:
        raise Fault(wire.INVALID_PARAMS, f'The member "{member}" is missing')
    tool = _reference(name) if method == COMPLETE else wire.text(name, member)
    route = table.find(method, tool)
    if route is None:
        raise unknown(method, modern=session is None)
    for key in ("arguments", "_meta"):
        value = message.params.get(key)
        if value is not None and not bytes(value).startswith(b"{"):
            raise Fault(wire.INVALID_PARAMS, f'The member "{key}" must be an object')
    return Forward(tool, route, message.id or b"null", message.params, session, table.profile)


def _reference(raw: Raw) -> str:
    if not bytes(raw).startswith(b"{"):
        raise Fault(wire.INVALID_PARAMS, 'The member "ref" must be an object')
    return bytes(raw).decode()


def _refuse_cursor(message: Message) -> None:
    # The whole list is one page, so no cursor was ever handed out.
    if "cursor" in message.params:
        raise Fault(wire.INVALID_PARAMS, "The cursor is unknown")


def _legacy(request: Request, message: Message, table: Table, sessions: Sessions, now: float) -> Command:
    if message.method == "initialize" and message.id is not None:
        return _initialize(request, message, table, sessions, now)
    given = request.headers.get(_SESSION)
    if given is None:
        return _fail(400, message.id, Fault(wire.INVALID_REQUEST, "The header Mcp-Session-Id is missing"))
    session = given.decode("latin-1")
    revision = sessions.find(session, request.principal, table.profile, now)
    if revision is None:
        return _fail(404, message.id, Fault(wire.INVALID_REQUEST, "The session is unknown or has ended"))
    if trimmed(request.headers.get(_VERSION, revision.encode())) != revision.encode():
        reason = Fault(wire.INVALID_REQUEST, "The header MCP-Protocol-Version differs from the session's")
        return _fail(400, message.id, reason)
    if message.id is None or message.method is None:
        return _legacy_notification(message, session)
    return legacy_request(message, message.id, table, session)


def legacy_request(message: Message, identity: bytes, table: Table, session: str) -> Reply | Forward:
    """Return what to do about a request of `session` after its handshake; raises Fault."""
    if message.method == "tools/call":
        return _call(message, table, session=session)
    if message.method == "tools/list":
        _refuse_cursor(message)
        return Reply(200, wire.result(identity, table.tools_legacy))
    if message.method == "ping":
        return Reply(200, wire.result(identity, b"{}"))
    return _offered(message, identity, table, session=session)


def _legacy_notification(message: Message, session: str) -> Command:
    target = message.params.get("requestId") if message.method == "notifications/cancelled" else None
    return _ACCEPTED if target is None else Cancel(session, bytes(target))


def agreed_revision(message: Message, spoken: tuple[str, ...]) -> str:
    """Return which of `spoken`, newest first, is meant for a client that sent the ``initialize`` request `message`.

    Raises Fault when it names none.
    """
    wanted = message.params.get("protocolVersion")
    if wanted is None:
        raise Fault(wire.INVALID_PARAMS, 'The member "protocolVersion" is missing')
    revision = wire.text(wanted, "protocolVersion")
    return revision if revision in spoken else spoken[0]


def _initialize(request: Request, message: Message, table: Table, sessions: Sessions, now: float) -> Command:
    revision = agreed_revision(message, LEGACY)
    session = sessions.start(request.principal, table.profile, revision, now)
    if session is None:
        return _fail(503, message.id, Fault(wire.UNAVAILABLE, "Too many sessions are open"))
    body = wire.result(message.id or b"null", table.initialize[revision])
    return Reply(200, body, ((_SESSION, session.encode()),))
