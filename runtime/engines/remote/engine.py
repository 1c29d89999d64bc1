"""Reaching servers that others run: the URL and its address are judged, the way is tried once, then it is open."""

import asyncio
import ssl
from typing import Final

import httpcore2

from mcphub_gitops.runtime.engines.lines import LINE_LIMIT
from mcphub_gitops.runtime.engines.remote.child import RemoteChild
from mcphub_gitops.runtime.engines.remote.endpoint import Endpoint, check_headers
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.network import connection
from mcphub_gitops.runtime.network.address import Place, place_of
from mcphub_gitops.runtime.network.connection import Network, Resolve
from mcphub_gitops.runtime.network.trouble import UnreachableError
from mcphub_gitops.runtime.ports import LineSink, RemoteSpec

WIDTH: Final = 64
"""Requests under way at once at one server; each takes a connection of HTTP/1.1."""

CONNECT_SECONDS: Final = 10.0

_SPARE: Final = 16
"""Connections beside those of requests: notifications, the stream of events, the end of the session."""

_PAUSES: Final = (0.1, 0.5)


class RemoteEngine:
    """Reaches servers over streamable HTTP, both eras of the protocol, or HTTP with SSE; implements `ports.Spawner`.

    `line_limit` is the longest message in bytes, `width` the number of requests under way at once, `connect_seconds`
    bounds name and connection, and then the TLS handshake. `tls` replaces the trust in the system's certificate
    authorities (or those that SSL_CERT_FILE or SSL_CERT_DIR name), `resolve` the system's resolver.

    Works on asyncio's loop and uvloop alike.
    """

    def __init__(
        self,
        *,
        line_limit: int = LINE_LIMIT,
        width: int = WIDTH,
        connect_seconds: float = CONNECT_SECONDS,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = connection.resolve,
    ) -> None:
        self._line_limit = line_limit
        self._width = width
        self._connect_seconds = connect_seconds
        self._tls = tls
        self._resolve = resolve

    async def spawn(self, spec: RemoteSpec, sink: LineSink) -> RemoteChild:
        """Reach `spec`: a connection is made, with TLS, and closed again; nothing is sent on it.

        Raises RuntimeFailure, and never calls `sink` then, when the URL or a header cannot be used, the address is not
        allowed, the certificate is refused, or three attempts to connect fail (then retryable).
        """
        place = place_of(spec.url, whose=f"server {spec.server!r}", private=spec.private)
        check_headers(spec)
        tls = await self._trust() if place.secure else None
        way = Network(place, tls=tls, resolve=self._resolve, seconds=self._connect_seconds)
        await _try(spec, place, way, self._connect_seconds)
        endpoint = Endpoint(place, headers=spec.headers, network=way, tls=tls, connections=self._width + _SPARE)
        child = RemoteChild(
            endpoint,
            sink,
            transport=spec.transport,
            secrets=spec.headers.values(),
            width=self._width,
            limit=self._line_limit,
        )
        await child.begun()
        return child

    async def _trust(self) -> ssl.SSLContext:
        """Return the TLS settings; reading the authorities takes 20 ms, once."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(httpcore2.default_ssl_context)
        return self._tls


async def _try(spec: RemoteSpec, place: Place, way: Network, seconds: float) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    for pause in (*_PAUSES, None):
        try:
            stream = await way.connect()
        except UnreachableError as trouble:
            if pause is None or trouble.lasting or asyncio.get_running_loop().time() > deadline:
                raise RuntimeFailure(
                    f"Server {spec.server!r} cannot be reached",
                    detail=trouble.words + ".",
                    resolution=_advice(place, trouble),
                    retryable=not trouble.lasting,
                ) from None
            await asyncio.sleep(pause)
        else:
            await stream.aclose()
            return


def _advice(place: Place, trouble: UnreachableError) -> str:
    if "not a public address" in trouble.words:
        return "Set `private: true` for a server in your own network; the review will show it."
    return f"See whether {place.shown} can be reached from this machine."
