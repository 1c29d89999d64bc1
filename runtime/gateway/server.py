"""Serving an applied generation over HTTP until told to stop.

uvicorn is run inside the caller's loop, with its logging, signal handling and extras off; what it lacks stands in
`connection`.
"""

import asyncio
import errno
import logging
import resource
import secrets as entropy
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import uvicorn
import uvloop

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway.access import Access, doors_of
from mcphub_gitops.runtime.gateway.app import ENDPOINT, Gateway
from mcphub_gitops.runtime.gateway.connection import Bounds, bounded
from mcphub_gitops.runtime.gateway.fleet import make_fleet
from mcphub_gitops.runtime.gateway.generation import Generation
from mcphub_gitops.runtime.gateway.keys import Keys
from mcphub_gitops.runtime.gateway.session import Sessions
from mcphub_gitops.runtime.gateway.upstream import Supervision
from mcphub_gitops.runtime.gateway.words import printable
from mcphub_gitops.runtime.ports import AnySpawner, Secrets

log = logging.getLogger("mcphub.gateway")

_SESSION_BYTES: Final = 24
_SILENT: Final = logging.CRITICAL + 1
_IDLE_SECONDS: Final = 30
_BACKLOG: Final = 1024
_LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Bounds of the whole gateway: bytes of one body and of all that are held, and seconds that calls get to end."""

    body: int = 4 * 1024**2
    buffered: int = 64 * 1024**2
    drain: float = 10.0
    bounds: Bounds = field(default_factory=Bounds)
    supervision: Supervision = field(default_factory=Supervision)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return the loop that the gateway is meant to run on; see `asyncio.Runner`."""
    return uvloop.new_event_loop()


class Server(uvicorn.Server):
    """uvicorn's server, without its signal handlers, around one of our own applications.

    Open connections are bounded by half of the descriptors that the process may have as well: children need some, and
    a server that has none left accepts in a busy loop.
    """

    def __init__(self, app: Any, *, bounds: Bounds, drain: float) -> None:  # noqa: ANN401  (uvicorn's own type)
        allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = bounds.connections if allowed == resource.RLIM_INFINITY else min(bounds.connections, allowed // 2)
        super().__init__(
            uvicorn.Config(
                app,
                http=bounded(replace(bounds, connections=most)),
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                log_level=_SILENT,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_IDLE_SECONDS,
                timeout_graceful_shutdown=int(drain) + 2,
                backlog=_BACKLOG,
            )
        )

    async def main_loop(self) -> None:
        """Run until told to stop; when cancelled instead, leave nothing open either."""
        try:
            await super().main_loop()
        except asyncio.CancelledError:
            self.cut()
            raise

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let answers go out in their time, and cut what is still open then."""
        try:
            await super().shutdown(sockets)
        finally:
            self.cut()

    def cut(self) -> None:
        """Stop listening, and close every connection whatever it is about."""
        for listening in self.servers:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the caller."""
        yield


async def serve(
    generation: Generation,
    *,
    spawner: AnySpawner,
    secrets: Secrets,
    keys: Keys,
    version: str,
    on_ready: Callable[[str], None],
    stop: asyncio.Event,
    generations: AsyncIterator[tuple[Generation, Keys]] | None = None,
    settings: Settings | None = None,
) -> None:
    """Serve `generation`, then each of `generations` as it comes, until `stop` is set; every child is stopped then.

    Each comes with its `keys`, so that who is let in changes with what is served. `on_ready` is called with the
    endpoint's URL once the socket listens; servers come up after it, and calls wait for them. `version` is mcphub's
    own. A RuntimeFailure of `generations` is logged, and what is served stays served.
    Raises RuntimeFailure when the address cannot be listened on, and what `on_ready` raises.
    """
    chosen = settings or Settings()
    listener = await listen_on(generation.listen)
    with listener:
        address: tuple[str, int] = listener.getsockname()[:2]
        access = partial(Access.of, listen=generation.listen, address=address)
        fleet = make_fleet(
            generation,
            spawner=spawner,
            secrets=secrets,
            version=version,
            supervision=chosen.supervision,
            drain=chosen.drain,
        )
        gateway = Gateway(
            fleet=fleet,
            access=access(keys=keys, public_url=generation.public_url, doors=doors_of(generation)),
            sessions=Sessions(mint=partial(entropy.token_urlsafe, _SESSION_BYTES)),
            body=chosen.body,
            buffered=chosen.buffered,
        )
        server = Server(gateway, bounds=chosen.bounds, drain=chosen.drain)
        url = f"http://{generation.listen.rpartition(':')[0]}:{address[1]}{ENDPOINT}"
        log.info("listening on %s, serving %s", url, generation.plan)
        on_ready(url)
        async with gateway.running(), asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve(sockets=[listener]))
            following = group.create_task(_follow(gateway, generations, generation.listen, access))
            await stop.wait()
            log.info("stopping")
            following.cancel()
            server.should_exit = True
            await gateway.close()
            await serving


async def _follow(
    gateway: Gateway,
    generations: AsyncIterator[tuple[Generation, Keys]] | None,
    listen: str,
    access: Callable[..., Access],
) -> None:
    if generations is None:
        return
    try:
        async for generation, keys in generations:
            if generation.listen != listen:
                log.warning("listening on %s until a restart, then on %s", listen, generation.listen)
            doors = doors_of(generation)
            await gateway.switch(generation, access(keys=keys, public_url=generation.public_url, doors=doors))
    except RuntimeFailure as failure:
        log.warning("a new generation cannot be served, the old one stays: %s", printable(failure.brief))


async def listen_on(listen: str) -> socket.socket:
    """Return a socket that listens on ``HOST:PORT`` (port 0: any free one); raises RuntimeFailure."""
    host, _, port = listen.rpartition(":")
    if int(port) > _LAST_PORT:
        raise _cannot_listen(listen, f"the last port is {_LAST_PORT}")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, place = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _cannot_listen(listen, str(error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_listen(listen, _why(error)) from error
    return listener


def _why(error: OSError) -> str:
    reasons = {
        errno.EADDRINUSE: "another program listens there, perhaps another gateway",
        errno.EADDRNOTAVAIL: "this machine has no such address",
        errno.EACCES: "ports below 1024 need a privilege",
    }
    return reasons.get(error.errno or 0, str(error))


def _cannot_listen(listen: str, why: str) -> RuntimeFailure:
    return RuntimeFailure(
        f"the gateway cannot listen on {listen}",
        detail=why,
        resolution="free the address, or set another one as `gateway.listen` and apply that",
    )
