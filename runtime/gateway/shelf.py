"""What clients see beside tools: lists rendered once per generation, and where each prompt and resource leads.

Sources: MCP 2025-11-25 and 2026-07-28, "Prompts", "Resources".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote

import msgspec

from mcphub_gitops.compiler.resolve.offer import Kind
from mcphub_gitops.compiler.resolve.uri import UriTemplate
from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.generation import Generation, Offer, Server
from mcphub_gitops.runtime.gateway.wire import Raw

Asked: TypeAlias = Literal["prompts", "resources"]
"""What a client asks for by name or by URI."""

METHODS: Final[Mapping[str, Asked]] = {"prompts/get": "prompts", "resources/read": "resources"}
"""How it asks."""

COMPLETE: Final = "completion/complete"
"""How it asks which values an argument of either may have."""

NAMED: Final[Mapping[str, str]] = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""The member of the parameters that is a header of revision 2026-07-28 as well."""

KEYS: Final[Mapping[str, str]] = {**NAMED, COMPLETE: "ref"}
"""The member of the parameters that says what a request is about."""

_REFERENCES: Final[Mapping[str, str]] = {"ref/prompt": "name", "ref/resource": "uri"}
"""The member of a reference that names what it is to, by its type (MCP 2026-07-28, "Completion")."""

MAX_URI: Final = 16 * 1024

_LISTS: Final[Mapping[Kind, tuple[str, bytes]]] = {
    "prompts": ("prompts/list", b"prompts"),
    "resources": ("resources/list", b"resources"),
    "templates": ("resources/templates/list", b"resourceTemplates"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a prompt or resource leads: the server, and what of its lock the request is held to.

    `token` is what the server is asked for, as a JSON string.
    """

    server: str
    kind: Kind
    upstream: str
    token: bytes


@dataclass(frozen=True, slots=True)
class _Fitting:
    template: UriTemplate
    server: str
    shut: tuple[str, ...]

    def serves(self, uri: str) -> bool:
        # A server may decode what a URI spells with percent signs, and read what was to be shut.
        return self.template.fits(uri) and not any(
            fnmatchcase(each, glob) for glob in self.shut for each in (uri, unquote(uri))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Results of lists by method, of the old era and of revision 2026-07-28, and capabilities as members of JSON."""

    capabilities: bytes = b""
    lists: Mapping[str, tuple[bytes, bytes]] = field(default_factory=dict)
    _targets: Mapping[tuple[Kind, str], Target] = field(default_factory=dict)
    _templates: tuple[_Fitting, ...] = ()

    def has(self, asked: Asked) -> bool:
        """Tell whether there is any of what is asked for."""
        return _LISTS[asked][0] in self.lists

    def find(self, asked: Asked, name: str) -> Target | None:
        """Return where the prompt of this name or the resource of this URI leads, None where there is none."""
        found = self._targets.get((asked, name))
        if found is not None or asked == "prompts" or len(name) > MAX_URI:
            return found
        for each in self._templates:
            if each.serves(name):
                return Target(server=each.server, kind="templates", upstream=each.template.text, token=wire.token(name))
        return None

    def refer(self, reference: str) -> Target | None:
        """Return where a reference leads, the JSON of an object, in the server's own words; raises Fault."""
        members = wire.members(reference.encode())
        kind = wire.text(members.get("type", Raw(b'""')), "type")
        key = _REFERENCES.get(kind)
        if key is None:
            return None
        name = wire.text(members.get(key, Raw(b'""')), key)
        kinds: tuple[Kind, ...] = ("prompts",) if key == "name" else ("templates", "resources")
        found = next((self._targets[each, name] for each in kinds if (each, name) in self._targets), None)
        if found is None:
            return None
        return replace(found, token=wire.join({**members, key: wire.token(found.upstream)}))


EMPTY: Final = Shelf()


def fill(generation: Generation, cacheable: bytes, servers: Iterable[str] | None = None) -> Shelf:
    """Return what `servers` (None: all) of `generation` offer.

    `cacheable` are the members that a list of revision 2026-07-28 begins with.
    """
    wanted = None if servers is None else frozenset(servers)
    shown = [
        (server, offer)
        for server in generation.servers
        if wanted is None or server.name in wanted
        for offer in server.offers
    ]
    if not shown:
        return EMPTY
    kinds = {offer.kind for _, offer in shown}
    # Whoever has the one capability has both lists.
    listed: set[Kind] = {*kinds, "resources", "templates"} if kinds - {"prompts"} else kinds
    return Shelf(
        capabilities=b"".join(_capabilities(listed)),
        lists={_LISTS[kind][0]: _lists(kind, shown, cacheable) for kind in listed},
        _targets={(offer.kind, offer.name): _target(server, offer) for server, offer in shown},
        _templates=tuple(
            _Fitting(UriTemplate(offer.upstream), server.name, server.shut)
            for server, offer in shown
            if offer.kind == "templates"
        ),
    )


def _capabilities(listed: set[Kind]) -> Iterator[bytes]:
    if "prompts" in listed:
        yield b',"prompts":{"listChanged":false}'
    if listed:
        yield b',"completions":{}'
    if "resources" in listed:
        yield b',"resources":{"subscribe":false,"listChanged":false}'


def _lists(kind: Kind, shown: Iterable[tuple[Server, Offer]], cacheable: bytes) -> tuple[bytes, bytes]:
    rendered = (msgspec.json.format(bytes(offer.definition), indent=-1) for _, offer in shown if offer.kind == kind)
    member = b'"%b":[%b]' % (_LISTS[kind][1], b",".join(rendered))
    return b"{%b}" % member, b"{%b,%b}" % (cacheable, member)


def _target(server: Server, offer: Offer) -> Target:
    return Target(server=server.name, kind=offer.kind, upstream=offer.upstream, token=wire.token(offer.upstream))
