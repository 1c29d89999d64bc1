"""One file from an https URL: each place on the way is judged by the address that answers, and read within bounds.

Redirects are followed to https alone, each as if the URL had named it; no compressed answer is asked for or taken, no
cookie and no credential is sent.
"""

import asyncio
import re
import ssl
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urljoin

import httpcore2

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.network import connection
from mcphub_gitops.runtime.network.address import Place, place_of
from mcphub_gitops.runtime.network.connection import Network, Resolve
from mcphub_gitops.runtime.network.trouble import UnreachableError

CONNECT_SECONDS: Final = 10.0
SECONDS: Final = 60.0
"""How long all of a download may take, its redirects included."""

_REDIRECTS: Final = 5
_MOVED: Final = frozenset(
    {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.SEE_OTHER, HTTPStatus.TEMPORARY_REDIRECT}
    | {HTTPStatus.PERMANENT_REDIRECT}
)
_SECURE = re.compile("https://", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,19}")


class Downloader:
    """Fetches files of at most `limit` bytes.

    `private` allows addresses that are not public, for tests alone: no hub can ask for it. `tls` replaces the trust in
    the system's certificate authorities (or those that SSL_CERT_FILE or SSL_CERT_DIR name), `resolve` the resolver.
    """

    def __init__(
        self,
        *,
        limit: int,
        seconds: float = SECONDS,
        private: bool = False,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve = connection.resolve,
    ) -> None:
        self._limit = limit
        self._seconds = seconds
        self._private = private
        self._tls = tls
        self._resolve = resolve

    def fetch(self, url: str, *, whose: str) -> bytes:
        """Return what is at `url`, which messages call that of `whose`; raises RuntimeFailure. Blocking."""
        return asyncio.run(self._fetch(url, whose))

    async def _fetch(self, url: str, whose: str) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._follow(url, whose)
        except UnreachableError as problem:
            raise _failure(whose, f"{problem.words}.", retryable=not problem.lasting) from None
        except httpcore2.ProtocolError:
            raise _failure(whose, "The answer breaks off, or is no HTTP/1.1.", retryable=True) from None
        except httpcore2.NetworkError:
            raise _failure(whose, "The connection broke.", retryable=True) from None
        except TimeoutError:
            raise _failure(whose, f"It takes longer than {self._seconds:g} s.", retryable=True) from None

    async def _follow(self, url: str, whose: str) -> bytes:
        for _ in range(_REDIRECTS + 1):
            if not _SECURE.match(url):
                raise _failure(whose, "It is not reached over https all the way.")
            place = place_of(url, whose=whose, private=self._private)
            found = await self._ask(place, whose)
            if isinstance(found, bytes):
                return found
            url = urljoin(f"{place.shown}{place.target}", found)
        raise _failure(whose, f"It is redirected more than {_REDIRECTS} times.")

    async def _ask(self, place: Place, whose: str) -> bytes | str:
        """Return what is at `place`, or where it is instead, as the answer says it."""
        if self._tls is None:
            self._tls = await asyncio.to_thread(httpcore2.default_ssl_context)
        way = Network(place, tls=self._tls, resolve=self._resolve, seconds=CONNECT_SECONDS)
        async with httpcore2.AsyncConnectionPool(ssl_context=self._tls, network_backend=way) as pool:
            response = await pool.handle_async_request(_request(place))
            try:
                return await self._read(response, place, whose)
            finally:
                await response.aclose()

    async def _read(self, response: httpcore2.Response, place: Place, whose: str) -> bytes | str:
        headers = {name.lower(): value.decode("latin-1").strip() for name, value in response.headers}
        if response.status in _MOVED and b"location" in headers:
            return headers[b"location"]
        if response.status != HTTPStatus.OK:
            passing = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            raise _failure(whose, f"{place.shown} answers with status {response.status}.", retryable=passing)
        if headers.get(b"content-encoding", "identity").lower() not in {"", "identity"}:
            raise _failure(whose, f"{place.shown} compressed its answer, which it was not asked to.")
        length = headers.get(b"content-length", "")
        if _LENGTH.fullmatch(length) and int(length) > self._limit:
            raise self._too_large(whose)
        return await self._body(response, whose)

    async def _body(self, response: httpcore2.Response, whose: str) -> bytes:
        pieces: list[bytes] = []
        size = 0
        stream: Any = response.aiter_stream()
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > self._limit:
                    raise self._too_large(whose)
                pieces.append(chunk)
        return b"".join(pieces)

    def _too_large(self, whose: str) -> RuntimeFailure:
        return _failure(whose, f"It has more than the {self._limit:,} bytes that are allowed.")


def _request(place: Place) -> httpcore2.Request:
    target = httpcore2.URL(
        scheme=place.scheme.encode(), host=place.host.encode(), port=place.port, target=place.target.encode()
    )
    headers = [
        (b"Host", place.authority.encode()),
        (b"Accept-Encoding", b"identity"),
        (b"User-Agent", b"mcphub"),
    ]
    return httpcore2.Request("GET", target, headers=headers)


def _failure(whose: str, detail: str, *, retryable: bool = False) -> RuntimeFailure:
    return RuntimeFailure(
        f"The URL of {whose} cannot be fetched",
        detail=detail,
        resolution="see whether it can be reached from this machine",
        retryable=retryable,
    )
