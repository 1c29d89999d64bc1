"""The Docker Engine API over its Unix socket: one connection a request, JSON in and out, its refusals as failures."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from typing import Any, Self
from urllib.parse import urlencode

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from mcphub_gitops.runtime.engines.docker.replies import REPLY, VERSION, answer_of
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.witness import doubt, is_listening, note_reply

DEFAULT_SOCKET = "/var/run/docker.sock"

_OLDEST, _NEWEST = (1, 41), (1, 51)
"""The versions of the API that this is tested with: those of the engines 20.10 and 28.5. Engine 29 offers 1.52 and
takes nothing below 1.44 (moby, "raise default minimum API version to v1.44"): there is none that every engine takes."""

_READ_SIZE = 64 * 1024
_SWITCHING = 101
_FIRST_ERROR = 400
_FIRST_OWN_ERROR = 500

_LARGEST_ANSWER = 64 * 1024**2
"""Bytes of one answer; the description of a container takes 7 KB."""


class RefusedError(RuntimeFailure):
    """The engine answered, and said no: `status` is that of HTTP, `message` the engine's own words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(
            "the Docker engine refused", detail=message or f"status {status}", retryable=status >= _FIRST_OWN_ERROR
        )
        self.status = status
        self.message = self.detail


def socket_of(environment: Mapping[str, str]) -> str:
    """Return the path of the engine's socket as `DOCKER_HOST` says, or the usual one.

    Raises RuntimeFailure for anything that is no Unix socket: the connection carries secrets and is not encrypted.
    """
    host = environment.get("DOCKER_HOST", "")
    if not host:
        return DEFAULT_SOCKET
    scheme, separator, path = host.partition("://")
    if scheme != "unix" or not separator or not path.startswith("/"):
        raise RuntimeFailure(
            "DOCKER_HOST names no engine that mcphub can use",
            # An address may hold a password.
            detail=f"it has the scheme {scheme!r}" if separator else "it has no scheme",
            resolution="set it to unix:///PATH, the engine's socket on this machine, or unset it",
        )
    return path


class Answer:
    """One response as it comes in; the callbacks are httptools'."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self.version = b""
        self.begun = False
        self.complete = False

    @property
    def status(self) -> int:
        """The status of HTTP, once it has `begun`."""
        return int(self._parser.get_status_code())

    def feed(self, chunk: bytes) -> bytes:
        """Take what came; return what stands behind the response of a connection that has changed its protocol."""
        try:
            self._parser.feed_data(chunk)
        except HttpParserUpgrade as change:
            return chunk[change.args[0] :]
        except HttpParserError as error:
            raise RuntimeFailure("what answers is no Docker engine", detail=str(error)) from error
        return b""

    def take(self) -> bytes:
        """Return what has come of the body, and forget it."""
        body = b"".join(self._chunks)
        self._chunks.clear()
        return body

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the version of the API that the engine says it has."""
        if name.lower() == b"api-version":
            self.version = value

    def on_headers_complete(self) -> None:
        """Learn that the status is known."""
        self.begun = True

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Learn that nothing more will come."""
        self.complete = True


class Reply:
    """A response whose status is known and whose body is still coming, on a connection that is closed with it."""

    def __init__(self, client: "Client", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._client = client
        self._reader = reader
        self._writer = writer
        self.answer = Answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the engine then stops what it still does for this request."""
        self._writer.close()

    async def chunks(self, *, patience: float | None) -> AsyncIterator[bytes]:
        """Yield the body as it comes; raises RuntimeFailure after `patience` seconds of silence."""
        while True:
            if body := self.answer.take():
                yield body
            if self.answer.complete:
                return
            async with self._client.within(patience):
                await self.more()

    async def lines(self, *, patience: float | None) -> AsyncIterator[bytes]:
        """Yield the body line by line, without the line breaks; raises RuntimeFailure as `chunks` does."""
        rest = b""
        async for chunk in self.chunks(patience=patience):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line
            _bound(len(rest))
        if rest:
            yield rest

    async def body(self, *, patience: float | None) -> bytes:
        """Return the whole body; raises RuntimeFailure as `chunks` does, and when it is too large."""
        body = bytearray()
        async for chunk in self.chunks(patience=patience):
            body += chunk
            _bound(len(body))
        return bytes(body)

    async def document(self, *, patience: float | None) -> Any:  # noqa: ANN401  (any JSON value)
        """Return the whole body, decoded; None when it is empty."""
        return _document_in(await self.body(patience=patience))

    async def more(self) -> None:
        """Wait for the next piece."""
        try:
            chunk = await self._reader.read(_READ_SIZE)
        except OSError as error:
            raise self._client.broken_off() from error
        if not chunk:
            raise self._client.broken_off()
        self.answer.feed(chunk)


