"""One server, kept running: started, asked who it is, held against the lock, called, restarted when it ends.

Invariant: a call reaches a child whose tools were compared with the lock, it is sent at most once, and it ends exactly
once. Nothing is ever repeated on a new child.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import check_code
from mcphub_gitops.runtime.gateway import bridge, definitions, handshake, named, offering, routing, wire
from mcphub_gitops.runtime.gateway.generation import Server
from mcphub_gitops.runtime.gateway.handshake import Hello
from mcphub_gitops.runtime.gateway.link import Link
from mcphub_gitops.runtime.gateway.routing import Route
from mcphub_gitops.runtime.gateway.shelf import COMPLETE, KEYS
from mcphub_gitops.runtime.gateway.wire import Fault, Message, Raw
from mcphub_gitops.runtime.gateway.words import contained, printable
from mcphub_gitops.runtime.ports import AnySpawner, Child, ChildSpec, ContainerSpec, Secrets, Spec, ToolsSpec
from mcphub_gitops.runtime.wish import read_secrets, wish_for

log = logging.getLogger("mcphub.gateway")

_HEALTHY_SECONDS: Final = 1.0
_FIRST_NUMBERS: Final = 2**48
"""What the first number is below: JSON readers keep integers exactly up to 2**53 (RFC 8259, section 6)."""
_LONGEST_EXPONENT: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """Deadlines and patience, in seconds, and counts.

    `call` bounds a call including the wait for a restart; `probe` the era question; `start` the handshake with it, and
    each listing of tools. After `failures` failed starts in a row calls are refused at once and the next start waits
    `rest`. After `timeouts` calls in a row without an answer the child is restarted.
    """

    call: float = 60.0
    probe: float = 5.0
    start: float = 30.0
    grace: float = 2.0
    first_pause: float = 0.1
    longest_pause: float = 5.0
    failures: int = 5
    rest: float = 30.0
    relist: float = 1.0
    timeouts: int = 3
    pending: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a server fares: `state` is ``up``, ``starting``, or ``down`` between two starts; `seconds` since it is up.

    `starts` counts the starts of this gateway, `reason` is why it is not up, in words; empty when it is. With `by_name`
    its tools are held to their names alone.
    """

    name: str
    kind: str
    state: str
    seconds: float
    starts: int
    reason: str
    tools: int
    quarantined: Mapping[str, str]
    by_name: bool = False


def _ignore() -> None:
    """Nobody looks at the definitions."""


class RetiredError(Exception):
    """The server was replaced before the call was sent: it can be sent to the one that took its place."""


