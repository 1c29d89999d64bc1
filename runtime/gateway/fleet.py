"""The servers of the generation that is served, and the way from one generation to the next.

Invariant: a table and the servers that it leads to change in one step, so no request sees one without the other.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from mcphub_gitops.runtime.gateway import named, routing, session, wire
from mcphub_gitops.runtime.gateway.generation import Generation, Server
from mcphub_gitops.runtime.gateway.routing import Table
from mcphub_gitops.runtime.gateway.session import Forward
from mcphub_gitops.runtime.gateway.upstream import RetiredError, Supervision, Upstream
from mcphub_gitops.runtime.gateway.wire import Fault, Message
from mcphub_gitops.runtime.ports import AnySpawner, Secrets

log = logging.getLogger("mcphub.gateway")


def make_fleet(
    generation: Generation,
    *,
    spawner: AnySpawner,
    secrets: Secrets,
    version: str,
    supervision: Supervision,
    drain: float,
) -> "Fleet":
    """Return the servers of `generation`, started through `spawner`; mcphub `version` is what they are told of it."""
    make = partial(
        Upstream,
        spawner=spawner,
        secrets=secrets,
        client=wire.dump({"name": "mcphub", "version": version}),
        supervision=supervision,
    )
    return Fleet(generation, make=make, version=version, patience=supervision.start, drain=drain)


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Serving:
    """`tables` are by profile, `profiles` by path."""

    generation: Generation
    tables: Mapping[str, Table]
    profiles: Mapping[str, str]
    upstreams: Mapping[str, Upstream]


class Fleet:
    """All servers of one generation, kept running while `running` is entered.

    `make` returns the actor of a server; `version` is the gateway's own. A switch waits `patience` seconds for a new
    server to come up; calls under way get `drain` seconds to end on a server that is replaced.
    """

    def __init__(
        self,
        generation: Generation,
        *,
        make: Callable[[Server], Upstream],
        version: str,
        patience: float,
        drain: float,
    ) -> None:
        self._make = make
        self._relisted: Callable[[], None] = _ignore
        self._version = version
        self._patience = patience
        self._drain = drain
        self._serving = self._serve(generation, {server.name: self._made(server) for server in generation.servers})
        self._outdated = False
        self._switching = asyncio.Lock()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[Upstream, asyncio.Task[None]] = {}
        self._closing = False

    @property
    def profiles(self) -> Mapping[str, str]:
        """The name of the profile that is served at each path, beside the whole."""
        return self._serving.profiles

    def table(self, profile: str) -> Table:
        """Return what is served now to clients of `profile`; of one that there is no more, nothing."""
        if self._outdated:
            # Servers come up one after the other; a list is made when somebody wants it.
            self._outdated = False
            self._serving = self._serve(self._serving.generation, self._serving.upstreams)
        found = self._serving.tables.get(profile)
        return found or routing.build_empty(self._serving.generation, profile, version=self._version)

    def watch(self, relisted: Callable[[], None]) -> None:
        """Call `relisted` whenever a server says other things of tools that are held to their names alone."""
        self._relisted = relisted

    def _made(self, server: Server) -> Upstream:
        upstream = self._make(server)
        upstream.watch(self._on_listed)
        return upstream

    def _on_listed(self) -> None:
        self._outdated = True
        self._relisted()

    def _serve(self, generation: Generation, upstreams: Mapping[str, Upstream]) -> _Serving:
        live = {name: upstream.definitions for name, upstream in upstreams.items()}
        return _Serving(
            generation=generation,
            tables=routing.build(named.completed(generation, live), version=self._version),
            profiles={profile.path: name for name, profile in generation.profiles.items()},
            upstreams=upstreams,
        )

    @property
    def upstreams(self) -> Mapping[str, Upstream]:
        """The servers that are served now, by name."""
        return self._serving.upstreams

    def waiting(self) -> list[str]:
        """Return the names of the servers that the gateway is not ready without."""
        return [
            name
            for name, upstream in self._serving.upstreams.items()
            if not upstream.up and not upstream.server.optional
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the servers running; every child has been stopped when this is left."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for upstream in self._serving.upstreams.values():
                self._begin(upstream)
            try:
                yield
            finally:
                self._closing = True
                for task in self._tasks.values():
                    task.cancel()

    async def call(self, forward: Forward, is_admitted: Callable[[], bool] = _always) -> Message:
        """Return the server's response to `forward`; raises Fault as `Upstream.call` does.

        One that waited until another generation was served is for whom that lets in: `is_admitted` is asked again.
        """
        route = forward.route
        while True:
            try:
                return await self._serving.upstreams[route.server].call(route, forward.params, modern=forward.modern)
            except RetiredError:
                if self._closing:
                    raise Fault(wire.UNAVAILABLE, "The gateway is stopping") from None
            found = self.table(forward.profile).find(route.method, forward.tool)
            if found is None or not is_admitted():
                raise session.unknown(route.method, modern=forward.modern)
            route = found

    async def switch(self, generation: Generation) -> None:
        """Serve `generation` from now on.

        A server that starts like before keeps its child and is held against the new lock. Any other is started beside
        the old one, which serves until the new one is up or had its time.
        """
        async with self._switching:
            old = self._serving.upstreams
            upstreams = {server.name: self._kept(server) or self._made(server) for server in generation.servers}
            fresh = [upstream for name, upstream in upstreams.items() if old.get(name) is not upstream]
            for upstream in fresh:
                self._begin(upstream)
            async with asyncio.TaskGroup() as starts:
                for upstream in fresh:
                    starts.create_task(upstream.settle(self._patience))
            serving = self._serve(generation, upstreams)
            for server in generation.servers:
                upstreams[server.name].adopt(server)
            self._serving = serving
            late = [upstream.server.name for upstream in fresh if not upstream.up]
            log.info("serving %s%s", generation.plan, f"; not up yet: {', '.join(late)}" if late else "")
            for name, upstream in old.items():
                if upstreams.get(name) is not upstream:
                    self._spawn(self._end(upstream))

    async def close(self) -> None:
        """Let the calls under way end, for `drain` seconds, then stop every server; calls that still come fail."""
        self._closing = True
        async with asyncio.TaskGroup() as group:
            for upstream in list(self._tasks):
                group.create_task(self._end(upstream))

    def _kept(self, server: Server) -> Upstream | None:
        found = self._serving.upstreams.get(server.name)
        return found if found is not None and found.server.starts_like(server) else None

    def _begin(self, upstream: Upstream) -> None:
        self._tasks[upstream] = self._spawn(upstream.run())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if self._group is None:
            raise RuntimeError("the fleet is not running")
        return self._group.create_task(work)

    async def _end(self, upstream: Upstream) -> None:
        await upstream.retire(self._drain)
        task = self._tasks.pop(upstream, None)
        if task is not None:
            task.cancel()


def _ignore() -> None:
    """Nobody is told."""
