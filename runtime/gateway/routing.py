"""What is exposed and where it leads: answers rendered once per generation, and the lock's verdict on tools."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Self

import msgspec

from mcphub_gitops.compiler.resolve.offer import Kind
from mcphub_gitops.runtime.gateway import shelf, wire
from mcphub_gitops.runtime.gateway.generation import Generation, Server, Tool
from mcphub_gitops.runtime.gateway.mirrors import Mirror, find
from mcphub_gitops.runtime.gateway.shelf import Shelf

MODERN: Final = "2026-07-28"
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
LEGACY_STREAMS: Final = (*LEGACY, "2024-11-05")
"""What is spoken over standard streams: the first revision differs in its transport over HTTP alone."""

# Clients may hold a list this long; a newly applied generation is then seen without a notification.
TTL_MILLISECONDS: Final = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where an exposed tool leads: the server's name, the tool's name there, and that name as a JSON string.

    It may be something else that is asked for by another `method`: of that `kind`, held to what is locked as `tool`,
    and asked for as `token`. `mirrors` are the arguments that a client of revision 2026-07-28 repeats as headers.
    """

    server: str
    tool: str
    token: bytes
    mirrors: tuple[Mirror, ...] = ()
    method: str = "tools/call"
    kind: Kind | Literal["tools"] = "tools"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All that can be answered without a server: results as raw JSON, and the route of each exposed tool.

    `initialize` has one result per legacy revision; `tools_modern` and `discover` are of revision 2026-07-28. The
    greetings that are `told` are for clients that are told when the list of tools changes. `profile` is the name of the
    profile that the table is of, empty for all that is exposed.
    """

    profile: str
    plan: str
    routes: Mapping[str, Route]
    initialize: Mapping[str, bytes]
    initialize_told: Mapping[str, bytes]
    discover: bytes
    discover_told: bytes
    tools_legacy: bytes
    tools_modern: bytes
    shelf: Shelf

    def find(self, method: str, name: str) -> Route | None:
        """Return where a request for `name` leads, None where there is nothing of the kind."""
        asked = shelf.METHODS.get(method)
        if asked is None and method != shelf.COMPLETE:
            return self.routes.get(name)
        found = self.shelf.find(asked, name) if asked is not None else self.shelf.refer(name)
        if found is None:
            return None
        return Route(server=found.server, tool=found.upstream, token=found.token, method=method, kind=found.kind)


WHOLE: Final = ""
"""Stands for all that is exposed where a profile is named."""


def build(generation: Generation, *, version: str) -> Mapping[str, Table]:
    """Return the table of each profile of `generation` by its name, and of `WHOLE`; tools keep plan order.

    `version` is the gateway's own, told to clients.
    """
    shown = [_Shown.of(server.name, tool) for server in generation.servers for tool in server.tools]
    head = _Head.of(generation, version)
    tables = {WHOLE: _table(head, WHOLE, shown, shelf.fill(generation, head.cacheable))}
    for name, profile in generation.profiles.items():
        others = shelf.fill(generation, head.cacheable, profile.servers)
        tables[name] = _table(head, name, [tool for tool in shown if tool.name in profile.tools], others)
    return tables


def build_empty(generation: Generation, profile: str, *, version: str) -> Table:
    """Return the table of a `profile` that `generation` does not have: who asks for it gets nothing."""
    return _table(_Head.of(generation, version), profile, [], shelf.EMPTY)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A tool as it stands in lists, and where it leads."""

    name: str
    rendered: bytes
    route: Route

    @classmethod
    def of(cls, server: str, tool: Tool) -> Self:
        return cls(tool.name, msgspec.json.format(bytes(tool.definition), indent=-1), _route(server, tool))


@dataclass(frozen=True, slots=True)
class _Head:
    """What all tables of a generation have in common."""

    plan: str
    about: bytes

    @classmethod
    def of(cls, generation: Generation, version: str) -> Self:
        return cls(generation.plan, wire.dump({"name": generation.hub, "version": version}))

    @property
    def cacheable(self) -> bytes:
        """The members that a result of revision 2026-07-28 begins with which clients may keep."""
        return b'"resultType":"complete","ttlMs":%d,"cacheScope":"private","_meta":{"%b":%b}' % (
            TTL_MILLISECONDS,
            b"io.modelcontextprotocol/serverInfo",
            self.about,
        )


def _table(head: _Head, profile: str, shown: Iterable[_Shown], others: Shelf) -> Table:
    served = tuple(shown)
    tools = b",".join(tool.rendered for tool in served)
    cacheable = head.cacheable
    plain, told = _capabilities(others, b"false"), _capabilities(others, b"true")
    return Table(
        profile=profile,
        plan=head.plan,
        routes={tool.name: tool.route for tool in served},
        initialize={revision: _initialize(revision, head.about, plain) for revision in LEGACY},
        initialize_told={revision: _initialize(revision, head.about, told) for revision in LEGACY_STREAMS},
        discover=_discover(cacheable, plain),
        discover_told=_discover(cacheable, told),
        tools_legacy=b'{"tools":[%b]}' % tools,
        tools_modern=b'{%b,"tools":[%b]}' % (cacheable, tools),
        shelf=others,
    )


def _capabilities(others: Shelf, told: bytes) -> bytes:
    return b'{"tools":{"listChanged":%b}%b}' % (told, others.capabilities)


def _initialize(revision: str, about: bytes, capabilities: bytes) -> bytes:
    head = b'{"protocolVersion":"%b","capabilities":%b' % (revision.encode(), capabilities)
    return head + b',"serverInfo":%b}' % about


def _discover(cacheable: bytes, capabilities: bytes) -> bytes:
    return b'{%b,"supportedVersions":["%b"],"capabilities":%b}' % (cacheable, MODERN.encode(), capabilities)


def _route(server: str, tool: Tool) -> Route:
    definition = msgspec.json.decode(tool.definition)
    mirrors = find(definition.get("inputSchema"))
    return Route(server=server, tool=tool.upstream, token=wire.token(tool.upstream), mirrors=mirrors)


def quarantined(server: Server, live: Mapping[str, str | None]) -> dict[str, str]:
    """Return why each locked tool of `server` must not be called, by its name there; no entry means it may be.

    `live` holds the fingerprints of what the server offers now, as `definitions.fingerprints` returns them. A
    quarantined tool stays in the list that clients see, with its locked definition: the list is a matter of the plan,
    and a call says what is wrong. A tool that is held to its name alone is not compared.
    """
    verdict: dict[str, str] = {}
    for tool in server.tools:
        if tool.upstream not in live:
            verdict[tool.upstream] = "the server no longer offers it"
        elif live[tool.upstream] is None:
            verdict[tool.upstream] = "the server offers it twice, or in a form that cannot be compared"
        elif not server.by_name and live[tool.upstream] != tool.hash:
            verdict[tool.upstream] = "its definition differs from the locked one"
    return verdict