def _bound(size: int) -> None:
    if size > _LARGEST_ANSWER:
        raise RuntimeFailure("the Docker engine's answer is too large", detail=f"more than {_LARGEST_ANSWER} bytes")


class Client:
    """Asks the engine that listens at the path `address`; `patience` is how many seconds an answer may take.

    Every method raises RuntimeFailure that names the socket when the engine cannot be reached or does not answer, and
    RefusedError when it says no. A connection is made for each request: that takes 0.1 ms, and none is ever stale.
    """

    def __init__(self, address: str, *, patience: float = 60.0) -> None:
        self.address = address
        self.patience = patience
        self._prefix = ""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        patience: float | None = None,
        kind: str = REPLY,
    ) -> Any:  # noqa: ANN401  (any JSON value)
        """Return the decoded answer to one request, which may take `patience` seconds (if not the usual).

        `kind` is that of the answer for who listens (`replies`).
        """
        try:
            with await self.open(method, path, query=query, body=body, patience=patience) as reply:
                content = await reply.body(patience=patience or self.patience)
        except RefusedError as refusal:
            self._tell(kind, path, query, refusal.status, b"")
            raise
        self._tell(kind, path, query, reply.answer.status, content)
        return _document_in(content)

    def _tell(self, kind: str, path: str, query: Mapping[str, object] | None, status: int, body: bytes) -> None:
        if not is_listening():
            return
        try:
            note_reply(self.address, kind, target_of(self._prefix + path, query), answer_of(kind, status, body))
        except (ValueError, TypeError, KeyError, AttributeError):
            doubt("the engine's answer cannot be compared")

    async def open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        patience: float | None = None,
    ) -> Reply:
        """Send a request and return its reply once the status is known, within `patience` seconds (if not the usual).

        The reply is to be closed.
        """
        if method != "GET":
            doubt(f"the engine is asked to {method} {path}")
        async with self.within(patience or self.patience):
            prefix = self._prefix or await self._agree()
            reply = await self._sent(request_of(method, prefix + path, query, body, headers))
        with ExitStack() as undo:
            undo.callback(reply.close)
            await self._check(reply)
            undo.pop_all()
        return reply

    async def _sent(self, request: bytes) -> Reply:
        try:
            reader, writer = await asyncio.open_unix_connection(self.address, limit=_READ_SIZE)
        except OSError as error:
            raise self.out_of_reach(error) from error
        reply = Reply(self, reader, writer)
        with ExitStack() as undo:
            undo.callback(reply.close)
            writer.write(request)
            while not reply.answer.begun:
                await reply.more()
            undo.pop_all()
        return reply

    async def upgrade(self, path: str, *, query: Mapping[str, object] | None = None) -> tuple[socket.socket, bytes]:
        """Send a POST that turns the connection into a raw one; return it, not blocking, and what has come on it."""
        doubt("the engine is asked for a connection to a container")
        loop = asyncio.get_running_loop()
        async with self.within(self.patience):
            prefix = self._prefix or await self._agree()
            request = request_of("POST", prefix + path, query, None, {"Connection": "Upgrade", "Upgrade": "tcp"})
            try:
                with ExitStack() as undo:
                    connection = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                    connection.setblocking(False)  # noqa: FBT003  (its own signature)
                    await loop.sock_connect(connection, self.address)
                    await loop.sock_sendall(connection, request)
                    begun = await self._upgraded(connection)
                    undo.pop_all()
                    return connection, begun
            except OSError as error:
                raise self.out_of_reach(error) from error

    async def _agree(self) -> str:
        """Choose the newest version of the API that both know; one question for the life of this client."""
        with await self._sent(request_of("GET", "/_ping", None, None, None)) as reply:
            version = reply.answer.version
        note_reply(self.address, VERSION, "/_ping", version.decode("ascii", "replace"))
        try:
            major, minor = map(int, version.split(b"."))
        except ValueError:
            raise RuntimeFailure("what answers is no Docker engine", detail=self.address) from None
        if (major, minor) < _OLDEST:
            raise RuntimeFailure(
                "the Docker engine is too old",
                detail=f"it offers version {major}.{minor} of its API; {_OLDEST[0]}.{_OLDEST[1]} is needed",
                resolution="update it to 20.10 or newer",
            )
        self._prefix = "/v{}.{}".format(*min((major, minor), _NEWEST))
        return self._prefix

    async def _upgraded(self, connection: socket.socket) -> bytes:
        loop = asyncio.get_running_loop()
        answer = Answer()
        body = bytearray()
        while True:
            chunk = await loop.sock_recv(connection, _READ_SIZE)
            if not chunk:
                raise self.broken_off()
            rest = answer.feed(chunk)
            body += answer.take()
            if answer.begun and answer.status == _SWITCHING:
                return rest
            if answer.complete:
                raise RefusedError(answer.status, _message_in(bytes(body)))

    @asynccontextmanager
    async def within(self, seconds: float | None) -> AsyncIterator[None]:
        """Give up what is inside after `seconds`, with a RuntimeFailure."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise RuntimeFailure(
                "the Docker engine does not answer",
                detail=f"{self.address} was silent for {seconds:g} s",
                resolution="look at the engine's own log",
                retryable=True,
            ) from error

    async def _check(self, reply: Reply) -> None:
        if reply.answer.status >= _FIRST_ERROR:
            raise RefusedError(reply.answer.status, _message_in(await reply.body(patience=self.patience)))

    def out_of_reach(self, error: OSError) -> RuntimeFailure:
        """Return the failure to connect, in words."""
        if isinstance(error, PermissionError):
            return RuntimeFailure(
                "this user may not speak to the Docker engine",
                detail=f"{self.address}: {error.strerror}",
                resolution="let the user into the socket's group, which is as good as root, or use one who is in it",
            )
        return RuntimeFailure(
            "the Docker engine cannot be reached",
            detail=f"{self.address}: {error.strerror or error}",
            resolution="start it, or set DOCKER_HOST to unix:///PATH of its socket",
            retryable=True,
        )

    def broken_off(self) -> RuntimeFailure:
        """Return the failure of a connection that ended before its answer."""
        return RuntimeFailure(
            "the Docker engine broke off",
            detail=f"the connection to {self.address} ended before its answer",
            resolution="look at the engine's own log",
            retryable=True,
        )


def request_of(
    method: str,
    path: str,
    query: Mapping[str, object] | None,
    body: object,
    headers: Mapping[str, str] | None,
) -> bytes:
    """Return the bytes of a request; `path` is escaped already, what in `query` is no text is sent as JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    fields = {"Host": "docker", **(headers or {})}
    if method != "GET":
        fields["Content-Length"] = str(len(content))
    if content:
        fields["Content-Type"] = "application/json"
    lines = [
        f"{method} {target_of(path, query)} HTTP/1.1",
        *(f"{name}: {value}" for name, value in fields.items()),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("ascii") + content


def target_of(path: str, query: Mapping[str, object] | None) -> str:
    """Return what a request asks for; see `request_of`."""
    words = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (query or {}).items()}
    return path + (f"?{urlencode(words)}" if words else "")


def _document_in(body: bytes) -> Any:  # noqa: ANN401  (any JSON value)
    try:
        return json.loads(body) if body else None
    except ValueError as error:
        raise RuntimeFailure("the Docker engine's answer cannot be read", detail=str(error)) from error


def _message_in(body: bytes) -> str:
    try:
        document = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace").strip()
    message = document.get("message") if isinstance(document, dict) else None
    return message if isinstance(message, str) else ""
