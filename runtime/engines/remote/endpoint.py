"""HTTP with one remote server: requests that carry its headers, answers that are read within bounds.

Redirects are not followed, no compressed answer is asked for or taken, cookies are not kept.
"""

import logging
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, Final

import httpcore2

from mcphub_gitops.runtime.engines.remote.trouble import OverrunError, Trouble
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.network.address import Place
from mcphub_gitops.runtime.network.connection import Network
from mcphub_gitops.runtime.network.trouble import UnreachableError
from mcphub_gitops.runtime.ports import RemoteSpec

# Its debug lines hold the headers of answers, the session's identifier among them.
logging.getLogger("httpcore2").setLevel(logging.WARNING)

_IDLE: Final = 16
_IDLE_SECONDS: Final = 4.0
"""Servers close an idle connection after 5 s or later (uvicorn, Node.js). One that is closed while a request is on its
way costs a call, because no call is sent twice."""

_WRITE_SECONDS: Final = 30.0
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")
_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?)?")
_OWN: Final = frozenset(
    {"accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host"}
    | {"keep-alive", "last-event-id", "te", "trailer", "transfer-encoding", "upgrade"}
)
_OWN_PREFIX: Final = "mcp-"


def check_headers(spec: RemoteSpec) -> None:
    """Refuse headers that HTTP cannot carry or that the protocol sets itself, naming them but never their values."""
    names = [name.lower() for name in spec.headers]
    for name, value in spec.headers.items():
        if not _TOKEN.fullmatch(name):
            raise _refuse(spec, "One of the names is no name of a header.")
        if name.lower() in _OWN or name.lower().startswith(_OWN_PREFIX) or names.count(name.lower()) > 1:
            raise _refuse(spec, f"The header {name} is set by mcphub, or stands there twice.")
        if not _VALUE.fullmatch(value):
            detail = f"The value of {name} has a line break, space at an end, or what is not printable ASCII."
            raise _refuse(spec, detail, "Look for a line break at the end of the secret.")


def _refuse(spec: RemoteSpec, detail: str, resolution: str = "") -> RuntimeFailure:
    return RuntimeFailure(
        f"The headers of server {spec.server!r} cannot be sent", detail=detail, resolution=resolution or "Correct them."
    )


class Answer:
    """The head of an answer, and its body as it comes."""

    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response
        self.status = response.status
        self._headers = {name.lower(): value for name, value in response.headers}

    @property
    def good(self) -> bool:
        """Whether the status is one of success."""
        return self.status // 100 == 2  # noqa: PLR2004  (RFC 9110 section 15.3)

    def header(self, name: bytes) -> str:
        """Return a header's value by its name in lower case, empty where there is none."""
        return self._headers.get(name, b"").decode("latin-1").strip()

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case."""
        return self.header(b"content-type").partition(";")[0].strip().lower()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body in pieces of at most 64 KiB; raises Trouble when it is compressed, or breaks off."""
        if self.header(b"content-encoding").lower() not in {"", "identity"}:
            raise Trouble("The remote server compressed its answer, which it was not asked to", lasting=True)
        stream: Any = self._response.aiter_stream()
        with _in_words():
            async with aclosing(stream) as pieces:
                async for piece in pieces:
                    yield piece

    async def discard(self) -> None:
        """Close the connection, which would be used again otherwise: what comes on it cannot be relied on."""
        stream: Any = self._response.extensions["network_stream"]
        await stream.aclose()

    async def body(self, limit: int) -> bytes:
        """Return the whole body; raises OverrunError when it has more than `limit` bytes."""
        length = self.header(b"content-length")
        if length.isdigit() and len(length) < 20 and int(length) > limit:  # noqa: PLR2004  (more digits are no length)
            raise OverrunError
        pieces: list[bytes] = []
        size = 0
        async with aclosing(self.chunks()) as chunks:
            async for piece in chunks:
                size += len(piece)
                if size > limit:
                    raise OverrunError
                pieces.append(piece)
        return b"".join(pieces)


class Endpoint:
    """The way to `place`. `headers` are sent with every request; at most `connections` are open at once."""

    def __init__(
        self,
        place: Place,
        *,
        headers: Mapping[str, str],
        network: Network,
        tls: ssl.SSLContext | None,
        connections: int,
    ) -> None:
        self.place = place
        self._headers = [
            (b"Host", place.authority.encode()),
            (b"Accept-Encoding", b"identity"),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ]
        if not any(name.lower() == "user-agent" for name in headers):
            self._headers.append((b"User-Agent", b"mcphub"))
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=connections,
            max_keepalive_connections=_IDLE,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=network,
        )

    @asynccontextmanager
    async def open(
        self, method: str, headers: Mapping[str, str], content: bytes = b"", *, target: str = ""
    ) -> AsyncIterator[Answer]:
        """Send one request, never again, and yield the answer; leaving early closes the connection.

        `target` is another path, with its query, at the same scheme, host and port. Raises Trouble when the connection
        cannot be made or breaks.
        """
        fields = [*self._headers, *((name.encode(), value.encode()) for name, value in headers.items())]
        if content:
            fields.append((b"Content-Length", b"%d" % len(content)))
        request = httpcore2.Request(
            method,
            self._url(target),
            headers=fields,
            content=content,
            extensions={"timeout": {"write": _WRITE_SECONDS}},
        )
        with _in_words():
            response = await self._pool.handle_async_request(request)
            try:
                yield Answer(response)
            finally:
                await response.aclose()

    def _url(self, target: str) -> httpcore2.URL:
        place = self.place
        return httpcore2.URL(
            scheme=place.scheme.encode(),
            host=place.host.encode(),
            port=place.port,
            target=(target or place.target).encode(),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


@contextmanager
def _in_words() -> Iterator[None]:
    """Raise Trouble for what goes wrong between connecting and the end of an answer."""
    try:
        yield
    except UnreachableError as problem:
        raise Trouble(problem.words, lasting=problem.lasting) from None
    except httpcore2.TimeoutException:
        raise Trouble("The remote server does not take what it is sent") from None
    except httpcore2.ProtocolError:
        raise Trouble("The remote server broke off, or does not speak HTTP/1.1") from None
    except httpcore2.NetworkError:
        raise Trouble("The connection to the remote server broke") from None
