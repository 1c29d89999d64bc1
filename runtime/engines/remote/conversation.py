"""The protocol over HTTP, both eras: what is POSTed, what is listened to, and how an answer's messages are found.

Invariant: a request is POSTed at most once, and `ask` returns when its reply was told, or raises.
Sources: MCP 2025-11-25 and 2026-07-28, "Transports", streamable HTTP.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import Any, ClassVar, Final

from mcphub_gitops.runtime.engines.remote import message, mirrors
from mcphub_gitops.runtime.engines.remote.endpoint import Answer, Endpoint
from mcphub_gitops.runtime.engines.remote.events import EventReader
from mcphub_gitops.runtime.engines.remote.message import Outgoing
from mcphub_gitops.runtime.engines.remote.mirrors import Mirror
from mcphub_gitops.runtime.engines.remote.trouble import (
    OverrunError,
    SessionOverError,
    Trouble,
    kind_trouble,
    other_transport,
    status_trouble,
)

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"

_ERROR_SIZE: Final = 64 * 1024
_ERROR_SECONDS: Final = 10.0
_LINGER: Final = 0.5
"""Seconds for an answer to end after the reply, so that its connection can be used again."""

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_LONGEST_RETRY: Final = 30.0
_RESUMPTIONS: Final = 3
"""Connections in a row that may bring nothing before a reply that was promised is given up."""

_STEADY: Final = 30.0
"""A stream that lasted so many seconds was no failure."""

_PERHAPS_SSE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
"""What a server that speaks HTTP with SSE alone says to a POST (MCP 2025-11-25, "Backwards Compatibility")."""

_SESSION = re.compile(r"[\x21-\x7e]{1,1024}")
_PING: Final = b'{"jsonrpc":"2.0","id":"mcphub-session","method":"ping"}'


class Conversation:
    """What is said to and by one remote. `tell` takes each message that comes in, `note` words on what went wrong."""

    listens_first: ClassVar = False

    def __init__(
        self, endpoint: Endpoint, *, tell: Callable[[bytes], None], note: Callable[[str], None], limit: int
    ) -> None:
        self._endpoint = endpoint
        self._tell = tell
        self._note = note
        self._limit = limit
        self._session = ""
        self._revision = ""
        self._mirrors: dict[str, tuple[Mirror, ...]] = {}

    @property
    def legacy(self) -> bool:
        """Whether the handshake of the old era was made."""
        return bool(self._revision or self._session)

    async def ask(self, asked: Outgoing, *, opened: Callable[[], None] | None = None) -> bytes:
        """POST a request and return its reply, which was told, as was whatever came before it.

        `opened` is called when the answer turns out to be a stream. Raises Trouble when there is no reply,
        SessionOverError, and OverrunError when a message has more than `limit` bytes.
        """
        events = EventReader(self._limit)
        async with self._endpoint.open("POST", self._headers(asked), asked.line) as answer:
            if not answer.good:
                return await self._error(answer, asked)
            if asked.method == "initialize":
                self._begin(answer)
            if answer.content_type == JSON:
                return await self._whole(answer, asked)
            if answer.content_type != EVENTS:
                raise kind_trouble(answer.content_type)
            if opened is not None:
                opened()
            reply = await self._reply(answer, events, asked)
        if reply is None and events.last_id and not asked.modern:
            reply = await self._resume(events, asked)
        if reply is None:
            raise Trouble("The remote server ended its answer without a reply")
        return reply

    async def post(self, said: Outgoing) -> None:
        """POST what has no reply; raises Trouble when it is refused, and SessionOverError."""
        async with self._endpoint.open("POST", self._headers(said), said.line) as answer:
            if not answer.good:
                self._check_session(answer)
                raise status_trouble(answer.status, answer.header(b"location"))

    async def listen(self, changed: Callable[[], None]) -> None:
        """Take what the remote says of itself (a GET stream of the old era), as long as it has such a stream.

        `changed` is called where something may have been missed. Raises SessionOverError and OverrunError.
        """
        events = EventReader(self._limit)
        pauses = _Pauses()
        missed = False
        while True:
            began = pauses.now()
            try:
                async with self._endpoint.open("GET", self._listener(events)) as answer:
                    if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
                        return
                    if answer.status == HTTPStatus.BAD_REQUEST:
                        await self._doubt()
                    self._check_stream(answer)
                    if missed:
                        changed()
                    async with aclosing(self._messages(answer, events)) as messages:
                        async for line in messages:
                            self._tell(line)
                if events.retry is not None:
                    pauses.reset()
            except Trouble as trouble:
                if trouble.lasting:
                    self._note(f"no stream of notifications: {trouble.words}")
                    return
                self._note(f"the stream of notifications: {trouble.words}")
            missed = not events.last_id
            await asyncio.sleep(pauses.after(began, events.retry))
            events = _successor(events, self._limit)

    async def subscribe(self, asked: Outgoing, changed: Callable[[], None]) -> None:
        """Keep a subscription of the new era open: ask again when its stream ends, and call `changed` then.

        Returns when the remote refuses it, which it has told; raises Trouble where it did so without a reply.
        """
        pauses = _Pauses()
        opened: Callable[[], None] | None = None
        while True:
            began = pauses.now()
            try:
                if message.error_of(await self.ask(asked, opened=opened)) is not None:
                    return
            except Trouble as trouble:
                if trouble.lasting:
                    raise
                self._note(f"the stream of notifications: {trouble.words}")
            opened = changed
            await asyncio.sleep(pauses.after(began, None))

    async def end(self) -> None:
        """End the session, where there is one; what the remote says to that does not matter."""
        if self._session:
            with suppress(Trouble):
                async with self._endpoint.open("DELETE", self._legacy_headers()):
                    self._session = ""

    def _headers(self, said: Outgoing) -> dict[str, str]:
        headers = {"Content-Type": JSON, "Accept": f"{JSON}, {EVENTS}"}
        if not said.modern:
            return headers if said.method == "initialize" else {**headers, **self._legacy_headers()}
        headers |= {"MCP-Protocol-Version": mirrors.encoded(said.version), "Mcp-Method": mirrors.encoded(said.method)}
        if said.name is not None:
            headers["Mcp-Name"] = mirrors.encoded(said.name)
            headers |= mirrors.headers_for(self._mirrors.get(said.name, ()), said.arguments)
        return headers

    def _legacy_headers(self) -> dict[str, str]:
        found = {"Mcp-Session-Id": self._session, "MCP-Protocol-Version": self._revision}
        return {name: value for name, value in found.items() if value}

    def _listener(self, events: EventReader) -> dict[str, str]:
        last = {"Last-Event-ID": events.last_id} if events.last_id else {}
        return {"Accept": EVENTS, **self._legacy_headers(), **last}

    def _begin(self, answer: Answer) -> None:
        session = answer.header(b"mcp-session-id")
        if session and not _SESSION.fullmatch(session):
            raise Trouble("The remote server names its session with what no header can carry", lasting=True)
        self._session = session

    async def _whole(self, answer: Answer, asked: Outgoing) -> bytes:
        line = message.one_line(await answer.body(self._limit))
        kind = message.kind_of(line, asked.id)
        if kind != "reply":
            # Perhaps the answers on this connection lag behind the requests.
            await answer.discard()
            found = "another request than the one that it was sent" if kind == "message" else "with no JSON-RPC message"
            raise Trouble(f"The remote server answered {found}")
        self._learn(line, asked, kind)
        self._tell(line)
        return line

    async def _reply(self, answer: Answer, events: EventReader, asked: Outgoing) -> bytes | None:
        """Tell the messages of a stream and return the reply among them, None where the stream ends or breaks first."""
        reply = None
        try:
            async with asyncio.timeout(None) as patience, aclosing(self._messages(answer, events)) as messages:
                async for line in messages:
                    kind = message.kind_of(line, asked.id)
                    if kind == "unreadable":
                        self._note(f"{asked.method}: an event that is not one JSON-RPC message")
                        continue
                    self._learn(line, asked, kind)
                    self._tell(line)
                    if kind == "reply" and reply is None:
                        reply = line
                        patience.reschedule(asyncio.get_running_loop().time() + _LINGER)
        except TimeoutError:
            return reply
        except Trouble as trouble:
            if reply is None:
                self._note(f"{asked.method}: {trouble.words}")
        return reply

    async def _messages(self, answer: Answer, events: EventReader) -> AsyncGenerator[bytes]:
        async with aclosing(answer.chunks()) as pieces:
            async for piece in pieces:
                for data in events.feed(piece):
                    yield message.one_line(data)
                if events.overrun:
                    raise OverrunError

    async def _resume(self, events: EventReader, asked: Outgoing) -> bytes | None:
        """Go on listening where the stream of an answer ended, as a server of the old era may want it."""
        failures = 0
        while failures < _RESUMPTIONS:
            await asyncio.sleep(_retry(events.retry))
            events, last = _successor(events, self._limit), events.last_id
            try:
                async with self._endpoint.open("GET", self._listener(events)) as answer:
                    self._check_stream(answer)
                    reply = await self._reply(answer, events, asked)
            except Trouble as trouble:
                if trouble.lasting:
                    raise
                self._note(f"{asked.method}: {trouble.words}")
                reply = None
            if reply is not None:
                return reply
            failures = failures + 1 if events.last_id == last else 0
        return None

    def _check_stream(self, answer: Answer) -> None:
        if not answer.good:
            self._check_session(answer)
            raise status_trouble(answer.status, answer.header(b"location"))
        if answer.content_type != EVENTS:
            raise kind_trouble(answer.content_type)

    def _check_session(self, answer: Answer) -> None:
        if answer.status == HTTPStatus.NOT_FOUND and self._session:
            self._lose()

    async def _error(self, answer: Answer, asked: Outgoing) -> bytes:
        """Tell and return the error reply that an answer without success holds; raises Trouble where it holds none."""
        trouble = status_trouble(answer.status, answer.header(b"location"))
        if asked.method == "initialize" and answer.status in _PERHAPS_SSE:
            trouble = other_transport(trouble, "one that speaks HTTP with SSE needs `transport: sse`")
        if not asked.modern and asked.method != "initialize":
            self._check_session(answer)
        found = await _error_in(answer) if answer.status not in {401, 403} else None
        identity, error = found or (None, b"")
        if answer.status == HTTPStatus.BAD_REQUEST and identity is None and not asked.modern:
            # Servers on older software say so, rather than 404, of a session that they no longer know.
            await self._doubt()
        if asked.id is None or found is None or identity not in {None, asked.id}:
            raise trouble
        line = message.error_reply(asked.id, error)
        self._tell(line)
        return line

    async def _doubt(self) -> None:
        """Ask whether the session is still there; raises SessionOverError when it is not."""
        if not self._session:
            return
        async with self._endpoint.open("POST", self._headers(message.read(_PING)), _PING) as answer:
            if answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:
                self._lose()

    def _lose(self) -> None:
        self._session = ""
        raise SessionOverError

    def _learn(self, line: bytes, asked: Outgoing, kind: message.Kind) -> None:
        """Keep what later requests must repeat: the revision that was agreed on, and the mirrored arguments."""
        if kind != "reply":
            return
        if asked.method == "initialize":
            revision = message.result_of(line).get("protocolVersion")
            self._revision = revision if isinstance(revision, str) and _SESSION.fullmatch(revision) else ""
        elif asked.method == "tools/list" and asked.modern:
            if not asked.continues:
                self._mirrors.clear()
            if mirrors.ANNOTATION.encode() in line:
                self._mirrors |= _mirrored(message.result_of(line))


class _Pauses:
    """How long to wait before a stream is opened again: longer and longer, unless it had lasted."""

    def __init__(self) -> None:
        self._pause = _FIRST_PAUSE

    @staticmethod
    def now() -> float:
        return asyncio.get_running_loop().time()

    def after(self, began: float, wanted: float | None) -> float:
        """Return the seconds to wait after a stream that was opened at `began`; `wanted` is the remote's own wish."""
        if self.now() - began >= _STEADY:
            self._pause = _FIRST_PAUSE
        pause, self._pause = self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        return max(_retry(wanted), pause)

    def reset(self) -> None:
        """Begin with the shortest pause again."""
        self._pause = _FIRST_PAUSE


def _retry(wanted: float | None) -> float:
    return _FIRST_PAUSE if wanted is None else min(wanted, _LONGEST_RETRY)


def _successor(events: EventReader, limit: int) -> EventReader:
    """Return the reader of the stream that goes on where the one of `events` ended."""
    found = EventReader(limit)
    found.last_id, found.retry = events.last_id, events.retry
    return found


async def _error_in(answer: Answer) -> tuple[bytes | None, bytes] | None:
    if answer.content_type != JSON:
        return None
    try:
        async with asyncio.timeout(_ERROR_SECONDS):
            return message.error_of(await answer.body(_ERROR_SIZE))
    except (TimeoutError, OverrunError):
        return None


def _mirrored(result: dict[str, Any]) -> dict[str, tuple[Mirror, ...]]:
    tools = result.get("tools")
    found = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return {str(tool.get("name")): mirrors.find(tool.get("inputSchema")) for tool in found}
