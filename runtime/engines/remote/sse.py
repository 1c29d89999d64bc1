"""The protocol over HTTP with SSE: one stream brings all that the remote says, its first event where to POST.

Invariants: nothing goes to another origin than the stream came from; a request is POSTed at most once, and `ask`
returns when its reply was told, or raises.
Source: MCP 2024-11-05, "Transports", HTTP with SSE.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import ClassVar, Final
from urllib.parse import urljoin

from mcphub_gitops.runtime.engines.remote import message
from mcphub_gitops.runtime.engines.remote.conversation import EVENTS, JSON
from mcphub_gitops.runtime.engines.remote.endpoint import Endpoint
from mcphub_gitops.runtime.engines.remote.events import MESSAGE, EventReader
from mcphub_gitops.runtime.engines.remote.message import Outgoing
from mcphub_gitops.runtime.engines.remote.trouble import (
    UNKNOWN_METHOD,
    OverrunError,
    SessionOverError,
    Trouble,
    kind_trouble,
    origin_in,
    other_transport,
    status_trouble,
)
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.network.address import Place, place_of

_ENDPOINT: Final = b"endpoint"
_ENDPOINT_SECONDS: Final = 15.0
"""How long the stream may take to open and to say where messages go."""

_LINGER: Final = 0.5
"""Seconds for the answer to a POST to end after the reply came, so that its connection can be used again."""

_PERHAPS_STREAMABLE: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED})
"""What a server that speaks streamable HTTP says to a GET before the handshake."""

_RECEIPT: Final = 4096
# Joining URLs would leave out line breaks and tabs.
_REFERENCE = re.compile(r"[\x21-\x5b\x5d-\x7e]{1,8192}")


class SseConversation:
    """What is said to and by one remote. `tell` takes each message that comes in, `note` words on what went wrong."""

    listens_first: ClassVar = True

    def __init__(
        self, endpoint: Endpoint, *, tell: Callable[[bytes], None], note: Callable[[str], None], limit: int
    ) -> None:
        self._endpoint = endpoint
        self._tell = tell
        self._note = note
        self._limit = limit
        self._opened: asyncio.Future[str | Trouble] = asyncio.get_running_loop().create_future()
        self._target = ""
        self._replies: dict[bytes, asyncio.Future[bytes]] = {}

    @property
    def legacy(self) -> bool:
        """Whether there is a session, which the old era alone has."""
        return bool(self._target)

    async def listen(self, _changed: Callable[[], None]) -> None:
        """Take what the remote says, for as long as the stream lasts, which is as long as the session.

        Raises SessionOverError when it ends, and OverrunError. Where it does not come to a session, `ask` tells why.
        """
        try:
            async with asyncio.timeout(_ENDPOINT_SECONDS) as patience, aclosing(self._events()) as events:
                async for kind, data in events:
                    if kind == MESSAGE:
                        self._take(message.one_line(data))
                    elif kind == _ENDPOINT and not self._target:
                        self._open(data)
                        patience.reschedule(None)
            trouble = Trouble("The remote server ended its stream of events")
        except TimeoutError:
            trouble = Trouble("The remote server does not say in time where messages go")
        except Trouble as reason:
            trouble = reason
        if self._target:
            self._note(trouble.words)
            raise SessionOverError
        self._opened.set_result(trouble)

    async def ask(self, asked: Outgoing) -> bytes:
        """POST a request and return its reply, which was told.

        Raises Trouble when it is refused, or of the new era, and SessionOverError.
        """
        if asked.modern:
            raise _too_new()
        await self._ready()
        identity = asked.id or b""
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._replies[identity] = reply
        try:
            problem = await self._until(reply, asked)
            if problem is not None and not reply.done():
                raise problem
            return await reply
        finally:
            del self._replies[identity]

    async def subscribe(self, _asked: Outgoing, _changed: Callable[[], None]) -> None:
        """Refuse a subscription, which belongs to the new era: raises Trouble."""
        raise _too_new()

    async def post(self, said: Outgoing) -> None:
        """POST what has no reply; raises Trouble when it is refused, and SessionOverError."""
        await self._ready()
        await self._deliver(said)

    async def end(self) -> None:
        """Do nothing: the session has ended with its stream."""

    async def _until(self, reply: asyncio.Future[bytes], asked: Outgoing) -> Trouble | SessionOverError | None:
        """POST a request, and return what is wrong with that; the reply may come before the POST is answered."""
        async with asyncio.TaskGroup() as group:
            posting = group.create_task(self._attempt(asked))
            await asyncio.wait((posting, reply), return_when=asyncio.FIRST_COMPLETED)
            if reply.done():
                await asyncio.wait((posting,), timeout=_LINGER)
                posting.cancel()
        return None if posting.cancelled() else posting.result()

    async def _attempt(self, asked: Outgoing) -> Trouble | SessionOverError | None:
        try:
            await self._deliver(asked)
        except (Trouble, SessionOverError) as problem:
            return problem
        return None

    async def _ready(self) -> None:
        found = await asyncio.shield(self._opened)
        if isinstance(found, Trouble):
            raise Trouble(found.words, code=found.code, lasting=found.lasting)

    async def _events(self) -> AsyncGenerator[tuple[bytes, bytes]]:
        events = EventReader(self._limit)
        async with self._endpoint.open("GET", {"Accept": EVENTS}) as answer:
            if not answer.good:
                trouble = status_trouble(answer.status, answer.header(b"location"))
                advice = "one that speaks streamable HTTP needs no `transport: sse`"
                raise other_transport(trouble, advice) if answer.status in _PERHAPS_STREAMABLE else trouble
            if answer.content_type != EVENTS:
                raise kind_trouble(answer.content_type)
            async with aclosing(answer.chunks()) as pieces:
                async for piece in pieces:
                    for event in events.read(piece):
                        yield event
                    if events.overrun:
                        raise OverrunError

    def _open(self, data: bytes) -> None:
        self._target = target_of(data, self._endpoint.place)
        self._opened.set_result(self._target)

    def _take(self, line: bytes) -> None:
        kind, identity = message.answered_by(line)
        if kind == "unreadable":
            self._note("an event that is not one JSON-RPC message")
            return
        self._tell(line)
        reply = self._replies.get(identity or b"")
        if reply is not None and not reply.done():
            reply.set_result(line)

    async def _deliver(self, said: Outgoing) -> None:
        headers = {"Content-Type": JSON, "Accept": f"{JSON}, {EVENTS}"}
        async with self._endpoint.open("POST", headers, said.line, target=self._target) as answer:
            if answer.status == HTTPStatus.NOT_FOUND and said.method != "initialize":
                raise SessionOverError
            if not answer.good:
                raise status_trouble(answer.status, answer.header(b"location"))
            # It says nothing, but a connection with an answer that was not read cannot be used again.
            with suppress(Trouble, OverrunError):
                await answer.body(_RECEIPT)


def target_of(data: bytes, place: Place) -> str:
    """Return the path, with its query, that messages go to: `data` is a URL, perhaps relative to that of `place`.

    Raises Trouble when it is none, or leads to another scheme, host or port.
    """
    text = data.decode("latin-1")
    try:
        if not _REFERENCE.fullmatch(text):
            raise ValueError("what stands there is no URL")  # noqa: TRY301  (as for any other)
        url = urljoin(f"{place.shown}{place.target}", text)
        # Where it may lead is decided below, and for the address when it is connected to.
        found = place_of(url, whose="the remote server", private=True)
    except (ValueError, RuntimeFailure):
        raise Trouble("The remote server does not say with a proper URL where messages go", lasting=True) from None
    if (found.secure, found.host, found.port) != (place.secure, place.host, place.port):
        words = f"The remote server wants messages sent to {origin_in(url)}; they are sent to {place.shown} alone"
        raise Trouble(words, lasting=True)
    return found.target


def _too_new() -> Trouble:
    words = "HTTP with SSE carries no revision later than 2025-11-25"
    return Trouble(words, code=UNKNOWN_METHOD, lasting=True)
