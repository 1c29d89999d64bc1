"""Which line of a hub makes a fact so."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.resolve.container import read_mount
from mcphub_gitops.compiler.resolve.model import Image, Package, Remote, Server, Text, ToolContainers
from mcphub_gitops.compiler.resolve.nodes import child, texts
from mcphub_gitops.compiler.review.side import Side, Written
from mcphub_gitops.compiler.source import Span

_Finder = Callable[[Written, Server, str], Iterator[Span]]

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
        return next(_gateway_places(side.written, fact), side.written.hub.span)
    found = next(each for each in side.written.hub.servers if each.name == server)
    return next(_places(side.written, found, fact), found.span)


def _gateway_places(written: Written, fact: str) -> Iterator[Span]:
    kind, _, name = fact.partition(".")
    if kind in _GATEWAY_FINDERS:
        return _GATEWAY_FINDERS[kind](written, name)
    return _spans(child(written.root, "gateway", fact))


def _tokens(written: Written, fact: str) -> Iterator[Span]:
    name, _, group = fact.partition(".group.")
    named = [each for each in written.hub.gateway.tokens if each.name == name]
    yield from (text.span for each in named for text in each.groups if text.value == group)
    yield from (each.value.span for each in named)


def _groups(written: Written, name: str) -> Iterator[Span]:
    return (text.span for text in written.hub.gateway.groups if text.value == name)


def _profile_groups(written: Written, fact: str) -> Iterator[Span]:
    name, _, group = fact.partition(".group.")
    groups = (text for each in written.hub.profiles if each.name == name for text in each.groups)
    return (text.span for text in groups if text.value == group)


def _token_stores(written: Written, name: str) -> Iterator[Span]:
    return _spans(child(written.root, "secretStores", name))


def _places(written: Written, server: Server, fact: str) -> Iterator[Span]:
    kind, _, name = fact.partition(".")
    if kind in _KEYS:
        node = _node(written, server)
        yield from _spans(child(node, _KEYS[kind]))
        yield from _spans(child(node, "relax", _KEYS[kind]))
    elif kind in _FINDERS:
        yield from _FINDERS[kind](written, server, name)


def _node(written: Written, server: Server) -> Node | None:
    return child(written.root, "servers", server.name)


def _secrets(_: Written, server: Server, name: str) -> Iterator[Span]:
    return (each.span for each in server.secrets if each.variable == name)


def _stores(written: Written, _: Server, name: str) -> Iterator[Span]:
    return _token_stores(written, name)


def _read(_: Written, server: Server, name: str) -> Iterator[Span]:
    return (each.span for each in server.read if each.value == name)


def _write(_: Written, server: Server, name: str) -> Iterator[Span]:
    return (each.span for each in server.write if each.value == name)


def _mounts(written: Written, server: Server, name: str) -> Iterator[Span]:
    found = ((read_mount(each.value), each.span) for each in texts(_node(written, server), "mounts"))
    return (span for mount, span in found if mount is not None and mount.target == name)


def _capabilities(written: Written, server: Server, name: str) -> Iterator[Span]:
    node = _node(written, server)
    found = (*texts(node, "capabilities"), *texts(node, "relax", "capabilities"))
    return (each.span for each in found if each.value == name)


def _image(_: Written, server: Server, __: str) -> Iterator[Span]:
    return _spans(server.origin if isinstance(server.origin, ToolContainers) else server.image)


def _package(_: Written, server: Server, __: str) -> Iterator[Span]:
    return _spans(server.origin if isinstance(server.origin, Package) else None)


def _url(_: Written, server: Server, __: str) -> Iterator[Span]:
    return _spans(server.origin.url if isinstance(server.origin, Remote) else None)


def _spans(written: Node | Image | Package | Text | ToolContainers | None) -> Iterator[Span]:
    if written is not None:
        yield written.span


_GATEWAY_FINDERS: Final[Mapping[str, Callable[[Written, str], Iterator[Span]]]] = {
    "group": _groups,
    "profile": _profile_groups,
    "token": _tokens,
    "tokenStore": _token_stores,
}
_FINDERS: Final[Mapping[str, _Finder]] = {
    "call": _image,
    "capability": _capabilities,
    "image": _image,
    "mount": _mounts,
    "package": _package,
    "read": _read,
    "secretFiles": _secrets,
    "secrets": _secrets,
    "store": _stores,
    "write": _write,
    **dict.fromkeys(("private", "transport", "url"), _url),
}
