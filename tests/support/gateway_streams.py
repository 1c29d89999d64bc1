"""A gateway to test over two pipes: the real thing in this process, and a client that writes lines and reads them."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.gateway.generation import Generation
from mcphub_gitops.runtime.gateway.stdio import Settings, serve_stdio
from tests.support.gateway_hub import META, PATIENT, Values


@dataclass
class Talk:
    """What the client holds: the ends of both pipes, and what it did not expect yet."""

    incoming: int
    outgoing: int
    stop: asyncio.Event
    generations: "asyncio.Queue[Generation]"
    serving: "asyncio.Task[None]"
    lines: asyncio.StreamReader = field(init=False)
    early: list[dict[str, Any]] = field(default_factory=list)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.lines = asyncio.StreamReader(limit=64 * 1024**2)
        protocol = asyncio.StreamReaderProtocol(self.lines)
        self.transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(self.incoming, "rb", 0))

    async def put(self, data: bytes) -> None:
        """Write `data` as it is."""
        await asyncio.to_thread(write_all, self.outgoing, data)

    async def say(self, message: Mapping[str, Any]) -> None:
        await self.put(json.dumps(message).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        """Return the next message."""
        async with asyncio.timeout(10):
            line = await self.lines.readline()
        assert line.endswith(b"\n"), line
        found: dict[str, Any] = json.loads(line)
        assert found["jsonrpc"] == "2.0"
        return found

    async def answer(self, identity: object) -> dict[str, Any]:
        """Return the response to the request `identity`, and keep for `early` what comes before it."""
        while True:
            for message in self.early:
                if "method" not in message and message["id"] == identity:
                    self.early.remove(message)
                    return message
            self.early.append(await self.hear())

    async def ask(self, method: str, identity: object = 1, **params: Any) -> dict[str, Any]:  # noqa: ANN401  (any JSON)
        """Return the response to a request of the old era."""
        await self.say({"jsonrpc": "2.0", "id": identity, "method": method, "params": params})
        return await self.answer(identity)

    async def modern(self, method: str, identity: object = 1, **params: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return the response to a request of revision 2026-07-28."""
        return await self.ask(method, identity, **params, _meta=META)

    async def call(self, tool: str, identity: object = 1, **arguments: object) -> dict[str, Any]:
        """Return the response to a call in revision 2026-07-28."""
        return await self.modern("tools/call", identity, name=tool, arguments=arguments)

    async def begin(self, tool: str, identity: object, **arguments: object) -> None:
        """Call a tool and do not wait for the response."""
        params = {"name": tool, "arguments": arguments, "_meta": META}
        await self.say({"jsonrpc": "2.0", "id": identity, "method": "tools/call", "params": params})

    async def greet(self, revision: str = "2025-11-25") -> dict[str, Any]:
        """Shake hands."""
        about = {"name": "test", "version": "1"}
        answer = await self.ask("initialize", 0, protocolVersion=revision, capabilities={}, clientInfo=about)
        await self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def end(self) -> None:
        """Close what is written to the gateway."""
        if self.outgoing >= 0:
            os.close(self.outgoing)
            self.outgoing = -1

    def go(self) -> None:
        """Close what is read from the gateway."""
        self.transport.close()


def write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def text_of(answer: Mapping[str, Any]) -> str:
    """Return the text of a tool's result."""
    text = answer["result"]["content"][0]["text"]
    assert isinstance(text, str)
    return text


def code_of(answer: Mapping[str, Any]) -> int:
    """Return the code of an error."""
    code = answer["error"]["code"]
    assert isinstance(code, int)
    return code


@asynccontextmanager
async def stdio_gateway(
    served: Generation,
    *,
    spawner: Any = None,  # noqa: ANN401
    profile: str = "",
    **settings: Any,  # noqa: ANN401
) -> AsyncIterator[Talk]:
    """Run a gateway for one client; it has stopped, children and all, when this is left."""
    (reader, outgoing), (incoming, writer) = os.pipe(), os.pipe()
    queue: asyncio.Queue[Generation] = asyncio.Queue()
    stop = asyncio.Event()

    async def follow() -> AsyncIterator[Generation]:
        while True:
            yield await queue.get()

    async def serve() -> None:
        try:
            await serve_stdio(
                served,
                spawner=spawner or ProcessEngine(),
                secrets=Values(),
                version="1",
                reader=reader,
                writer=writer,
                stop=stop,
                generations=follow(),
                settings=Settings(**{"supervision": PATIENT, **settings}),
                profile=profile,
            )
        finally:
            os.close(writer)

    async with asyncio.TaskGroup() as group:
        talk = Talk(incoming, outgoing, stop, queue, group.create_task(serve()))
        await talk.open()
        try:
            yield talk
        finally:
            stop.set()
            talk.end()
            talk.go()
    with suppress(OSError):
        os.close(reader)
