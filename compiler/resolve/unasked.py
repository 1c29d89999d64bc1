"""What a hub says about a server's tools that nobody asks it for: those of its catalog's entry, or that it has none."""

from collections.abc import Iterator

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.resolve.entry import Sourced
from mcphub_gitops.compiler.resolve.model import FromCatalog
from mcphub_gitops.compiler.resolve.nodes import child, value

_SELECTING = ("allow", "deny", "rename", "describe")


def decode_definitions(server: Node, sourced: Sourced | None) -> FromCatalog | None:
    """Return that the tools come from the catalog's entry, and why; None where the server itself is asked."""
    node, reason = child(server, "definitions"), value(server, "definitions", "reason")
    if node is None or sourced is None or not isinstance(reason, str):
        return None
    return FromCatalog(reason=reason, tools=sourced.definitions, span=node.span)


def decode_no_tools(server: Node) -> str:
    """Return why the server has no tools, empty where it must have some."""
    reason = value(server, "tools", "none")
    return reason if isinstance(reason, str) else ""


def unasked_problems(server: Node, sourced: Sourced | None) -> Iterator[Diagnostic]:
    """Yield what is wrong with what the hub says about tools that nobody asks for."""
    none = child(server, "tools", "none")
    for key in _SELECTING if none is not None else ():
        node = child(server, "tools", key)
        if node is not None:
            detail = f"`{key}` means nothing to a server that is declared to have no tools."
            yield Diagnostic(code=codes.NOT_HERE, detail=detail, span=node.span)
    node = child(server, "definitions")
    if node is not None and sourced is not None and not sourced.tools and none is None:
        yield Diagnostic(
            code=codes.UNKNOWN_TOOLS,
            detail=f"The entry of `{sourced.source}` names no tools, so nothing could be locked.",
            span=node.span,
            help="lock the server itself: leave `definitions` out; or say `tools: {none: REASON}`, and none is served",
        )
