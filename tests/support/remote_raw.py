"""A server of bytes for what no proper one does: each request is answered by a function of the test."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request: the names of its headers in lower case, its body decoded where there is one."""

    method: str
    target: str
    headers: Mapping[str, str]
    message: dict[str, Any]
    reader: asyncio.StreamReader

    async def left(self) -> None:
        """Wait until the one who asked closes the connection."""
        await self.reader.read()


@dataclass
class Raw:
    """The server: what it was asked, and how many connections it saw and has."""

    port: int
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def methods(self) -> list[str]:
        """Return what was asked for: the JSON-RPC method of a POST, the HTTP method of anything else."""
        return [
            asked.message.get("method", "answer") if asked.method == "POST" else asked.method for asked in self.asked
        ]


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Behaviour = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Give every connection to `serve`, and yield the port; no connection is left when this is left."""
    tasks: set[asyncio.Task[Any]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await serve(reader, writer)
                await writer.drain()
        finally:
            tasks.discard(task)
            writer.close()
            # One turn for what was written and one for the descriptor.
            with suppress(ConnectionError, asyncio.CancelledError):
                await asyncio.sleep(0)
            writer.transport.abort()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        waiting = list(tasks)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@asynccontextmanager
async def raw(behave: Behaviour, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Raw]:
    """Run a server that answers with `behave`; a connection that it did not close is used again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        server.open += 1
        try:
            while not writer.is_closing():
                asked = await _read(reader)
                server.asked.append(asked)
                await behave(asked, writer)
                await writer.drain()
        finally:
            server.open -= 1

    async with listening(serve, tls=tls) as port:
        server = Raw(port)
        yield server


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *fields = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in fields)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, json.loads(body) if body else {}, reader)


def answer(
    writer: asyncio.StreamWriter,
    body: bytes = b"",
    *,
    status: str = "200 OK",
    kind: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> None:
    """Write one whole answer."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *([f"content-type: {kind}"] if kind else [])]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)


def begin(writer: asyncio.StreamWriter, *, kind: str = "text/event-stream") -> None:
    """Write the head of an answer in chunks."""
    writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())


def chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Write one chunk; an empty one is the last."""
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))


def stream(writer: asyncio.StreamWriter, *chunks: bytes, kind: str = "text/event-stream", close: bool = False) -> None:
    """Begin an answer in chunks, write `chunks`, and break off if `close`."""
    begin(writer, kind=kind)
    for data in chunks:
        chunk(writer, data)
    if close:
        writer.close()


def result(asked: Asked, **members: object) -> bytes:
    """Return the reply to a request."""
    return json.dumps({"jsonrpc": "2.0", "id": asked.message["id"], "result": members}).encode()


@dataclass
class Legacy:
    """A well-bred server of the old era, but for what `others` does, by JSON-RPC or HTTP method."""

    others: Mapping[str, Behaviour] = field(default_factory=dict)
    session: str = "s-1"

    async def __call__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        method = asked.message.get("method", "answer") if asked.method == "POST" else asked.method
        if method in self.others:
            await self.others[method](asked, writer)
        elif method == "initialize":
            reply = result(asked, protocolVersion="2025-11-25", capabilities={"tools": {"listChanged": True}})
            answer(writer, reply, headers={"mcp-session-id": self.session})
        elif method == "GET":
            answer(writer, status="405 Method Not Allowed", kind="")
        elif asked.method == "DELETE" or "id" not in asked.message:
            answer(writer, status="202 Accepted", kind="")
        else:
            answer(writer, result(asked, echo=method))


@dataclass
class Sse:
    """A well-bred server of HTTP with SSE, but for what `others` does, by JSON-RPC or HTTP method.

    `streams` are those it speaks on, the last one for replies; `endpoint` is where it wants messages.
    """

    others: Mapping[str, Behaviour] = field(default_factory=dict)
    endpoint: bytes = b"/messages?session=s-1"
    streams: list[asyncio.StreamWriter] = field(default_factory=list)

    async def __call__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        method = asked.message.get("method", "answer") if asked.method == "POST" else asked.method
        if method in self.others:
            await self.others[method](asked, writer)
        elif method == "GET":
            self.begin(writer)
        else:
            answer(writer, b"Accepted", status="202 Accepted", kind="text/plain")
            if "id" in asked.message and method != "answer":
                self.reply(asked)

    def begin(self, writer: asyncio.StreamWriter) -> None:
        """Open a stream and say where messages go."""
        self.streams.append(writer)
        begin(writer)
        self.say(b"event: endpoint\ndata: " + self.endpoint + b"\n\n")

    def reply(self, asked: Asked) -> None:
        """Answer a request by the stream."""
        members = (
            {"protocolVersion": "2024-11-05", "capabilities": {}} if asked.message["method"] == "initialize" else {}
        )
        self.say(b"event: message\ndata: " + result(asked, echo=asked.message["method"], **members) + b"\n\n")

    def say(self, text: bytes) -> None:
        """Write to the stream."""
        chunk(self.streams[-1], text)
