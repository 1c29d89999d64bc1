"""Prompts, resources and resource templates: which of them are served, under which names, and what clashes.

Clients see prompts by name, as they see tools, and a prefix is put before both. A URI is what the server itself
understands, and stands in the results of its tools as well: it is never changed, so of two servers with one URI only
one can be reached by it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple, TypeAlias

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.resolve.model import ALL_OFFERS, Hub, OfferFilter, Server
from mcphub_gitops.compiler.resolve.nodes import child, texts
from mcphub_gitops.compiler.resolve.uri import UriTemplate

Kind: TypeAlias = Literal["prompts", "resources", "templates"]

KINDS: tuple[Kind, ...] = ("prompts", "resources", "templates")

WORDS: Mapping[Kind, str] = {"prompts": "prompt", "resources": "resource", "templates": "resource template"}

_ACCEPTED = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What every client makes a command of."""

_SHOWN = 160

KnownOffers = Mapping[str, Mapping[Kind, Iterable[str]]]
"""What each server has by its name: names of prompts, URIs, and URI templates."""


class Offered(NamedTuple):
    """One that clients see as `name`, which is the server's `own` name or URI but for a prompt's prefix."""

    server: Server
    kind: Kind
    own: str
    name: str


def decode_filter(server: Node, key: str) -> OfferFilter:
    """Return what stands under `key`, ``prompts`` or ``uris``, of a server."""
    if child(server, key) is None:
        return ALL_OFFERS
    return OfferFilter(allow=tuple(texts(server, key, "allow")), deny=tuple(texts(server, key, "deny")))


def filter_of(server: Server, kind: Kind) -> OfferFilter:
    """Return which of a `kind` the hub has of `server`."""
    return server.prompts if kind == "prompts" else server.uris


def is_offer_selected(server: Server, kind: Kind, own: str) -> bool:
    """Tell whether the filters of `server` leave what it calls `own`."""
    chosen = filter_of(server, kind)
    allowed = not chosen.allow or any(fnmatchcase(own, glob.value) for glob in chosen.allow)
    return allowed and not any(fnmatchcase(own, glob.value) for glob in chosen.deny)


def _all_selected(hub: Hub, known: KnownOffers) -> list[Offered]:
    offering = (server for server in hub.servers if server.enabled and server.name in known)
    return [each for server in offering for each in _selected(server, known[server.name])]


def expose_offers(hub: Hub, known: KnownOffers) -> tuple[tuple[Offered, ...], tuple[Diagnostic, ...]]:
    """Return all that is served with its name for clients, in the order of servers, and what is wrong."""
    found = _all_selected(hub, known)
    if not found:
        return (), ()
    problems: list[Diagnostic] = []
    prompts = _resolve_prompts(hub.on_conflict, [each for each in found if each.kind == "prompts"], problems)
    uris = _resolve_uris(hub.on_conflict, [each for each in found if each.kind != "prompts"], problems)
    problems.extend(_odd_name(each) for each in prompts if not _ACCEPTED.fullmatch(each.name))
    served = sorted((*prompts, *uris), key=lambda each: (each.server.name, KINDS.index(each.kind), each.name))
    return tuple(served), tuple(problems)


def unmatched_offers(server: Server, known: Mapping[Kind, Iterable[str]]) -> Iterator[Diagnostic]:
    """Yield what `server` is to serve and the lock does not have.

    What it is not to serve is not in the lock either, so nothing is said of that.
    """
    for word, kinds in (("prompts", KINDS[:1]), ("URIs", KINDS[1:])):
        names = [name for kind in kinds for name in known.get(kind, ())]
        for glob in filter_of(server, kinds[0]).allow:
            if not any(fnmatchcase(name, glob.value) for name in names):
                detail = f"`{glob.value}` matches none of the {word} that `{server.name}` has in the lock."
                help_ = suggest(glob.value, names) or "run `mcphub lock` where the server has it"
                yield Diagnostic(code=codes.OFFER_FILTER, detail=detail, span=glob.span, help=help_)


