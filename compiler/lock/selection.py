"""What an update is about: the servers that are asked anew, and what of the lock is left as it is."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.catalogs import lock_catalogs
from mcphub_gitops.compiler.lock.freshness import find_stale
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.resolve.model import Hub, Image, Package, Server, ToolContainers


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The names of an update: servers, and catalogs that were read anew; with `everything`, all of both."""

    servers: frozenset[str] = frozenset()
    catalogs: frozenset[str] = frozenset()
    everything: bool = False


def narrow(hub: Hub, lock: Lock, files: Mapping[str, str], selection: Selection) -> tuple[Hub, Lock]:
    """Return `hub` with the servers alone that are asked anew, and the pins of `lock` that those keep where they fit.

    What is selected by its name keeps none. What comes from a selected catalog is asked where the lock no longer fits
    what the catalog says of it, and keeps what still does.
    """
    if selection.everything:
        return hub, Lock(servers=MappingProxyType({}))
    stale = {each.server for each in find_stale(hub, lock, files)}
    follows = {
        server.name
        for server in hub.servers
        if server.name in stale and server.source.partition("/")[0] in selection.catalogs
    }
    asked = tuple(server for server in hub.servers if server.name in selection.servers | follows)
    kept = {name: pins for name, pins in lock.servers.items() if name not in selection.servers}
    return replace(hub, servers=asked), Lock(servers=MappingProxyType(kept))


def put_back(hub: Hub, before: Lock, found: Lock, selection: Selection) -> Lock:
    """Return `before` with what was `found` in the place of what was asked anew, and all else as it was."""
    if selection.everything:
        return replace(found, catalogs=lock_catalogs(hub))
    # What was locked under the name that a server had before is that server's no more.
    gone = {hub.moves[name] for name in found.servers if name in hub.moves} - {server.name for server in hub.servers}
    servers = {name: pins for name, pins in before.servers.items() if name not in gone} | dict(found.servers)
    now = lock_catalogs(hub)
    fresh = {name: pins for name, pins in now.items() if name in selection.catalogs or name not in before.catalogs}
    catalogs = {**before.catalogs, **fresh}
    return Lock(
        servers=MappingProxyType(dict(sorted(servers.items()))),
        catalogs=MappingProxyType(dict(sorted(catalogs.items()))),
    )


def fitting(hub: Hub, lock: Lock, files: Mapping[str, str]) -> tuple[Lock, tuple[str, ...]]:
    """Return the part of `lock` that fits `hub`, and the names of the servers whose part does not."""
    stale = {each.server for each in find_stale(hub, lock, files)}
    fits = {name: pins for name, pins in lock.servers.items() if name not in stale}
    return replace(lock, servers=MappingProxyType(fits)), tuple(sorted(stale))


def find_pinned(hub: Hub, names: Collection[str]) -> Iterator[Diagnostic]:
    """Yield which of the servers `names` an update cannot raise, because the hub itself says which version they are."""
    for server in hub.servers:
        told = _pinned(server) if server.name in names else None
        if told is not None:
            yield told


def _pinned(server: Server) -> Diagnostic | None:
    origin = server.origin
    if isinstance(origin, Package) and origin.version is not None:
        span, what, where = origin.span, f"version {origin.version} of {origin.name}", "the version"
    elif isinstance(origin, Image) and origin.reference.digest:
        span, what, where = origin.span, f"the image {origin.reference}", "the digest"
    elif isinstance(origin, ToolContainers) and all(each.image.reference.digest for each in origin.tools.values()):
        span, what, where = origin.span, "images by their digests", "the digests"
    else:
        return None
    return Diagnostic(
        code=codes.HELD,
        detail=f"`{server.name}` asks for {what} itself: no update moves that.",
        span=span,
        help=f"change {where} there, then run `mcphub update {server.name}`",
    )
