"""The gateway as a bare ASGI application: MCP endpoints, and addresses for those who watch over it.

The whole is served at one endpoint, each profile at another.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from mcphub_gitops.runtime.gateway import session, wire
from mcphub_gitops.runtime.gateway.access import Access, refuse_repeated
from mcphub_gitops.runtime.gateway.fleet import Fleet
from mcphub_gitops.runtime.gateway.generation import Generation
from mcphub_gitops.runtime.gateway.keys import Principal
from mcphub_gitops.runtime.gateway.routing import WHOLE
from mcphub_gitops.runtime.gateway.session import Cancel, Forward, Reply, Request, Sessions
from mcphub_gitops.runtime.gateway.wire import Fault, Message
from mcphub_gitops.runtime.gateway.words import contained, printable

log = logging.getLogger("mcphub.gateway")

ENDPOINT: Final = "/mcp"
STATUS: Final = "/status"
LOGS: Final = "/logs/"
WATCHED: Final = frozenset({"/health", "/ready"})

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

_JSON: Final = (b"content-type", b"application/json")
_TOO_LARGE: Final = Reply(413, wire.fault(None, Fault(wire.REFUSED, "The request body is too large")))
_BUSY: Final = Reply(
    503,
    wire.fault(None, Fault(wire.UNAVAILABLE, "Too many requests are being read; try again")),
    ((b"retry-after", b"1"),),
)
# Lengths of this many digits are looked at before the first byte of the body is asked for.
_LONG: Final = 6
_NO_CONTENT: Final = 204
_NOTE_SECONDS: Final = 1.0


@dataclass(slots=True)
class _Call:
    """A legacy call under way, as a notification can cancel it."""

    task: "asyncio.Task[Any]"
    cancelled: bool = False


class _Gone(Exception):  # noqa: N818  (the client's choice, nobody's mistake)
    """The client went away before its request was whole."""


class Gateway:
    """The ASGI callable. `body` is the longest request body in bytes, `buffered` the most bytes of all held at once.

    A request counts against `buffered` from its first byte until it is answered.
    """

    def __init__(
        self, *, fleet: Fleet, access: Access, sessions: Sessions, body: int = 4 * 1024**2, buffered: int = 64 * 1024**2
    ) -> None:
        self._fleet = fleet
        self._access = access
        self._sessions = sessions
        self._body = body
        self._room = buffered
        self._calls: dict[tuple[str, bytes], _Call] = {}
        self._now = asyncio.get_running_loop().time
        self._noted = -_NOTE_SECONDS
        self._unnoted = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the servers running; every child has been stopped when this is left."""
        async with self._fleet.running():
            yield

    async def switch(self, generation: Generation, access: Access | None = None) -> None:
        """Serve `generation` from now on, with other checks if `access` is given; see `Fleet.switch`."""
        await self._fleet.switch(generation)
        self._access = access or self._access

    async def close(self) -> None:
        """Let the calls under way end within their time; those that still come fail."""
        await self._fleet.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            raise ValueError(f"the scope {scope['type']!r} is not served")
        reply: Reply | None = None
        with contained(log.warning):
            try:
                reply = await self._reply(scope, receive)
            except _Gone:
                return
        if reply is None:
            reply = Reply(500, wire.fault(None, Fault(wire.INTERNAL_ERROR, "The gateway has a bug; see its log")))
        await _send(send, reply)

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        profile = WHOLE if scope["path"] == ENDPOINT else self._fleet.profiles.get(scope["path"])
        if profile is not None:
            return await self._endpoint(scope, receive, profile)
        if scope["path"] == STATUS or scope["path"].startswith(LOGS):
            return self._tell(scope)
        return self._watch(scope)

    def _watch(self, scope: Scope) -> Reply:
        if scope["path"] not in WATCHED:
            return Reply(404, wire.dump({"error": f"There is nothing here; the endpoint is {ENDPOINT}"}))
        if scope["method"] not in {"GET", "HEAD"}:
            return Reply(405, b"", ((b"allow", b"GET, HEAD"),))
        if scope["path"] == "/health":
            return Reply(200, b'{"alive":true}')
        refusal = self._access.refuse_place(dict(scope["headers"]))
        if refusal is not None:
            return refusal
        waiting = self._fleet.waiting()
        return Reply(503 if waiting else 200, wire.dump({"ready": not waiting, "waiting": waiting}))

    def _tell(self, scope: Scope) -> Reply:
        """Tell the operator, who has the gateway's own token, how the servers fare or what one of them said."""
        caller = self._caller(scope, dict(scope["headers"]), None)
        if isinstance(caller, Reply):
            return caller
        if scope["method"] not in {"GET", "HEAD"}:
            return Reply(405, b"", ((b"allow", b"GET, HEAD"),))
        upstreams = self._fleet.upstreams
        if scope["path"] == STATUS:
            return Reply(200, wire.dump({"servers": [asdict(each.standing()) for each in upstreams.values()]}))
        found = upstreams.get(scope["path"].removeprefix(LOGS))
        if found is None:
            return Reply(404, wire.dump({"error": "There is no such server"}))
        return Reply(200, wire.dump({"said": found.complaints()}))

    async def _endpoint(self, scope: Scope, receive: Receive, profile: str) -> Reply:
        headers, access = dict(scope["headers"]), self._access
        caller = self._caller(scope, headers, profile)
        if isinstance(caller, Reply):
            return caller
        length = headers.get(b"content-length", b"").strip().lstrip(b"0")
        if len(length) > _LONG and int(length) > self._body:
            return _TOO_LARGE
        held = 0
        pieces: list[bytes] = []
        try:
            more = True
            while more:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise _Gone
                piece = event.get("body", b"")
                held += len(piece)
                self._room -= len(piece)
                if held > self._body:
                    return _TOO_LARGE
                if self._room < 0:
                    return _BUSY
                pieces.append(piece)
                more = event.get("more_body", False)
            # What is served may have changed while the body came, and with it whom it is for.
            caller = caller if access is self._access else self._caller(scope, headers, profile)
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            return await self._judged(scope, headers, body, profile, caller)
        finally:
            self._room += held

    def _caller(self, scope: Scope, headers: Mapping[bytes, bytes], profile: str | None) -> Principal | Reply:
        """Return who sent `scope` and may enter `profile`, or watch where that is None; else the answer, noted."""
        pairs, access = scope["headers"], self._access
        refusal = (refuse_repeated(pairs) if len(headers) != len(pairs) else None) or access.refuse_place(headers)
        caller = refusal or access.identify(headers, scope["query_string"])
        if isinstance(caller, Reply):
            self._note(scope, caller.status)
            return caller
        refusal = access.refuse_watcher(caller) if profile is None else access.refuse_entry(caller, profile)
        if refusal is not None:
            self._note(scope, refusal.status, caller)
        return refusal or caller

    def _is_admitted(self, scope: Scope, headers: Mapping[bytes, bytes], profile: str) -> bool:
        return not isinstance(self._caller(scope, headers, profile), Reply)

    def _note(self, scope: Scope, status: int, caller: Principal | None = None) -> None:
        """Log a refusal, but no more than one a second: a stranger must not fill the disk."""
        now = self._now()
        if now - self._noted < _NOTE_SECONDS:
            self._unnoted += 1
            return
        more = f"; {self._unnoted} more since the last line" if self._unnoted else ""
        whose = f" of {caller}" if caller is not None else ""
        log.info("refused a request%s from %s with status %d%s", whose, _peer(scope), status, more)
        self._noted, self._unnoted = now, 0

    async def _judged(
        self, scope: Scope, headers: Mapping[bytes, bytes], body: bytes, profile: str, caller: Principal | Reply
    ) -> Reply:
        if isinstance(caller, Reply):
            return caller
        request = Request(scope["method"], headers, body, str(caller))
        return await self._answer(request, profile, partial(self._is_admitted, scope, headers, profile))

    async def _answer(self, request: Request, profile: str, is_admitted: Callable[[], bool]) -> Reply:
        command = session.answer(request, self._fleet.table(profile), self._sessions, self._now())
        if isinstance(command, Forward):
            if command.session is None:
                return session.finish(command, await self._outcome(command, is_admitted))
            return session.finish(command, await self._cancellable(command, command.session, is_admitted))
        if isinstance(command, Cancel):
            found = self._calls.get((command.session, command.identity))
            if found is not None and not found.cancelled:
                found.cancelled = True
                found.task.cancel()
            return Reply(202)
        return command

    async def _outcome(self, forward: Forward, is_admitted: Callable[[], bool]) -> Message | Fault:
        try:
            return await self._fleet.call(forward, is_admitted)
        except Fault as reason:
            return reason

    async def _cancellable(self, forward: Forward, owner: str, is_admitted: Callable[[], bool]) -> Message | Fault:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is answered in a task of its own")
        key = (owner, forward.identity)
        call = _Call(task)
        self._calls[key] = call
        try:
            return await self._outcome(forward, is_admitted)
        except asyncio.CancelledError:
            if not call.cancelled or task.uncancel():
                raise
            return Fault(wire.CANCELLED, "The call was cancelled")
        finally:
            if self._calls.get(key) is call:
                del self._calls[key]


def _peer(scope: Mapping[str, Any]) -> str:
    client = scope.get("client")
    return printable(str(client[0])) if client else "an unknown address"


async def _send(send: Send, reply: Reply) -> None:
    headers = [*reply.headers]
    if reply.body:
        headers += _JSON, (b"content-length", b"%d" % len(reply.body))
    elif reply.status != _NO_CONTENT:
        headers.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
