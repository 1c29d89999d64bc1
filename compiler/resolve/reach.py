"""What a catalog says about the network of a server, beside what the hub gives it: told, because it is not enforced."""

from collections.abc import Iterator

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.enumeration import quoted
from mcphub_gitops.compiler.resolve.confinement import Network
from mcphub_gitops.compiler.resolve.entry import Sourced
from mcphub_gitops.compiler.source import Span

_SHOWN = 3


def network_notes(sourced: Sourced, network: Network, span: Span) -> Iterator[Diagnostic]:
    """Yield how the container's `network` differs from what the catalog says; `span` is that of the server."""
    hosts = quoted(sourced.hosts, _SHOWN)
    if sourced.offline and network != "none":
        detail = f"`{sourced.source}` needs no network, its catalog says, and it gets `{network}`."
        yield Diagnostic(code=codes.REACH, detail=detail, span=span, help="leave `network` out")
    elif hosts and network == "none":
        detail = f"`{sourced.source}` talks to {hosts}, its catalog says, and its container reaches nothing."
        help_ = "if it must, add `network: bridge` with `relax: {network: bridge, reason: …}`"
        yield Diagnostic(code=codes.REACH, detail=detail, span=span, help=help_)
    elif hosts:
        detail = f"`{sourced.source}` needs {hosts} alone, its catalog says; on `{network}` nothing holds it to that."
        yield Diagnostic(code=codes.REACH, detail=detail, span=span)
