"""Serving an applied generation to one client over its two streams, until it closes them or the gateway is stopped."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import session, wire
from mcphub_gitops.runtime.gateway.conversation import Conversation
from mcphub_gitops.runtime.gateway.fleet import Fleet, make_fleet
from mcphub_gitops.runtime.gateway.generation import Generation
from mcphub_gitops.runtime.gateway.routing import WHOLE
from mcphub_gitops.runtime.gateway.session import Cancel, Command, Forward, Reply
from mcphub_gitops.runtime.gateway.streams import Lines, Overlong, Sink, Source
from mcphub_gitops.runtime.gateway.upstream import Supervision
from mcphub_gitops.runtime.gateway.wire import Fault, Message
from mcphub_gitops.runtime.gateway.words import contained, printable
from mcphub_gitops.runtime.ports import AnySpawner, Secrets

log = logging.getLogger("mcphub.gateway")

_LAST_WORDS: Final = 1.0
"""Seconds that the client gets to read what was written last."""

_SETTLING: Final = 0.2
"""Seconds from a server's new list of tools to when the client is told of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Bounds: bytes of one line and of all requests under way, their count, and seconds that they get to end."""

    line: int = 4 * 1024**2
    buffered: int = 64 * 1024**2
    calls: int = 256
    drain: float = 10.0
    supervision: Supervision = field(default_factory=Supervision)


async def serve_stdio(
    generation: Generation,
    *,
    spawner: AnySpawner,
    secrets: Secrets,
    version: str,
    reader: int,
    writer: int,
    stop: asyncio.Event,
    generations: AsyncIterator[Generation] | None = None,
    settings: Settings | None = None,
    profile: str = WHOLE,
) -> None:
    """Serve `generation`, then each of `generations`, to the client behind `reader` and `writer`.

    With a `profile`, the client gets what that has: nothing, once a generation does not have it any more.

    Both are descriptors, which stay open. Ends when the input ends, nobody reads the output any more, or `stop` is set;
    calls under way get their time then, until a second of these comes. Every child is stopped when this returns.
    `version` is mcphub's own. A RuntimeFailure of `generations` is logged, and what is served stays served.
    """
    chosen = settings or Settings()
    fleet = make_fleet(
        generation,
        spawner=spawner,
        secrets=secrets,
        version=version,
        supervision=chosen.supervision,
        drain=chosen.drain,
    )
    log.info("serving %s to one client over standard input and output", generation.plan)
    source, sink = Source(reader), Sink(writer)
    try:
        async with asyncio.TaskGroup() as group, fleet.running():
            client = _Client(fleet, profile, sink, group, chosen)
            following = group.create_task(client.follow(generations))
            watching = group.create_task(client.watch())
            ends: set[asyncio.Task[Any]] = {
                group.create_task(client.listen(source)),
                group.create_task(stop.wait()),
                group.create_task(sink.deserted()),
            }
            ended, left = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            log.info("stopping")
            following.cancel()
            watching.cancel()
            if len(ended) == 1 and not sink.broken:
                await client.finish(left)
            await client.end()
            for task in left:
                task.cancel()
    finally:
        sink.close()


