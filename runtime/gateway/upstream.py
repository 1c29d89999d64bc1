"""One server, kept running: started, asked who it is, held against the lock, called, restarted when it ends.

Invariant: a call reaches a child whose tools were compared with the lock, it is sent at most once, and it ends exactly
once. Nothing is ever repeated on a new child.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import bridge, handshake, routing, wire
from mcphub_gitops.runtime.gateway.generation import Server
from mcphub_gitops.runtime.gateway.handshake import Hello, printable
from mcphub_gitops.runtime.gateway.link import Link
from mcphub_gitops.runtime.gateway.routing import Route
from mcphub_gitops.runtime.gateway.wire import Fault, Message, Raw
from mcphub_gitops.runtime.ports import ChildSpec, Spawner

log = logging.getLogger("mcphub.gateway")

Resolver = Callable[[str], Awaitable[str]]
"""Returns the value behind a secret reference such as ``env://NAME``; raises RuntimeFailure."""

_HEALTHY_SECONDS: Final = 1.0
_LONGEST_EXPONENT: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """Deadlines and patience, in seconds, and counts.

    `call` bounds a call including the wait for a restart; `probe` the era question; `start` each further step of the
    handshake. After `failures` failed starts in a row calls are refused at once and the next start waits `rest`.
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


class Upstream:
    """The actor of one server; `run` keeps it alive, `call` may be used by many at once."""

    def __init__(
        self, server: Server, *, spawner: Spawner, resolve: Resolver, client: bytes, supervision: Supervision
    ) -> None:
        self._server = server
        self._spawner = spawner
        self._resolve = resolve
        self._client = client
        self._supervision = supervision
        self._link: Link | None = None
        self._modern = False
        self._died_of_probe = False
        self._quarantined: Mapping[str, str] = {}
        self._failures = 0
        self._timeouts = 0
        self._settled = asyncio.Event()
        self._wake = asyncio.Event()
        self._changed = False

    @property
    def name(self) -> str:
        """The server's name."""
        return self._server.name

    @property
    def ready(self) -> bool:
        """Whether a call would be sent at once; a server declared optional never holds up readiness."""
        return self._server.optional or self._link is not None

    @property
    def quarantined(self) -> Mapping[str, str]:
        """Why tools are refused, by their name on the server."""
        return self._quarantined

    async def run(self) -> None:
        """Keep the server running until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                reason = await self._live()
            except RuntimeFailure as failure:
                reason = f"{failure.brief}: {failure.detail}" if failure.detail else failure.brief
                lived = 0.0
            else:
                lived = loop.time() - started
            self._failures = 0 if lived >= _HEALTHY_SECONDS else self._failures + 1
            pause = self._pause()
            log.warning("server %s is down (%s); next start in %.1f s", self.name, printable(reason), pause)
            await asyncio.sleep(pause)

    def _pause(self) -> float:
        supervision = self._supervision
        if self._is_open:
            # Those who wait for a start are told now rather than at their deadline.
            self._settled.set()
            return supervision.rest
        longest = min(
            supervision.longest_pause, supervision.first_pause * 2.0 ** min(self._failures, _LONGEST_EXPONENT)
        )
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  (spreads restarts, hides nothing)

    @property
    def _is_open(self) -> bool:
        return self._failures >= self._supervision.failures

    async def _live(self) -> str:
        """Run one child from start to end; return why it ended."""
        spec = await self._spec()
        link = Link(changed=self._on_changed, ended=self._on_ended)
        child = await self._spawner.spawn(spec, link)
        link.attach(child)
        self._wake.clear()
        try:
            hello = await self._open(link)
            return await self._serve(link, hello)
        except Fault as reason:
            raise RuntimeFailure(link.reason or reason.message, detail=child.stderr_tail()[-500:]) from None
        finally:
            self._link = None
            self._settled.clear()
            link.end("it is being stopped")
            await child.stop(grace=self._supervision.grace)

    async def _spec(self) -> ChildSpec:
        server = self._server
        secrets = {variable: await self._resolve(reference) for variable, reference in server.secrets.items()}
        return ChildSpec(
            server=server.name,
            argv=server.argv,
            cwd=server.cwd,
            env={**server.env, **secrets},
            readable=server.readable,
            writable=server.writable,
        )

    async def _open(self, link: Link) -> Hello:
        supervision = self._supervision
        try:
            hello = await handshake.greet(
                link,
                client=self._client,
                probe_seconds=supervision.probe,
                seconds=supervision.start,
                legacy_first=self._died_of_probe,
            )
        except Fault:
            # Some servers of the old era end at any request before their handshake; ask those the old way next time.
            self._died_of_probe = not self._died_of_probe and link.reason is not None
            raise
        self._modern = hello.modern
        await self._verify(link, hello)
        if hello.modern and hello.tells_changes:
            wanted = {"notifications": b'{"toolsListChanged":true}'}
            link.listen(handshake.modern_params(self._client, wanted))
        return hello

    async def _verify(self, link: Link, hello: Hello) -> None:
        live = await handshake.list_tools(link, hello, client=self._client, seconds=self._supervision.start)
        self._quarantined = routing.quarantined(self._server, live)
        for tool, reason in self._quarantined.items():
            log.warning("server %s, tool %s is quarantined: %s", self.name, printable(tool), reason)

    async def _serve(self, link: Link, hello: Hello) -> str:
        if link.reason is None:
            self._link = link
            self._timeouts = 0
            self._settled.set()
        while link.reason is None:
            await self._wake.wait()
            self._wake.clear()
            if self._changed and link.reason is None:
                self._changed = False
                await self._verify(link, hello)
                # Answers a storm of notifications with one listing a second.
                await asyncio.sleep(self._supervision.relist)
        return link.reason

    def _on_changed(self) -> None:
        self._changed = True
        self._wake.set()

    def _on_ended(self, _reason: str) -> None:
        # New calls wait for the next child from this moment on, not from when this one is reaped.
        self._link = None
        self._settled.clear()
        self._wake.set()

    async def call(self, route: Route, params: Mapping[str, Raw], *, modern: bool) -> Message:
        """Return the server's response to one ``tools/call``; `modern` is the client's era.

        Raises Fault when the tool is quarantined or the server is unavailable, ends, or misses the deadline.
        Cancelling the call cancels it at the server.
        """
        link = self._link or await self._wait()
        refusal = self._quarantined.get(route.tool)
        if refusal is not None:
            raise Fault(wire.QUARANTINED, f"The tool is quarantined: {refusal}")
        if link.pending >= self._supervision.pending:
            raise Fault(wire.UNAVAILABLE, "The server has too many calls under way")
        sent = bridge.call_params(
            params, name=route.token, from_modern=modern, to_modern=self._modern, client=self._client
        )
        try:
            answer = await link.ask("tools/call", sent, seconds=self._supervision.call)
        except Fault as reason:
            if reason.code == wire.TIMED_OUT:
                self._count_timeout(link)
            raise
        self._timeouts = 0
        return answer

    async def _wait(self) -> Link:
        try:
            async with asyncio.timeout(self._supervision.call):
                while self._link is None:
                    if self._is_open:
                        raise Fault(wire.UNAVAILABLE, "The server does not start; it is tried again from time to time")
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            raise Fault(wire.UNAVAILABLE, "The server did not start in time") from None
        return self._link

    def _count_timeout(self, link: Link) -> None:
        self._timeouts += 1
        if self._timeouts >= self._supervision.timeouts:
            link.end(f"{self._timeouts} calls in a row timed out")
