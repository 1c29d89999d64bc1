"""What a server offers beside its tools, as it is to be served: prompts, resources and resource templates."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.model import Lock, LockedServer
from mcphub_gitops.compiler.lock.offers import KEYS, OfferDefinitions
from mcphub_gitops.compiler.plan.pinned import Pinned
from mcphub_gitops.compiler.resolve.model import Hub, Server
from mcphub_gitops.compiler.resolve.offer import (
    KINDS,
    WORDS,
    Kind,
    KnownOffers,
    Offered,
    expose_offers,
    unmatched_offers,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Pinned):
    """One that is served. Of resources and templates both names are the URI or its template."""

    kind: Kind

    @property
    def exposed(self) -> dict[str, Any]:
        """The definition that clients see."""
        return {**self.definition, KEYS[self.kind]: self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """All that a server offers beside its tools; `shut` are globs of URIs that are not read, whatever they fit."""

    served: tuple[Offer, ...] = ()
    shut: tuple[str, ...] = ()

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield each fact by the name that a plan shows, as one comparable text."""
        yield from ((f"{WORDS[each.kind].removeprefix('resource ')}.{each.name}", each.fact) for each in self.served)
        yield from ((f"shut.{glob}", "not read") for glob in self.shut)

    def locked(self) -> dict[Kind, dict[str, str]]:
        """Return the fingerprints by the server's own names, of each kind that there is something of."""
        found: dict[Kind, dict[str, str]] = {}
        for each in self.served:
            found.setdefault(each.kind, {})[each.upstream] = each.hash
        return found

    def document(self) -> dict[str, Any]:
        """Return the offers as they stand in a saved plan's entry of a server; nothing of what there is none of."""
        found: dict[str, Any] = {}
        for each in self.served:
            entry = {"upstream": each.upstream, "hash": each.hash, "definition": dict(each.definition)}
            found.setdefault(each.kind, {})[each.name] = entry
        return {**found, "shut": list(self.shut)} if self.shut else found


NO_OFFERS = Offers()
NO_DEFINITIONS: Mapping[str, OfferDefinitions] = MappingProxyType({})


def offers_in(entry: Mapping[str, Any]) -> Offers:
    """Return what `Offers.document` made part of `entry`."""
    served = tuple(
        Offer(kind=kind, name=name, upstream=each["upstream"], hash=each["hash"], definition=each["definition"])
        for kind in KINDS
        if kind in entry
        for name, each in sorted(entry[kind].items())
    )
    return Offers(served=served, shut=tuple(entry.get("shut", ()))) if served else NO_OFFERS


def bind_offers(
    hub: Hub, lock: Lock, definitions: Mapping[str, OfferDefinitions]
) -> tuple[Mapping[str, Offers], tuple[Diagnostic, ...]]:
    """Return what each server of `hub` serves of what the lock has, and what is wrong.

    `definitions` are the readable ones; where they lack one, its name stands for it.
    """
    exposed, problems = expose_offers(hub, _known(lock))
    unmatched = [each for server in hub.servers for each in _unmatched(server, lock.servers.get(server.name))]
    own: dict[str, list[Offered]] = {}
    for each in exposed:
        own.setdefault(each.server.name, []).append(each)
    found = {
        name: Offers(
            served=tuple(_served(each, lock.servers[name], definitions.get(name, {})) for each in offered),
            shut=_shut(offered),
        )
        for name, offered in own.items()
    }
    return MappingProxyType(found), (*problems, *unmatched)


def offers_of(locked: Mapping[Kind, Mapping[str, str]], definitions: OfferDefinitions) -> tuple[Offer, ...]:
    """Return what a lock has of a server by itself, each under the server's own name."""
    return tuple(
        Offer(
            kind=kind,
            name=own,
            upstream=own,
            hash=hash_,
            definition=definitions.get(kind, {}).get(own, {KEYS[kind]: own}),
        )
        for kind, hashes in locked.items()
        for own, hash_ in hashes.items()
    )


def _known(lock: Lock) -> KnownOffers:
    return {name: server.offers for name, server in lock.servers.items() if server.offers}


def _unmatched(server: Server, locked: LockedServer | None) -> Iterable[Diagnostic]:
    is_asked = locked is not None and server.enabled and (server.prompts.allow or server.uris.allow)
    return unmatched_offers(server, locked.offers) if is_asked and locked is not None else ()


def _served(offered: Offered, locked: LockedServer, definitions: OfferDefinitions) -> Offer:
    kind, own = offered.kind, offered.own
    return Offer(
        kind=kind,
        name=offered.name,
        upstream=own,
        hash=locked.offers[kind][own],
        definition=definitions.get(kind, {}).get(own, {KEYS[kind]: own}),
    )


def _shut(offered: list[Offered]) -> tuple[str, ...]:
    server = offered[0].server
    has_templates = any(each.kind == "templates" for each in offered)
    return tuple(sorted({glob.value for glob in server.uris.deny})) if has_templates else ()