def _selected(server: Server, known: Mapping[Kind, Iterable[str]]) -> Iterator[Offered]:
    for kind in KINDS:
        prefix = f"{server.prefix}_" if kind == "prompts" and server.prefix else ""
        for own in sorted(known.get(kind, ())):
            if is_offer_selected(server, kind, own):
                yield Offered(server, kind, own, f"{prefix}{own}")


def _resolve_prompts(on_conflict: str, found: list[Offered], problems: list[Diagnostic]) -> list[Offered]:
    groups = _by_name(found)
    if on_conflict == "first":
        return [group[0] for group in groups.values()]
    if on_conflict == "prefix":
        found = [
            each._replace(name=f"{each.server.name}_{each.own}") if len(groups[each.name]) > 1 else each
            for each in found
        ]
        groups = _by_name(found)
    for first, *others in groups.values():
        problems.extend(_collision(other, first) for other in others)
    return found


def _by_name(found: list[Offered]) -> dict[str, list[Offered]]:
    groups: dict[str, list[Offered]] = {}
    for each in found:
        groups.setdefault(each.name, []).append(each)
    return groups


def _resolve_uris(on_conflict: str, found: list[Offered], problems: list[Diagnostic]) -> list[Offered]:
    """Return what of `found` is reached by its own URI, in the order of servers; what is not is told or left out."""
    kept: list[Offered] = []
    reached = _Reached()
    for each in found:
        rival = reached.find_rival(each)
        if rival is not None and on_conflict != "first":
            problems.append(_collision(each, rival))
        if rival is None:
            kept.append(each)
            reached.add(each)
    return kept


class _Reached:
    """What is reached so far, by URI and by template."""

    def __init__(self) -> None:
        self._resources: dict[str, Offered] = {}
        self._templates: list[tuple[UriTemplate, Offered]] = []

    def add(self, offered: Offered) -> None:
        if offered.kind == "templates":
            self._templates.append((UriTemplate(offered.own), offered))
        else:
            self._resources[offered.own] = offered

    def find_rival(self, offered: Offered) -> Offered | None:
        """Return what another server has that a URI of `offered` could mean."""
        if offered.kind == "templates":
            return self._rival_of_template(UriTemplate(offered.own), offered.server.name)
        same = self._resources.get(offered.own)
        if same is not None:
            return same
        fitting = (each for template, each in self._templates if template.fits(offered.own))
        return next((each for each in fitting if each.server.name != offered.server.name), None)

    def _rival_of_template(self, wanted: UriTemplate, server: str) -> Offered | None:
        for uri, each in self._resources.items():
            if each.server.name != server and wanted.fits(uri):
                return each
        for template, each in self._templates:
            if each.server.name != server and template.meets(wanted):
                return each
        return None


def _collision(offered: Offered, rival: Offered) -> Diagnostic:
    server, other = offered.server, rival.server
    if offered.kind == "prompts":
        detail = f"`{other.name}` and `{server.name}` would both serve the prompt `{shown(offered.name)}`."
        way = f"give one of them a `prefix`, deny the prompt (`prompts: {{deny: [{shown(offered.own)}]}}`), or say"
        help_ = f"{way} `gateway: {{onConflict: prefix}}`"
    else:
        both = f"the {WORDS[offered.kind]} `{shown(offered.own)}` of `{server.name}`"
        detail = f"One URI could mean {both} and the {WORDS[rival.kind]} `{shown(rival.own)}` of `{other.name}`."
        help_ = (
            f'deny one of them (`uris: {{deny: ["{shown(offered.own)}"]}}`), or say `gateway: {{onConflict: first}}`; '
            "no prefix is put before a URI"
        )
    note = Note(message=f"`{other.name}` has it too", span=other.span)
    return Diagnostic(code=codes.OFFER_COLLISION, detail=detail, span=server.span, notes=(note,), help=help_)


def _odd_name(offered: Offered) -> Diagnostic:
    detail = f"`{offered.server.name}` would serve a prompt called `{shown(offered.name)}`."
    help_ = "deny it under `prompts`, or choose a shorter `prefix`, if it is to be used with such a client"
    return Diagnostic(code=codes.PROMPT_NAME, detail=detail, span=offered.server.span, help=help_)


def shown(name: str) -> str:
    """Return a name or URI fit for a message."""
    cut = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in cut)