class _Client:
    """The one client: what it says is acted upon, and what it is owed is written whole, a line each."""

    def __init__(self, fleet: Fleet, profile: str, sink: Sink, group: asyncio.TaskGroup, settings: Settings) -> None:
        self._fleet = fleet
        self._profile = profile
        self._sink = sink
        self._group = group
        self._settings = settings
        self._conversation = Conversation()
        self._calls: set[asyncio.Task[None]] = set()
        self._cancellable: dict[bytes, asyncio.Task[None]] = {}
        self._held = 0
        self._ending = False
        self._idle = asyncio.Event()
        self._relisted = asyncio.Event()
        fleet.watch(self._relisted.set)

    async def watch(self) -> None:
        """Tell the client where servers say other things of tools that are held to their names alone."""
        shown = self._fleet.table(self._profile).tools_legacy
        while True:
            await self._relisted.wait()
            # Servers come up one after the other, and one notification does for those of a while.
            await asyncio.sleep(_SETTLING)
            self._relisted.clear()
            now = self._fleet.table(self._profile).tools_legacy
            if now != shown:
                self._say_all(self._conversation.changes())
            shown = now

    async def listen(self, source: Source) -> None:
        """Act upon each line until the input ends; read no further while the client does not read either."""
        lines = Lines(self._settings.line)
        while chunk := await source.read():
            for line in lines.feed(chunk):
                self._hear(line)
                await self._sink.drain()
        self._hear(lines.rest())

    async def follow(self, generations: AsyncIterator[Generation] | None) -> None:
        """Switch to each of `generations`, and tell the client where that changes the list of tools."""
        if generations is None:
            return
        try:
            async for generation in generations:
                before = self._fleet.table(self._profile).tools_legacy
                await self._fleet.switch(generation)
                if self._profile != WHOLE and self._profile not in generation.profiles:
                    log.warning("there is no profile %s any more, so its client gets nothing", self._profile)
                if self._fleet.table(self._profile).tools_legacy != before:
                    self._say_all(self._conversation.changes())
        except RuntimeFailure as failure:
            log.warning("a new generation cannot be served, the old one stays: %s", printable(failure.brief))

    async def finish(self, others: set[asyncio.Task[Any]]) -> None:
        """Let the calls under way end, within their time and until one of `others` has; new ones are refused."""
        self._ending = True
        if self._calls:
            self._idle.clear()
            idle = self._group.create_task(self._idle.wait())
            await asyncio.wait({idle, *others}, timeout=self._settings.drain, return_when=asyncio.FIRST_COMPLETED)
            idle.cancel()

    async def end(self) -> None:
        """Give up the calls that are left, and write what is still to be said."""
        self._ending = True
        for call in self._calls:
            call.cancel()
        self._say_all(self._conversation.end())
        try:
            async with asyncio.timeout(_LAST_WORDS):
                await self._sink.drain(0)
        except TimeoutError:
            log.warning("the client did not read all that it was answered")

    def _hear(self, line: bytes | Overlong) -> None:
        if isinstance(line, Overlong):
            reason = Fault(wire.REFUSED, f"A message has at most {self._settings.line} bytes")
            self._say(wire.fault(line.identity, reason))
            return
        if not line or line.isspace():
            return
        command: Command | None = None
        with contained(log.warning):
            command = self._conversation.hear(line, self._fleet.table(self._profile))
        if command is None:
            command = Reply(500, wire.fault(wire.outer_identity(line), _our_bug()))
        if isinstance(command, Forward):
            self._begin(command, len(line))
        elif isinstance(command, Cancel):
            # Nothing is said of a cancelled call (2025-11-25 and 2026-07-28, "Cancellation").
            task = self._cancellable.pop(command.identity, None)
            if task is not None:
                task.cancel()
        elif command.body:
            self._say(command.body)

    def _begin(self, forward: Forward, size: int) -> None:
        refusal = self._refusal(size)
        if refusal is not None:
            self._say(session.finish(forward, Fault(wire.UNAVAILABLE, refusal)).body)
            return
        task = self._group.create_task(self._call(forward))
        self._calls.add(task)
        self._cancellable[forward.identity] = task
        self._held += size
        task.add_done_callback(partial(self._forget, forward.identity, size))

    def _refusal(self, size: int) -> str | None:
        if self._ending:
            return "The gateway is stopping"
        if len(self._calls) >= self._settings.calls or self._held + size > self._settings.buffered:
            return "Too many calls are under way"
        return None

    async def _call(self, forward: Forward) -> None:
        outcome: Message | Fault | None = None
        with contained(log.warning):
            try:
                outcome = await self._fleet.call(forward)
            except Fault as reason:
                outcome = reason
        # What is answered cannot be cancelled any more.
        if self._cancellable.get(forward.identity) is asyncio.current_task():
            del self._cancellable[forward.identity]
        self._say(session.finish(forward, _our_bug() if outcome is None else outcome).body)
        await self._sink.drain()

    def _forget(self, identity: bytes, size: int, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        self._held -= size
        if self._cancellable.get(identity) is task:
            del self._cancellable[identity]
        if not self._calls:
            self._idle.set()

    def _say_all(self, messages: list[bytes]) -> None:
        for message in messages:
            self._say(message)

    def _say(self, message: bytes) -> None:
        self._sink.write(wire.one_line(message) + b"\n")


def _our_bug() -> Fault:
    return Fault(wire.INTERNAL_ERROR, "The gateway has a bug; see its log")
