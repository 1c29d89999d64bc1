"""Which line of a hub makes a fact so."""

from collections.abc import Iterator

from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.resolve.container import read_mount
from mcphub_gitops.compiler.resolve.model import Package, Remote, Server
from mcphub_gitops.compiler.resolve.nodes import child, texts
from mcphub_gitops.compiler.review.side import Side, Written
from mcphub_gitops.compiler.source import Span

_KEYS = {
    "byName": "definitions",
    "ipc": "ipc",
    "network": "network",
    "optional": "optional",
    "override": "override",
    "pid": "pid",
    "privileged": "privileged",
    "root": "readOnly",
    "user": "user",
}


def place_of(side: Side, server: str, fact: str) -> Span | None:
    """Return the place of the fact `fact` (`DesiredServer.fields`) of `server`, of the gateway where that is empty.

    Where no line of its own says it, that of the server does, since it is so because the server is there. None where
    the side was not compiled from a hub.
    """
    if side.written is None:
        return None
    if not server:
        node = child(side.written.root, "gateway", fact)
        return node.span if node is not None else side.written.hub.span
    found = next((each for each in side.written.hub.servers if each.name == server), None)
    if found is None:
        return None
    return next(_places(side.written, found, fact), found.span)


def profile_place(side: Side, name: str) -> Span | None:
    """Return where the profile `name` is declared."""
    profiles = side.written.hub.profiles if side.written is not None else ()
    return next((each.span for each in profiles if each.name == name), None)


def _places(written: Written, server: Server, fact: str) -> Iterator[Span]:
    kind, _, name = fact.partition(".")
    node = child(written.root, "servers", server.name)
    if kind in {"secrets", "secretFiles"}:
        yield from (each.span for each in server.secrets if each.variable == name)
    elif kind == "store":
        yield from _spans(child(written.root, "secretStores", name))
    elif kind in {"read", "write"}:
        granted = server.read if kind == "read" else server.write
        yield from (each.span for each in granted if each.value == name)
    elif kind == "mount":
        found = ((read_mount(each.value), each.span) for each in texts(node, "mounts"))
        yield from (span for mount, span in found if mount is not None and mount.target == name)
    elif kind == "capability":
        for keys in (("capabilities",), ("relax", "capabilities")):
            yield from (each.span for each in texts(node, *keys) if each.value == name)
    elif kind in _KEYS:
        yield from _spans(child(node, _KEYS[kind]))
        yield from _spans(child(node, "relax", _KEYS[kind]))
    else:
        yield from _origins(server, kind)


def _origins(server: Server, kind: str) -> Iterator[Span]:
    if kind == "image" and server.image is not None:
        yield server.image.span
    elif kind == "package" and isinstance(server.origin, Package):
        yield server.origin.span
    elif kind in {"url", "private", "transport"} and isinstance(server.origin, Remote):
        yield server.origin.url.span


def _spans(node: Node | None) -> Iterator[Span]:
    if node is not None:
        yield node.span
