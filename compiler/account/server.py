"""A server: where it is declared, what it is, what it may do, and whether it is locked and applied."""

import shlex
from collections.abc import Iterator

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.account.grants import grants_of
from mcphub_gitops.compiler.account.statement import Asked, Statement, judged, shown
from mcphub_gitops.compiler.enumeration import count, listed
from mcphub_gitops.compiler.lock.model import LockedServer
from mcphub_gitops.compiler.read.syntax import ListNode, MapNode, Node, ScalarNode
from mcphub_gitops.compiler.resolve.model import Command, Package, Remote, Server, ToolContainers
from mcphub_gitops.compiler.resolve.nodes import child
from mcphub_gitops.compiler.resolve.offer import KINDS, WORDS
from mcphub_gitops.compiler.source import Span

_OF_POLICIES = frozenset({codes.DENIED, codes.UNAPPROVED, codes.DISCOURAGED, codes.WAIVED})
_MOST_NAMED = 3


def account_of_server(asked: Asked, server: Server) -> tuple[Statement, ...]:
    """Return what can be said of `server`, in the order in which people ask."""
    return (
        *_declared(asked, server),
        *_sourced(asked, server),
        *_kind(asked, server),
        *_owned(asked, server),
        *grants_of(asked, server),
        *_tools(asked, server),
        *judged(asked, server.name),
        *_mistakes(asked, server),
        _locked(asked, server),
        _applied(asked, server),
    )


def _declared(asked: Asked, server: Server) -> Iterator[Statement]:
    for number, span in enumerate([*_keys(asked, server.name)] or [server.span]):
        yield Statement(topic="declared", text="here" if number == 0 else "here too", span=span)
    yield from _renamed(asked, server.name)
    if server.optional:
        text = "an apply and the gateway do without it when it does not answer"
        yield Statement(topic="optional", text=text, span=asked.place(server.name, "optional"))
    if not server.enabled:
        text = "no: it is part of the document, and not of the hub"
        yield Statement(topic="enabled", text=text, span=asked.place(server.name, "enabled"))


def _keys(asked: Asked, name: str) -> Iterator[Span]:
    """Yield where the documents that the hub is made of have the server `name`."""
    for layer in asked.layers:
        servers = child(layer, "servers")
        entry = servers.get(name) if isinstance(servers, MapNode) else None
        if entry is not None:
            yield entry.key_span


def _renamed(asked: Asked, name: str) -> Iterator[Statement]:
    for move in _items(child(asked.root, "moved")):
        old, new = child(move, "from"), child(move, "to")
        if isinstance(old, ScalarNode) and isinstance(new, ScalarNode) and new.value == name:
            yield Statement(topic="renamed", text=f"from {old.value}", span=old.span)


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, ListNode) else ()


def _sourced(asked: Asked, server: Server) -> Iterator[Statement]:
    if not server.source:
        return
    yield Statement(
        topic="from", name=server.source, text=f"the entry {server.source}", span=asked.place(server.name, "from")
    )
    name = server.source.partition("/")[0]
    for catalog in asked.hub.catalogs:
        if catalog.name == name:
            commit = f", commit {catalog.commit}" if catalog.commit else ""
            text = f"{shown(catalog.source)}{commit}, {catalog.digest}"
            yield Statement(topic="catalog", name=name, text=text, span=catalog.span)
    if server.override:
        text = shown(server.override)
        yield Statement(topic="override", text=text, span=asked.place(server.name, "override"))


def _kind(asked: Asked, server: Server) -> Iterator[Statement]:
    origin, locked = server.origin, asked.locked(server.name)
    if isinstance(origin, Package):
        name = f"{origin.ecosystem}:{origin.name}"
        pins = f"{locked.package} with {count(len(locked.requirements), 'requirement')}" if locked is not None else ""
        yield _what(f"the package {name}", pins, origin.span)
    elif isinstance(origin, Command):
        words = shlex.join(text.value for text in origin.argv)
        yield _what(f"the command {shown(words)}", "", origin.argv[0].span)
    elif isinstance(origin, ToolContainers):
        yield from _called(server, locked)
    elif isinstance(origin, Remote):
        yield _what(f"the remote server at {shown(origin.url.value)}", "", origin.span)
    if server.image is not None:
        base = "in the image" if isinstance(origin, Package) else "the image"
        pins = locked.image.partition("@")[2] if locked is not None else ""
        yield _what(f"{base} {server.image.reference}", pins, server.image.span)
        yield from _platforms(locked)