class Upstream:
    """The actor of one server; `run` keeps it alive, `call` may be used by many at once."""

    def __init__(
        self, server: Server, *, spawner: AnySpawner, secrets: Secrets, client: bytes, supervision: Supervision
    ) -> None:
        self._server = server
        self._spawner = spawner
        self._secrets = secrets
        self._client = client
        self._supervision = supervision
        self._link: Link | None = None
        self._child: Child | None = None
        self._starts = 0
        self._reason = ""
        self._modern = False
        self._completes = False
        self._legacy_first = False
        self._live: Mapping[str, str | None] = {}
        self._offered: offering.Live = {}
        self._definitions: named.Live = {}
        self._listed: Callable[[], None] = _ignore
        self._quarantined: Mapping[str, str] = {}
        self._withheld: offering.Withheld = {}
        self._failures = 0
        self._timeouts = 0
        self._up_since: float | None = None
        self._news = asyncio.Event()
        self._wake = asyncio.Event()
        self._nudge = asyncio.Event()
        self._over = asyncio.Event()
        self._changed = False
        self._calls = 0
        self._retired = False
        self._idle = asyncio.Event()

    @property
    def server(self) -> Server:
        """What is applied of the server."""
        return self._server

    @property
    def up(self) -> bool:
        """Whether a call would be sent at once."""
        return self._link is not None

    @property
    def quarantined(self) -> Mapping[str, str]:
        """Why tools are refused, by their name on the server."""
        return self._quarantined

    @property
    def definitions(self) -> named.Live:
        """What the server said of each of its tools, by name; read where they are held to their names alone."""
        return self._definitions

    def watch(self, listed: Callable[[], None]) -> None:
        """Call `listed` whenever `definitions` have changed."""
        self._listed = listed

    def standing(self) -> Standing:
        """Return how the server fares now."""
        since = self._up_since
        return Standing(
            name=self._server.name,
            kind=self._server.kind,
            state="up" if self._link is not None else "starting" if self._child is not None else "down",
            seconds=self._now() - since if since is not None and self._link is not None else 0.0,
            starts=self._starts,
            # What ailed a server that is well again is history, and stands in the log.
            reason=self._reason if self._link is None else "",
            tools=len(self._server.tools),
            quarantined={**self._quarantined, **offering.named(self._withheld)},
            by_name=self._server.by_name,
        )

    def complaints(self) -> str:
        """Return what the running child said last on standard error, its secrets masked; nothing of a container."""
        if self._child is None or self._server.kind == "container":
            return ""
        return self._child.stderr_tail()

    def adopt(self, server: Server) -> None:
        """Hold the running child against the lock of `server`, which starts like the one that it was started for."""
        unread = (server.by_name and not self._server.by_name) or bool(offering.unasked(server, self._offered))
        self._server = server
        if self._link is not None:
            self._judge()
            if unread:
                # Only the fingerprints of what it offers were kept, and of what was locked then.
                self._on_changed()
        else:
            # What it failed at may have been mended, or there would be nothing new to adopt.
            self._failures = 0
            self._nudge.set()

    async def settle(self, seconds: float) -> None:
        """Wait until calls are sent at once, at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._link is None:
                    await self._hear()

    async def retire(self, seconds: float) -> None:
        """Send back the calls that wait for a start, and wait until those under way have ended, at most `seconds`."""
        self._retired = True
        self._news.set()
        try:
            async with asyncio.timeout(seconds):
                while self._calls:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            log.warning("server %s: %d calls did not end in time and are given up", self._server.name, self._calls)

    async def run(self) -> None:
        """Keep the server running until cancelled."""
        while not self._retired:
            self._up_since = None
            bugs: list[str] = []
            reason = ""
            # One server must not take the others down.
            with contained(bugs.append):
                try:
                    reason = await self._live_once()
                except RuntimeFailure as failure:
                    reason = f"{failure.brief}: {failure.detail}" if failure.detail else failure.brief
            self._reason = printable(bugs[0] if bugs else reason)
            healthy = self._up_since is not None and self._now() - self._up_since >= _HEALTHY_SECONDS
            self._failures = 0 if healthy else self._failures + 1
            pause = self._pause()
            log.warning("server %s is down (%s); next start in %.1f s", self._server.name, self._reason, pause)
            await self._sleep(pause)

    async def _sleep(self, seconds: float) -> None:
        """Wait `seconds`, or until there is reason to try again."""
        self._nudge.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nudge.wait()

    def _pause(self) -> float:
        supervision = self._supervision
        if self._is_open:
            # Those who wait for a start are told now rather than at their deadline.
            self._news.set()
            return supervision.rest
        longest = min(
            supervision.longest_pause, supervision.first_pause * 2.0 ** min(self._failures, _LONGEST_EXPONENT)
        )
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  (spreads restarts, hides nothing)

    @property
    def _is_open(self) -> bool:
        return self._failures >= self._supervision.failures

    async def _live_once(self) -> str:
        """Run one child from start to end; return why it ended."""
        spec = await self._spec()
        # A container may still answer what the gateway before this one asked; no question has the same number twice.
        first = random.randrange(_FIRST_NUMBERS)  # noqa: S311  (tells two conversations apart, hides nothing)
        link = Link(changed=self._on_changed, ended=self._on_ended, first=first)
        child = await self._spawner.spawn(spec, link)
        link.attach(child)
        self._child = child
        self._starts += 1
        self._over.clear()
        self._wake.clear()
        self._changed = False
        hello: Hello | None = None
        try:
            try:
                hello = await self._open(link)
            except Fault as reason:
                # No call was sent yet, so what the child complained of holds no argument of one.
                raise RuntimeFailure(link.reason or reason.message, detail=self._complaint(child)) from None
            return await self._serve(link, hello)
        except Fault as reason:
            return link.reason or reason.message
        finally:
            self._link = None
            # Whoever ends a conversation that is going well lets a container run on, and a failed one starts anew.
            leaving = link.reason is None and hello is not None
            link.end("it is being stopped")
            await (child.leave() if leaving else child.stop(grace=self._supervision.grace))
            self._child = None
            if link.dropped or link.unreadable:
                log.warning(
                    "server %s sent %d replies that answer no call and %d lines that are no messages",
                    self._server.name,
                    link.dropped,
                    link.unreadable,
                )

    async def _spec(self) -> Spec:
        launch = self._server.launch
        if isinstance(launch.spec, (ContainerSpec, ToolsSpec)):
            # It was given its secrets when it was made, or has none; the gateway only speaks to it.
            return launch.spec
        if isinstance(launch.spec, ChildSpec):
            # What was reviewed may have been edited since it was applied.
            await asyncio.to_thread(check_code, self._server.root, launch.files, launch.code)
        values = await asyncio.to_thread(read_secrets, self._secrets, wish_for(self._server.name, launch))
        return launch.filled(values)

    def _complaint(self, child: Child) -> str:
        spec = self._server.launch.spec
        if isinstance(spec, ContainerSpec) and self._server.launch.secrets:
            return "`mcphub logs` shows what it said, which may hold its secrets"
        return child.stderr_tail()[-500:]

    async def _open(self, link: Link) -> Hello:
        supervision = self._supervision
        try:
            hello = await handshake.greet(
                link,
                client=self._client,
                probe_seconds=supervision.probe,
                seconds=supervision.start,
                legacy_first=self._legacy_first,
            )
        except Fault:
            # Some servers of the old era end at any request before their handshake; ask those the old way next time.
            self._legacy_first = not self._legacy_first and link.reason is not None
            raise
        self._modern = hello.modern
        self._completes = hello.completes
        self._legacy_first = not hello.modern
        await self._verify(link, hello)
        if hello.modern and hello.tells:
            wanted = {"notifications": wire.dump({f"{name}ListChanged": True for name in hello.tells})}
            link.listen(handshake.modern_params(self._client, wanted))
        return hello

    async def _verify(self, link: Link, hello: Hello) -> None:
        listed = await handshake.list_tools(link, hello, client=self._client, seconds=self._supervision.start)
        found = definitions.read_all(listed)
        if self._server.by_name:
            found = {name: each if each is not None and named.fits(each) else None for name, each in found.items()}
        self._live = definitions.fingerprints(found)
        self._offered = await offering.look(
            link, hello, self._server, client=self._client, seconds=self._supervision.start
        )
        self._judge()
        if self._server.by_name and found != self._definitions:
            self._definitions = found
            self._listed()

    def _judge(self) -> None:
        verdict = routing.quarantined(self._server, self._live)
        for tool, reason in verdict.items():
            if self._quarantined.get(tool) != reason:
                log.warning("server %s, tool %s is quarantined: %s", self._server.name, printable(tool), reason)
        self._quarantined = verdict
        self._withheld = offering.withheld(self._server, self._offered, self._withheld)

    async def _serve(self, link: Link, hello: Hello) -> str:
        if link.reason is None:
            self._link = link
            self._up_since = self._now()
            self._timeouts = 0
            log.info("server %s is up, revision %s", self._server.name, hello.revision)
            self._news.set()
        while link.reason is None:
            await self._wake.wait()
            self._wake.clear()
            if self._changed and link.reason is None:
                self._changed = False
                await self._verify(link, hello)
                await self._rest()
        return link.reason

    async def _rest(self) -> None:
        """Answer a storm of notifications with one listing a second; the child's end is noticed at once."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._supervision.relist):
                await self._over.wait()

    def _on_changed(self) -> None:
        self._changed = True
        self._wake.set()

    def _on_ended(self, _reason: str) -> None:
        # New calls wait for the next child from this moment on, not from when this one is reaped.
        self._link = None
        self._over.set()
        self._wake.set()

    async def call(self, route: Route, params: Mapping[str, Raw], *, modern: bool) -> Message:
        """Return the server's response to one request along `route`; `modern` is the client's era.

        Raises Fault when the tool is quarantined or the server is unavailable, ends, or misses the deadline, and
        RetiredError when the server was replaced before the call was sent. Cancelling the call cancels it at the
        server.
        """
        self._calls += 1
        try:
            return await self._call(route, params, modern=modern)
        finally:
            self._calls -= 1
            if self._retired and not self._calls:
                self._idle.set()

    async def _call(self, route: Route, params: Mapping[str, Raw], *, modern: bool) -> Message:
        seconds = self._supervision.call
        link = self._link
        if link is None:
            deadline = self._now() + seconds
            link = await self._wait(seconds)
            seconds = deadline - self._now()
        is_tool = route.kind == "tools"
        refusal = self._quarantined.get(route.tool) if is_tool else self._withheld.get((route.kind, route.tool))
        if refusal is not None:
            raise Fault(wire.QUARANTINED, f"The {offering.word(route.kind)} is quarantined: {refusal}")
        if route.method == COMPLETE and not self._completes:
            return offering.NO_VALUES
        if link.pending >= self._supervision.pending:
            raise Fault(wire.UNAVAILABLE, "The server has too many calls under way")
        sent = bridge.call_params(
            params,
            name=route.token,
            from_modern=modern,
            to_modern=self._modern,
            client=self._client,
            key=KEYS[route.method],
        )
        try:
            answer = await link.ask(route.method, sent, seconds=seconds)
        except Fault as reason:
            if reason.code == wire.TIMED_OUT:
                self._count_timeout(link)
            raise
        self._timeouts = 0
        return answer

    async def _wait(self, seconds: float) -> Link:
        try:
            async with asyncio.timeout(seconds):
                while self._link is None:
                    if self._retired:
                        raise RetiredError
                    if self._is_open:
                        raise Fault(wire.UNAVAILABLE, "The server does not start; it is tried again from time to time")
                    await self._hear()
        except TimeoutError:
            raise Fault(wire.UNAVAILABLE, "The server did not start in time") from None
        return self._link

    async def _hear(self) -> None:
        """Wait for the next piece of news: the server is up, has given up for a while, or is retired."""
        self._news.clear()
        await self._news.wait()

    def _count_timeout(self, link: Link) -> None:
        self._timeouts += 1
        if self._timeouts >= self._supervision.timeouts:
            link.end(f"{self._timeouts} calls in a row timed out")

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
