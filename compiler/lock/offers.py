"""What the lock has of a server beside its tools: prompts, resources and resource templates.

What the hub's filters leave out is not in the lock, and what is not in the lock is not served. So a lock of before,
which has nothing of this, and one of a server that lists nothing say the same: that none is served.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.canonical import decode, fingerprint
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.definitions import find_differing, show_all, unreadable
from mcphub_gitops.compiler.lock.model import Offers
from mcphub_gitops.compiler.resolve.model import Server
from mcphub_gitops.compiler.resolve.offer import KINDS, WORDS, Kind, filter_of, is_offer_selected, shown

KEYS: Mapping[Kind, str] = {"prompts": "name", "resources": "uri", "templates": "uriTemplate"}
"""What a definition of each kind is known by."""

MOST: Mapping[Kind, int] = {"prompts": 1000, "resources": 1000, "templates": 100}
"""How many of each kind a server can have in the lock."""

_LONGEST: Mapping[Kind, int] = {"prompts": 128, "resources": 2048, "templates": 2048}
_MOST_NAMED = 3

OfferDefinitions = Mapping[Kind, Mapping[str, Mapping[str, Any]]]
"""Definitions by name or URI, of each kind that there is something of."""

NO_DEFINITIONS: OfferDefinitions = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class OffersAnswer:
    """What a server lists: definitions as they were sent, on all pages, of each kind that it has.

    `problems` says of a kind why its list cannot be used, as the end of a sentence about the server.
    """

    listed: Mapping[Kind, tuple[Mapping[str, Any], ...]]
    problems: Mapping[Kind, str]


NOTHING = OffersAnswer(listed=MappingProxyType({}), problems=MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedOffers:
    """What of an answer is locked, the definitions behind it, and what is wrong."""

    hashes: Offers
    definitions: OfferDefinitions
    diagnostics: tuple[Diagnostic, ...]


def as_locked(kind: Kind, definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a definition is held to the lock.

    The size of a resource and the time of its last change are what is in it, not what it is.
    """
    if kind == "prompts":
        return dict(definition)
    kept = {key: value for key, value in definition.items() if key != "size"}
    notes = kept.get("annotations")
    if isinstance(notes, Mapping) and "lastModified" in notes:
        kept["annotations"] = {key: value for key, value in notes.items() if key != "lastModified"}
        if not kept["annotations"]:
            del kept["annotations"]
    return kept


def compared(kind: Kind, definitions: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any] | None]:
    """Return what of each definition is held to the lock by its name or URI; None where several differ."""
    found: dict[str, dict[str, Any] | None] = {}
    for definition in definitions:
        own, held = str(definition[KEYS[kind]]), as_locked(kind, definition)
        before = found.setdefault(own, held)
        if before is not None and before is not held and fingerprint(before) != fingerprint(held):
            found[own] = None
    return found


def lock_offers(server: Server, answer: OffersAnswer) -> LockedOffers:
    """Return what is locked of the `answer` that `server` gave: what its filters leave and clients can ask for."""
    hashes: dict[Kind, Mapping[str, str]] = {}
    definitions: dict[Kind, Mapping[str, Mapping[str, Any]]] = {}
    problems: list[Diagnostic] = []
    for kind in KINDS:
        found = compared(kind, answer.listed.get(kind, ()))
        wanted = {own: each for own, each in found.items() if is_offer_selected(server, kind, own)}
        usable = {own: each for own, each in sorted(wanted.items()) if each is not None and _is_usable(kind, own)}
        if usable:
            hashes[kind] = MappingProxyType({own: fingerprint(each) for own, each in usable.items()})
            definitions[kind] = usable
        problems.extend(_left_out(server, kind, sorted(wanted.keys() - usable.keys()), answer.problems.get(kind, "")))
        if kind == "prompts":
            problems.extend(_unmatched(server, found))
    return LockedOffers(
        hashes=MappingProxyType(hashes), definitions=MappingProxyType(definitions), diagnostics=tuple(problems)
    )


def _is_usable(kind: Kind, own: str) -> bool:
    is_plain = own.isprintable() and (kind == "prompts" or (own.isascii() and " " not in own))
    return is_plain and 0 < len(own) <= _LONGEST[kind]


def _left_out(server: Server, kind: Kind, names: list[str], problem: str) -> Iterator[Diagnostic]:
    if problem and not any(glob.value == "*" for glob in filter_of(server, kind).deny):
        detail = f"`{server.name}` {problem}."
        key = "prompts" if kind == "prompts" else "uris"
        help_ = f'if they are not wanted, say `{key}: {{deny: ["*"]}}`'
        yield Diagnostic(code=codes.LEFT_OUT, detail=detail, span=server.span, help=help_)
    if names:
        words = ", ".join(f"`{shown(name)}`" for name in names[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        detail = (
            f"`{server.name}` lists {WORDS[kind]}s several times with definitions that differ, or under names that "
            f"cannot be asked for: {words}{more}."
        )
        yield Diagnostic(code=codes.LEFT_OUT, detail=detail, span=server.span)


def _unmatched(server: Server, listed: Mapping[str, object]) -> Iterator[Diagnostic]:
    for glob in server.prompts.deny:
        if not any(fnmatchcase(name, glob.value) for name in listed) and glob.value != "*":
            detail = f"`{glob.value}` matches none of the prompts that `{server.name}` lists."
            yield Diagnostic(code=codes.OFFER_FILTER, detail=detail, span=glob.span)


def write_offers(definitions: OfferDefinitions) -> bytes:
    """Return the readable text of what one server offers beside its tools, as `write_definitions` does of tools."""
    return show_all(dict(definitions))


def read_offers(name: str, data: bytes | None, hashes: Offers) -> tuple[OfferDefinitions, tuple[Diagnostic, ...]]:
    """Return the definitions in `data` (None: there is no such file) and how they differ from the lock's `hashes`."""
    try:
        found = decode(data or b"null")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not _has_form(found):
        return NO_DEFINITIONS, (unreadable(name, data, "It does not hold one definition a prompt or resource."),)
    differing = tuple(
        each
        for kind in KINDS
        for each in find_differing(
            name, {own: fingerprint(one) for own, one in found.get(kind, {}).items()}, hashes.get(kind, {})
        )
    )
    return found, differing


def _has_form(found: Mapping[str, Any]) -> bool:
    if not found.keys() <= set(KINDS) or not all(isinstance(each, dict) for each in found.values()):
        return False
    return all(isinstance(one, dict) for each in found.values() for one in each.values())


def find_changes(kind: Kind, locked: Mapping[str, str], live: Mapping[str, str | None]) -> Iterator[str]:
    """Yield a sentence for each that is locked and not offered as it was.

    What is new is no difference: it is not served, and lists of resources may be as alive as what is in them.
    """
    for own, hash_ in sorted(locked.items()):
        if own not in live:
            yield f"the {WORDS[kind]} `{shown(own)}` is gone"
        elif live[own] is None:
            yield f"the {WORDS[kind]} `{shown(own)}` is listed several times with definitions that differ"
        elif live[own] != hash_:
            yield f"the {WORDS[kind]} `{shown(own)}` has another definition"


def fingerprints_of(answer: OffersAnswer) -> dict[Kind, dict[str, str | None]]:
    """Return the fingerprint of each that a server offers, of each kind; None where several differ."""
    return {
        kind: {own: fingerprint(each) if each is not None else None for own, each in compared(kind, listed).items()}
        for kind, listed in answer.listed.items()
    }