def _called(server: Server, locked: LockedServer | None) -> Iterator[Statement]:
    for tool, image in server.images.items():
        pins = locked.image_of(tool).partition("@")[2] if locked is not None else ""
        text = f"a container of the image {image.reference} for each call of {shown(tool)}"
        yield _what(text, pins, image.span)


def _what(text: str, pins: str, span: Span) -> Statement:
    return Statement(topic="is", text=f"{text}, locked to {pins}" if pins else text, span=span)


def _platforms(locked: LockedServer | None) -> Iterator[Statement]:
    for platform, digest in locked.platforms.items() if locked is not None else ():
        yield Statement(topic="platform", name=platform, text=digest)


def _owned(asked: Asked, server: Server) -> Iterator[Statement]:
    if server.owner:
        own, hub = asked.place(server.name, "owner"), child(asked.root, "owner")
        yield Statement(topic="owner", text=server.owner, span=own or (hub.span if hub is not None else None))


def _tools(asked: Asked, server: Server) -> Iterator[Statement]:
    bound = asked.desired(server.name)
    if bound is None:
        return
    names = ", ".join(tool.name for tool in bound.tools) or "none"
    text = f"{len(bound.tools)} of {count(len(bound.offered()), 'tool')}: {names}"
    yield Statement(topic="serves", text=text, span=asked.place(server.name, "tools"))
    for kind in KINDS:
        served = [shown(each.name) for each in bound.offers.served if each.kind == kind]
        if served:
            key = "prompts" if kind == "prompts" else "uris"
            text = f"{count(len(served), WORDS[kind])}: {', '.join(served)}"
            yield Statement(topic="serves", text=text, span=asked.place(server.name, key))
    for glob in bound.offers.shut:
        text = f"nothing that fits {shown(glob)}, whatever template it fits as well"
        yield Statement(topic="serves", text=text, span=asked.place(server.name, "uris"))


def _mistakes(asked: Asked, server: Server) -> Iterator[Statement]:
    """Yield what is told of its declaration beside what policies say."""
    node = asked.node(server.name)
    last = node.span.last_line if node is not None else server.span.line
    for each in asked.diagnostics:
        is_own = each.span.source == server.span.source and server.span.line <= each.span.line <= last
        if is_own and each.code not in _OF_POLICIES:
            text = f"{each.code.summary}: {each.detail}"
            yield Statement(topic=each.code.severity.value, name=each.code.name, text=text, span=each.span)


def _locked(asked: Asked, server: Server) -> Statement:
    locked, reason = asked.locked(server.name), asked.why_stale(server.name)
    if locked is None or not server.enabled:
        text = f"no: {asked.lock_name} does not have it" if locked is None else "no longer: it is not enabled"
    elif reason:
        text = f"no longer: it {reason}"
    else:
        text = f"yes: {asked.lock_name} has it, with {count(len(locked.tools), 'tool')}{_unasked(server, locked)}"
    return Statement(topic="locked", text=text)


def _unasked(server: Server, locked: LockedServer) -> str:
    """Return what is to be said where the tools were not read from the server itself."""
    if locked.definitions == "catalog" and server.definitions is not None:
        return f" that its catalog names and that are held to their names alone: {shown(server.definitions.reason)}"
    return f", as it should: {shown(server.no_tools)}" if server.no_tools else ""


def _applied(asked: Asked, server: Server) -> Statement:
    running, bound = asked.running(server.name), asked.desired(server.name)
    old = asked.hub.moves.get(server.name, "")
    if asked.trouble:
        text = f"unknown: {asked.trouble}"
    elif running is None and asked.running(old) is not None:
        text = f"not under this name: what is applied calls it {old}"
    elif running is None:
        text = "no: nothing is applied" if asked.applied is None else "no: what is applied does not have it"
    elif bound is None:
        text = "yes, as it was; what it is now is not locked"
    else:
        before, after = running.fields(), bound.fields()
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        text = f"yes, but for {listed(changed, _MOST_NAMED)}" if changed else "yes, as it is here"
    return Statement(topic="applied", text=text)
