"""Where a remote server is, as a plan has it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.resolve.model import Remote, Transport
from mcphub_gitops.compiler.url import hide_query


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a remote server is: `headers` are those without a secret; with a `reason` it need not be public."""

    url: str
    headers: Mapping[str, str]
    reason: str = ""
    transport: Transport = "streamable-http"

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield each fact by the name that a plan shows, as one comparable text."""
        # The document may hold a key in clear; a plan tells that it changed, and does not repeat it.
        yield "url", hide_query(self.url, shown=fingerprint)
        if self.transport != "streamable-http":
            yield "transport", self.transport
        yield from ((f"header.{name}", value) for name, value in self.headers.items())
        if self.reason:
            yield "private", "granted"
            yield "reason", self.reason


def bind_endpoint(remote: Remote) -> Endpoint:
    """Return the endpoint of a remote server."""
    headers = MappingProxyType({name: text.value for name, text in remote.headers})
    return Endpoint(url=remote.url.value, headers=headers, reason=remote.reason, transport=remote.transport)
