"""One forge's API over HTTP: JSON documents, pages of them, and what the forge says when it refuses."""

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.failure import RuntimeFailure

_SECONDS: Final = 30.0
_LONGEST: Final = 16 * 1024 * 1024
_PAGE: Final = 100
_MOST_PAGES: Final = 50
_NEXT: Final = re.compile(r'<([^>]*)>\s*;\s*rel="next"')
_HERE: Final = ("127.0.0.1", "::1", "localhost")
_LONGEST_COMPLAINT: Final = 300


class ForgeConnection:
    """Asks the API below `base`, with `headers` that hold the token; `name` is the forge's in messages.

    The token leaves over HTTPS alone, but for this machine. Redirects are not followed: they would take it elsewhere.
    """

    def __init__(self, base: str, headers: Mapping[str, str], *, name: str) -> None:
        parts = urlsplit(base)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE):
            raise RuntimeFailure(f"the API of {name} is not reached over https", detail=printable(base))
        self._base = base.rstrip("/")
        self._headers = dict(headers)
        self._name = name
        self._context = ssl.create_default_context()

    def get(self, path: str) -> Any | None:  # noqa: ANN401  (any JSON value)
        """Return the document at `path`, None where there is none or it may not be seen; raises RuntimeFailure."""
        with self._client() as client:
            status, _, document = self._ask(client, "GET", f"{self._base}{path}", None)
        if status in {httpx2.codes.FORBIDDEN, httpx2.codes.NOT_FOUND}:
            return None
        self._judge(status, document, f"GET {path}")
        return document

    def pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Yield the entries of the list at `path`, over all of its pages; raises RuntimeFailure."""
        address = f"{self._base}{path}{'&' if '?' in path else '?'}per_page={_PAGE}"
        with self._client() as client:
            for _ in range(_MOST_PAGES):
                status, headers, document = self._ask(client, "GET", address, None)
                self._judge(status, document, f"GET {path}")
                if not isinstance(document, list):
                    raise self._failure(f"GET {path} gives no list")
                yield from (entry for entry in document if isinstance(entry, Mapping))
                found = _NEXT.search(headers.get("link", ""))
                if found is None:
                    return
                address = found[1]
                if not address.startswith(f"{self._base}/"):
                    raise self._failure(f"the next page of {path} is elsewhere")
        raise self._failure(f"GET {path} has more than {_MOST_PAGES * _PAGE} entries")

    def send(self, method: str, path: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send `document` and return the answer; raises RuntimeFailure."""
        with self._client() as client:
            status, _, answer = self._ask(client, method, f"{self._base}{path}", document)
        self._judge(status, answer, f"{method} {path}")
        return answer if isinstance(answer, Mapping) else {}

    def _client(self) -> httpx2.Client:
        return httpx2.Client(headers=self._headers, timeout=_SECONDS, verify=self._context, follow_redirects=False)

    def _ask(
        self, client: httpx2.Client, method: str, address: str, document: Mapping[str, Any] | None
    ) -> tuple[int, httpx2.Headers, Any]:
        data = bytearray()
        try:
            with client.stream(method, address, json=document) as answer:
                for chunk in answer.iter_bytes():
                    data += chunk
                    if len(data) > _LONGEST:
                        raise self._failure(f"an answer has more than {_LONGEST:,} bytes")
        except httpx2.HTTPError as error:
            raise self._failure(printable(str(error)) or type(error).__name__, retryable=True) from None
        try:
            return answer.status_code, answer.headers, json.loads(data) if data else None
        except ValueError:
            return answer.status_code, answer.headers, None

    def _judge(self, status: int, document: object, asked: str) -> None:
        if httpx2.codes.is_success(status):
            return
        told = document.get("message", document.get("error", "")) if isinstance(document, Mapping) else ""
        complaint = f"{asked}: {status}" + (f", {printable(str(told))[:_LONGEST_COMPLAINT]}" if told else "")
        resolution = (
            "give the job's token the permission that this needs"
            if status in {httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN}
            else ""
        )
        raise self._failure(complaint, resolution=resolution, retryable=httpx2.codes.is_server_error(status))

    def _failure(self, detail: str, *, resolution: str = "", retryable: bool = False) -> RuntimeFailure:
        brief = f"{self._name} does not do what it is asked"
        return RuntimeFailure(brief, detail=detail, resolution=resolution, retryable=retryable)
