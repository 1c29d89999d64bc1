"""What a catalog says about the network of a server, beside what the hub gives it: told, because it is not enforced."""

from collections.abc import Iterator

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.enumeration import quoted
from mcphub_gitops.compiler.resolve.confinement import Network
from mcphub_gitops.compiler.resolve.entry import Sourced
from mcphub_gitops.compiler.source import Span

_SHOWN = 3


def network_notes(sourced: Sourced, network: Network, span: Span, *, is_declared: bool = False) -> Iterator[Diagnostic]:
    """Yield how the container's `network` differs from what the catalog says; `span` is that of the server.

    Where it `is_declared` that there is none, nobody has to be told that nothing is reached.
    """
    hosts = quoted(sourced.hosts, _SHOWN)
    detail = help_ = ""
    if sourced.offline and network != "none":
        detail = f"`{sourced.source}` needs no network, its catalog says, and it gets `{network}`."
        help_ = "leave `network` out"
    elif hosts and network != "none":
        detail = f"`{sourced.source}` needs {hosts} alone, its catalog says; on `{network}` nothing holds it to that."
    elif hosts and not is_declared:
        detail = f"`{sourced.source}` talks to {hosts}, its catalog says, and its container reaches nothing."
        wider = "`network: bridge` with `relax: {network: bridge, reason: …}`"
        help_ = f"if it must, add {wider}; if not, say `network: none`"
    if detail:
        yield Diagnostic(code=codes.REACH, detail=detail, span=span, help=help_)
