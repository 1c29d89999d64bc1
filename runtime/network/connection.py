"""Connections to one place: the name is resolved once, each address is judged, and that address is connected to.

Nothing is sent before the peer has been judged, so a name that resolves to something else a moment later gains nothing.
The certificate is checked against the name. Environment variables that name proxies are not read: a proxy would resolve
the name itself, and no address could be judged.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Any, Final, cast

import httpcore2

from mcphub_gitops.compiler.resolve.public import Address
from mcphub_gitops.runtime.network.address import Place
from mcphub_gitops.runtime.network.trouble import UnreachableError

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a name; raises OSError."""

_READ_HIGH: Final = 256 * 1024
_WRITE_SIZE: Final = 64 * 1024
_SHUTDOWN: Final = 1.0
_TOLD: Final = 4

# A connection that waits for events may be silent for hours; one whose peer is gone is noticed after two minutes.
_KEEPALIVE: Final = (("SO_KEEPALIVE", 1), ("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of `host`, in the resolver's order."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


class Stream(asyncio.Protocol, httpcore2.AsyncNetworkStream):
    """One connection; what is written goes out with the next read, so that head and body of a request go as one."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._ended = False
        self._unsent: list[bytes] = []
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn of the transport, TLS included."""
        # uvloop's transports derive from nothing.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Keep `data`, and let the peer wait while much is kept."""
        self._received += data
        if len(self._received) > _READ_HIGH and self._transport is not None:
            self._transport.pause_reading()
        self._readable.set()

    def eof_received(self) -> None:
        """Learn that nothing more comes; the connection is closed."""
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (whatever it was, it is over)
        """Learn that the connection is gone."""
        self._end()
        self._writable.set()

    def _end(self) -> None:
        self._ended = True
        self._readable.set()

    def pause_writing(self) -> None:
        """Learn that the peer does not take what is sent."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Learn that it does again."""
        self._writable.set()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  (httpcore2's word)
        """Return what has come, at least one byte, or nothing at the end."""
        self._flush()
        if not self._received and not self._ended:
            self._readable.clear()
            await _within(self._readable, timeout, httpcore2.ReadTimeout)
        data = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        if len(self._received) <= _READ_HIGH:
            self._go_on()
        return data

    def _go_on(self) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing() and not transport.is_reading():
            transport.resume_reading()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  (httpcore2's word)
        """Send `buffer` now or with the next read."""
        self._unsent.append(buffer)
        if sum(map(len, self._unsent)) >= _WRITE_SIZE:
            self._flush()
            await _within(self._writable, timeout, httpcore2.WriteTimeout)

    def _flush(self) -> None:
        if self._unsent and self._transport is not None:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()

    async def aclose(self) -> None:
        """Close at once: nothing that is still to be sent would be of use to anybody."""
        if self._transport is not None:
            self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,  # noqa: ARG002
        server_hostname: str | None = None,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ASYNC109, ARG002
    ) -> httpcore2.AsyncNetworkStream:
        """Return this connection, which speaks TLS from its beginning."""
        return self

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  (httpcore2's own type)
        """Return whether there is something to read (an idle connection is over then); nothing else is known."""
        return (self._ended or bool(self._received)) if info == "is_readable" else None


async def _within(event: asyncio.Event, seconds: float | None, late: type[httpcore2.TimeoutException]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        raise late from None


class Network(httpcore2.AsyncNetworkBackend):
    """Connects to `place` and to nothing else, whatever it is asked for; `tls` is None where the place is not secure.

    `seconds` bounds the resolver and all connection attempts together, and then the TLS handshake.
    """

    def __init__(self, place: Place, *, tls: ssl.SSLContext | None, resolve: Resolve, seconds: float) -> None:
        self._place = place
        self._tls = tls
        self._resolve = resolve
        self._seconds = seconds

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ASYNC109, ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> Stream:
        """Return a connection that is ready for a request, as `connect` does."""
        return await self.connect()

    async def connect(self) -> Stream:
        """Return a connection whose peer has been judged; raises UnreachableError."""
        try:
            async with asyncio.timeout(self._seconds):
                connected = await self._reach(await self._addresses())
        except TimeoutError:
            raise UnreachableError(f"{self._place.shown} cannot be reached within {self._seconds:g} s") from None
        return await self._speak(connected)

    async def _addresses(self) -> list[Address]:
        """Return the addresses that may be connected to, at least one."""
        place = self._place
        literal = place.address
        try:
            texts = [str(literal)] if literal else await self._resolve(place.host, place.port)
        except socket.gaierror as problem:
            words = f"The name {place.host} cannot be resolved: {problem.strerror}"
            raise UnreachableError(words, lasting=problem.errno != socket.EAI_AGAIN) from None
        except OSError as problem:
            raise UnreachableError(f"The name {place.host} cannot be resolved: {_reason(problem)}") from None
        addresses = [ip_address(text) for text in texts]
        refusals = [place.refusal(address) for address in addresses]
        allowed = [address for address, refusal in zip(addresses, refusals, strict=True) if not refusal]
        if not allowed:
            why = "; ".join(filter(None, refusals)) or "it has no address"
            raise UnreachableError(f"{place.shown} is not connected to: {why}", lasting=True)
        return allowed

    async def _reach(self, addresses: Sequence[Address]) -> socket.socket:
        """Return a connected socket; the addresses are tried in turn, each with its share of the time that is left."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._seconds
        words: list[str] = []
        for address in addresses:
            share = (deadline - loop.time()) / (len(addresses) - len(words))
            try:
                async with asyncio.timeout(share):
                    return await self._attempt(address)
            except OSError as problem:
                words.append(f"at {address} {_reason(problem)}")
        raise UnreachableError(f"{self._place.shown} cannot be reached: {'; '.join(words[:_TOLD])}")

    async def _attempt(self, address: Address) -> socket.socket:
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004
        with ExitStack() as undo:
            connected = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
            connected.setblocking(False)  # noqa: FBT003  (the socket's own signature)
            await asyncio.get_running_loop().sock_connect(connected, (str(address), self._place.port))
            peer = ip_address(connected.getpeername()[0])
            self._admit(peer)
            _keep_alive(connected)
            undo.pop_all()
        return connected

    def _admit(self, peer: Address) -> None:
        refusal = self._place.refusal(peer)
        if refusal:
            raise UnreachableError(f"{self._place.shown} is not connected to: {refusal}", lasting=True)

    async def _speak(self, connected: socket.socket) -> Stream:
        """Return the stream over `connected`, with TLS where the place is secure."""
        loop = asyncio.get_running_loop()
        secure: dict[str, Any] = {}
        if self._tls is not None:
            secure = {
                "ssl": self._tls,
                "server_hostname": self._place.host,
                "ssl_handshake_timeout": self._seconds,
                "ssl_shutdown_timeout": _SHUTDOWN,
            }
        try:
            _, stream = await loop.create_connection(Stream, sock=connected, **secure)
        except OSError as problem:
            lasting = isinstance(problem, ssl.SSLCertVerificationError)
            raise UnreachableError(
                f"{self._place.shown} offers no usable TLS: {_reason(problem)}", lasting=lasting
            ) from None
        return stream


def _keep_alive(connected: socket.socket) -> None:
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in _KEEPALIVE:
        number = getattr(socket, name, None)
        if number is not None:
            level = socket.SOL_SOCKET if name == "SO_KEEPALIVE" else socket.IPPROTO_TCP
            connected.setsockopt(level, number, value)


def _reason(problem: OSError) -> str:
    """Return the kernel's or OpenSSL's own words for `problem`."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {problem.verify_message}"
    if isinstance(problem, ssl.SSLError):
        return (problem.reason or "the handshake failed").lower().replace("_", " ")
    if isinstance(problem, TimeoutError) or (isinstance(problem, ConnectionAbortedError) and not problem.errno):
        return "no answer in time"
    return os.strerror(problem.errno) if problem.errno else "the connection was closed"
