"""The catalogs of a lock: what the hub's servers were taken from, byte for byte."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mcphub_gitops.compiler.lock.model import Lock, LockedCatalog
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleCatalog:
    """A catalog that the lock has otherwise, and how, as the end of a sentence; `span` is None where it is no more."""

    name: str
    reason: str
    span: Span | None


def lock_catalogs(hub: Hub) -> Mapping[str, LockedCatalog]:
    """Return the pins of the catalogs that `hub` was understood with."""
    pins = {
        each.name: LockedCatalog(source=each.source, digest=each.digest, commit=each.commit) for each in hub.catalogs
    }
    return MappingProxyType(dict(sorted(pins.items())))


def find_stale_catalogs(hub: Hub, lock: Lock) -> Iterator[StaleCatalog]:
    """Yield the catalogs that the lock does not have as `hub` was understood with them."""
    for each in hub.catalogs:
        locked = lock.catalogs.get(each.name)
        if locked is None:
            yield StaleCatalog(name=each.name, reason="is not locked", span=each.span)
        elif locked.source != each.source:
            reason = f"is locked as {locked.source}, the hub asks for {each.source}"
            yield StaleCatalog(name=each.name, reason=reason, span=each.span)
        elif locked.digest != each.digest:
            yield StaleCatalog(name=each.name, reason="has changed since it was locked", span=each.span)
    for name in sorted(lock.catalogs.keys() - {each.name for each in hub.catalogs}):
        yield StaleCatalog(name=name, reason="is in the lock, but no server of the hub comes from it", span=None)
