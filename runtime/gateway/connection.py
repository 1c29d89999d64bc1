"""One HTTP connection with deadlines: what uvicorn's protocol leaves open, a stranger could hold open for ever.

A request's head has a deadline and a size, its body a deadline, and so has what a client does not read. A client that
goes away cancels the call it waits for. Measured without this, uvicorn 0.54: 800 half-open heads were all still open
after 45 s. Statuses: RFC 9110 (408), RFC 6585 (431).
"""

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Final, cast

import httptools
from uvicorn import Config
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

_BAD_REQUEST: Final = b"400 Bad Request"
_TIMEOUT: Final = b"408 Request Timeout"
_TOO_LARGE: Final = b"431 Request Header Fields Too Large"
_BUSY: Final = b"503 Service Unavailable"
_VERSION: Final = b"505 HTTP Version Not Supported"
_VERSIONS: Final = frozenset({"1.0", "1.1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one connection may take: seconds, bytes and counts.

    `connections` is how many there may be at once. After a refusal what the client still sends is thrown away for
    `linger_seconds`: closed at once, the connection would be reset and the refusal lost (RFC 9112 section 9.6).
    """

    head_seconds: float = 10.0
    head_bytes: int = 16 * 1024
    head_fields: int = 100
    body_seconds: float = 30.0
    write_seconds: float = 30.0
    linger_seconds: float = 1.0
    connections: int = 1000


class Joined:
    """A transport that sends the head of an answer and its body in one system call; what waits goes out soon anyway.

    Measured: 6 us of 75 for a small call.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self._transport = transport
        self._held = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Send `data` with what is held, or hold it until the end of the loop's turn."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        else:
            self._held = data
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        """Close after what was written."""
        self.flush()
        self._transport.close()


_FRAMING = 16
"""Bytes on the wire for each byte of a body, at most: a chunk of one byte takes six."""


class _Part(Enum):
    """What of a request is under way."""

    NONE = 0
    HEAD = 1
    BODY = 2
    REFUSED = 3


def bounded(bounds: Bounds) -> type["Connection"]:
    """Return the protocol class that keeps `bounds`."""
    return type("Connection", (Connection,), {"bounds": bounds})


class Connection(HttpToolsProtocol):
    """uvicorn's protocol on httptools, within `bounds`.

    A request that arrives whole, as nearly all do, costs no timer.
    """

    bounds: ClassVar[Bounds] = Bounds()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._task: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._part = _Part.NONE
        self._head_size = 0
        self._chunk_size = 0
        self._raw_size = 0
        self._body_size = 0
        self._refusal = _BAD_REQUEST

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a new connection, or turn it away when there are too many."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._joined = Joined(self.loop, self.transport)
        if len(self.connections) > 2 * self.bounds.connections:
            self.transport.abort()
            return
        if len(self.connections) > self.bounds.connections:
            self._refuse(_BUSY)
            return
        self._part = _Part.HEAD
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what the client waited for."""
        self._unwatch()
        self._forget_stall()
        super().connection_lost(exc)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Take bytes; only what is not whole after them needs a deadline."""
        if self._part is _Part.REFUSED:
            return
        if self._part is _Part.NONE:
            self._part = _Part.HEAD
            self._head_size = 0
        self._chunk_size = len(data)
        if self._part is _Part.HEAD:
            self._head_size += self._chunk_size
        elif self._part is _Part.BODY:
            self._raw_size += self._chunk_size
        self._feed(data)
        if self._part is _Part.BODY and self._raw_size > self.bounds.head_bytes + _FRAMING * self._body_size:
            # Chunk extensions and trailers are read for nothing, and would be kept without end.
            self._refuse(_TOO_LARGE)
            return
        if self._part in {_Part.NONE, _Part.REFUSED} or self.transport.is_closing():
            return
        if self._part is _Part.HEAD and self._head_size > self.bounds.head_bytes:
            self._refuse(_TOO_LARGE)
        elif self._deadline is None:
            self._watch()

    def on_message_begin(self) -> None:
        """Begin a request."""
        if self._part is _Part.NONE:
            # It was sent behind another request; how much of this chunk is its head is not known yet.
            self._part = _Part.HEAD
            self._head_size = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer behind the body is dropped: the headers were looked at before it came."""
        if self._part is not _Part.BODY:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body_size += len(body)
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """Begin the body, unless the head passes its bounds or is read once more, see `_feed`."""
        self._unwatch()
        self._check_head()
        if self.parser.should_upgrade():
            return
        self._part = _Part.BODY
        self._raw_size = self._body_size = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the request."""
        if self.parser.should_upgrade():
            return
        self._unwatch()
        self._part = _Part.NONE
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, or what `_check_head` found; the words of the parser are not passed on."""
        del msg
        self._refuse(self._refusal)

    def pause_writing(self) -> None:
        """Learn that the client does not read as fast as it is written to."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """Learn that the client has read."""
        self._forget_stall()
        super().resume_writing()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.transport = cast("asyncio.Transport", self._joined)
        self._task = task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _feed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            self.send_400_response(str(error))

    def _parse(self, data: bytes | memoryview) -> None:
        """Let the parser read `data`; raises HttpParserError.

        A wish for another protocol is ignored (RFC 9110 section 7.8): some clients have it in every first request, with
        a body. The parser takes what follows such a head for that other protocol, so the head is read again without it.
        """
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as wish:
                data = memoryview(data)[wish.args[0] :]
                self.parser.feed_data(self._head_without_wish())
            else:
                return

    def _head_without_wish(self) -> bytes:
        first = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        fields = [b"%b: %b" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([first, *fields, b"", b""])

    def _check_head(self) -> None:
        if len(self.headers) > self.bounds.head_fields or (
            max(self._head_size, self._chunk_size) > self.bounds.head_bytes
            and len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self.bounds.head_bytes
        ):
            self._refusal = _TOO_LARGE
            raise ValueError("the head is too large")
        if any(name == b"transfer-encoding" and value.strip().lower() != b"chunked" for name, value in self.headers):
            raise ValueError("the body is coded in a way that is not read")
        if not self.url.startswith(b"/") or b"#" in self.url:
            raise ValueError("the target is not a path")
        if self.parser.get_http_version() not in _VERSIONS:
            self._refusal = _VERSION
            raise ValueError("the version is not spoken")
        if self.parser.get_method() == b"CONNECT":
            raise ValueError("this is no proxy")

    def _watch(self) -> None:
        seconds = self.bounds.head_seconds if self._part is _Part.HEAD else self.bounds.body_seconds
        self._deadline = self.loop.call_later(seconds, self._expire)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        busy = self.cycle is not None and not self.cycle.response_complete
        if self.pipeline or (busy and self._part is _Part.HEAD):
            self._watch()  # an earlier request is still being answered, which its own deadline bounds
        elif self._part is _Part.BODY and not busy:
            self.transport.close()  # it was answered before it was whole
        elif self._part is _Part.HEAD and self._head_size == 0:
            self.transport.close()
        else:
            self._refuse(_TIMEOUT)

    def _refuse(self, status: bytes) -> None:
        """Answer with `status` and read nothing more; close without a word while an earlier request is answered."""
        self._unwatch()
        earlier = self._part is _Part.HEAD
        self._part = _Part.REFUSED
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if earlier or self.cycle.response_started:
                self.transport.close()
                return
        self.transport.write(b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
        self.transport.write_eof()
        self._deadline = self.loop.call_later(self.bounds.linger_seconds, self.transport.close)

    def _await_reader(self) -> None:
        self._forget_stall()
        size = self.transport.get_write_buffer_size()
        self._stalled = self.loop.call_later(self.bounds.write_seconds, self._check_reader, size)

    def _check_reader(self, size: int) -> None:
        if self.transport.get_write_buffer_size() < size:
            self._await_reader()
        else:
            self.transport.abort()

    def _forget_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
