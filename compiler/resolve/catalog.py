"""Docker MCP catalogs, versions 2 and 3: servers that others describe, as frozen types.

What only a catalog's own pages need (icon, readme, pulls and the like) is known to the schema and dropped here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Literal, Self, TypeAlias, TypeVar

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.read import bounds, hidden, shape, syntax
from mcphub_gitops.compiler.read.redaction import TOKEN_SHAPE
from mcphub_gitops.compiler.read.syntax import Entry, ListNode, Node, ScalarNode, plain
from mcphub_gitops.compiler.resolve.arguments import repeated_arguments, schema_of_arguments
from mcphub_gitops.compiler.resolve.model import Text, Transport
from mcphub_gitops.compiler.resolve.nodes import child, entries, text, texts, value
from mcphub_gitops.compiler.source import Source, Span
from mcphub_gitops.schemas import load_schema

_ORIGINS = ("image", "remote", "sseEndpoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogSecret:
    """A secret that a server takes: its name in the catalog, and the variable that holds its value.

    Where it is not `alone`, it only stands inside of other values, and the variable is no more than its name there.
    With `is_token` it is the access token of a remote that OAuth opens.
    """

    name: str
    variable: str
    required: bool = True
    alone: bool = True
    is_token: bool = False
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogContainer:
    """The container that one call of a tool is; templates over the call's arguments."""

    image: Text
    command: tuple[Text, ...]
    volumes: tuple[Text, ...]
    user: Text | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogTool:
    """A tool as the catalog knows it: most often by name alone, since the lock has the rest from the server itself.

    `parameters` is the JSON Schema of its arguments as plain data: that of a tool with a `container`, or what the
    arguments come to that the catalog lists for readers.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, Any] = field(default_factory=dict)
    container: CatalogContainer | None = None
    span: Span = field(compare=False, repr=False)

    @property
    def definition(self) -> dict[str, Any]:
        """What is known of the tool's own definition: most often its name alone, all of it for a tool container."""
        # A schema of arguments is that of an object (MCP 2026-07-28, "Tool"), also where the catalog leaves that out.
        schema = {"type": "object", **self.parameters} if self.container is not None else self.parameters
        told = {"description": self.description, "inputSchema": schema, "annotations": self.annotations}
        return {"name": self.name, **{key: value for key, value in told.items() if value}}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRemote:
    """Where a remote server is; `url` and the headers' values are templates."""

    url: Text
    transport: Transport
    headers: tuple[tuple[str, Text], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogProvider:
    """Who gives tokens for a server, which secret such a token takes the place of, and the variable that holds it."""

    provider: str
    secret: str = ""
    variable: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPackage:
    """A package of PyPI or npm, by its normalised name; without a `version` the lock chooses."""

    ecosystem: Literal["pypi", "npm"]
    name: str
    version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an entry cannot be used, as a sentence, and where that stands."""

    detail: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogServer:
    """One entry of a catalog; it can be used where there are no `refusals`.

    What is given decides the `kind`: an image, a package, a remote endpoint, or else tools that are containers.
    `config` is the JSON Schema of what a hub may say under `config`, as plain data without its name and description.
    With `shares_names`, a secret's name means the same for all servers of the catalog. Where it `contains_tools`, some
    of its tools are containers by themselves.
    """

    name: str
    kind: Literal["image", "package", "remote", "tool"]
    shares_names: bool = True
    title: str = ""
    description: str = ""
    image: str = ""
    package: CatalogPackage | None = None
    command: tuple[Text, ...] = ()
    volumes: tuple[Text, ...] = ()
    env: tuple[tuple[str, Text], ...] = ()
    secrets: tuple[CatalogSecret, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    user: Text | None = None
    disable_network: bool = False
    allow_hosts: tuple[Text, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    tools: Sequence[CatalogTool] = ()
    contains_tools: bool = False
    prefix: str = ""
    remote: CatalogRemote | None = None
    oauth: tuple[CatalogProvider, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    span: Span = field(compare=False, repr=False)
    places: Mapping[str, Span] = field(default_factory=dict, compare=False, repr=False)

    def place(self, key: str) -> Span:
        """Return the place of what stands under `key` of the entry, or of the entry itself."""
        return self.places.get(key, self.span)

    @property
    def required(self) -> tuple[str, ...]:
        """The settings that must be given."""
        return tuple(self.config.get("required", ()))


_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """A catalog whose document is right; each server is made of its part when it is first asked for."""

    _makers: Mapping[str, Callable[[], CatalogServer]] = field(default_factory=dict, repr=False)
    _made: dict[str, CatalogServer] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, parts: Mapping[str, _Part], make: Callable[[_Part], CatalogServer]) -> Self:
        """Return the catalog whose servers `make` returns of `parts`, each by its name."""
        return cls(_makers={name: partial(make, part) for name, part in parts.items()})

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all servers, in order."""
        return tuple(sorted(self._makers))

    def get(self, name: str) -> CatalogServer | None:
        """Return the server `name`, or None."""
        if name not in self._made and name in self._makers:
            self._made[name] = self._makers[name]()
        return self._made.get(name)


Opened: TypeAlias = tuple[Catalog | None, Source, tuple[Diagnostic, ...]]
"""A catalog, None where something is wrong with it, its text for excerpts, and what is wrong."""


def read_catalog(name: str, data: bytes) -> Opened:
    """Return the catalog in `data`, its text for excerpts, and what is wrong with it; never raises on any input.

    The whole document is checked, servers that nobody takes included, and there is no catalog when there is an error.
    What templates refer to is told by `binding.bind`, for the servers that a hub takes. The published catalog of
    2026-02 (602 KB, 328 servers) takes 0.5 s of CPU time, of which all but 0.04 are spent in `syntax.parse`.
    """
    parsed = syntax.parse(name, data, max_bytes=bounds.MAX_CATALOG_BYTES)
    found = (parsed.source.span(*match.span()) for match in TOKEN_SHAPE.finditer(parsed.source.text))
    source = parsed.source.hide(found)
    if parsed.root is None:
        return None, source, sort(parsed.diagnostics)
    excess = bounds.find_excess(parsed.root, "registry")
    if excess:
        return None, source, sort(excess)
    problems = (
        *parsed.diagnostics,
        *hidden.find_in_values(source, parsed.root, hidden.CATALOG),
        *shape.check(parsed.root, load_schema("catalog.v1")),
    )
    servers = entries(parsed.root, "registry")
    if not has_errors(problems):
        problems = (*problems, *(problem for entry in servers for problem in _contradictions(entry)))
    if has_errors(problems):
        return None, source, sort(problems)
    return Catalog.of({entry.key: entry for entry in servers}, _server), source, sort(problems)


def canonical(name: str) -> str:
    """Return the name of a server as its templates say it, where a dot is between a setting and what it is in."""
    return name.replace(".", "_")


def _contradictions(entry: Entry) -> Iterator[Diagnostic]:
    given = [key for key in _ORIGINS if child(entry.value, key) is not None]
    tools = _items(child(entry.value, "tools"))
    containers = [tool for tool in tools if child(tool, "container") is not None]
    yield from _repeated_arguments(entry, tools)
    if len(given) > 1 or (not given and not containers):
        listed = " and ".join(f"`{key}`" for key in given) or "none of them"
        detail = f"`{entry.key}` is an `image`, a `remote`, or tools with a `container`; it has {listed}."
        yield Diagnostic(code=codes.CHOICE, detail=detail, span=entry.key_span)
    yield from _other_names(entry)


def _repeated_arguments(entry: Entry, tools: Iterable[Node]) -> Iterator[Diagnostic]:
    for tool in tools:
        for name in repeated_arguments(child(tool, "arguments")):
            detail = f"A tool of `{entry.key}` has an argument `{name.value}` twice."
            yield Diagnostic(code=codes.BAD_VALUE, detail=detail, span=name.span)


def _other_names(entry: Entry) -> Iterator[Diagnostic]:
    for owner in (entry.value, *_items(child(entry.value, "config"))):
        again = text(child(owner, "name"))
        if again is not None and again.value not in {entry.key, canonical(entry.key)}:
            detail = f"This is part of `{entry.key}`, and calls itself `{again.value}`."
            yield Diagnostic(code=codes.BAD_VALUE, detail=detail, span=again.span)


def _server(entry: Entry) -> CatalogServer:
    node = entry.value
    remote = _remote(node)
    image = _string(node, "image")
    config = next((plain(item) for item in _items(child(node, "config"))), {})
    tools = tuple(_tool(item) for item in _items(child(node, "tools")))
    return CatalogServer(
        name=entry.key,
        kind="image" if image else "remote" if remote is not None else "tool",
        title=_string(node, "title"),
        description=_string(node, "description"),
        image=image,
        command=tuple(texts(node, "command")),
        volumes=tuple(texts(node, "volumes")),
        env=tuple(_env(node)),
        secrets=tuple(_secrets(node)),
        config=_schema(config),
        user=text(child(node, "user")),
        disable_network=value(node, "disableNetwork") is True,
        allow_hosts=tuple(texts(node, "allowHosts")),
        extra_hosts=_strings(node, "extraHosts"),
        tools=tools,
        contains_tools=any(tool.container is not None for tool in tools),
        prefix=_string(node, "prefix"),
        remote=remote,
        oauth=tuple(_providers(node)),
        span=entry.key_span,
        places=MappingProxyType(
            {
                each.key: each.value.span if isinstance(each.value, ScalarNode) else each.key_span
                for each in entries(node)
            }
        ),
    )


def _schema(config: object) -> Mapping[str, Any]:
    document = config if isinstance(config, dict) else {}
    return {key: found for key, found in document.items() if key not in {"name", "description"}}


def _env(server: Node) -> Iterator[tuple[str, Text]]:
    named = ((_string(item, "name"), text(child(item, "value"))) for item in _items(child(server, "env")))
    yield from ((name, template) for name, template in named if template is not None)


def _secrets(server: Node) -> Iterator[CatalogSecret]:
    for item in _items(child(server, "secrets")):
        name = child(item, "name")
        yield CatalogSecret(
            name=_string(item, "name"),
            variable=_string(item, "env"),
            required=value(item, "required") is not False,
            span=name.span if name is not None else item.span,
        )


def _remote(server: Node) -> CatalogRemote | None:
    node = child(server, "remote")
    url = text(child(node, "url")) or text(child(server, "sseEndpoint"))
    if url is None:
        return None
    is_sse = node is None or value(node, "transport_type") == "sse"
    headers = ((each.key, text(each.value)) for each in entries(node, "headers"))
    return CatalogRemote(
        url=url,
        transport="sse" if is_sse else "streamable-http",
        headers=tuple((name, template) for name, template in headers if template is not None),
    )


def _providers(server: Node) -> Iterator[CatalogProvider]:
    for item in _items(child(server, "oauth", "providers")):
        yield CatalogProvider(
            provider=_string(item, "provider"), secret=_string(item, "secret"), variable=_string(item, "env")
        )


def _tool(node: Node) -> CatalogTool:
    # Tools are most of a catalog, so each is looked through once.
    parts = {each.key: each.value for each in entries(node)}
    name = parts.get("name")
    return CatalogTool(
        name=_word(name),
        description=_word(parts.get("description")),
        parameters=_mapping(parts.get("parameters")) or schema_of_arguments(parts.get("arguments")),
        annotations=_mapping(parts.get("annotations")),
        container=_container(parts.get("container")),
        span=name.span if name is not None else node.span,
    )


def _container(node: Node | None) -> CatalogContainer | None:
    if node is None:
        return None
    image = child(node, "image")
    return CatalogContainer(
        image=Text(value=_word(image), span=image.span if image is not None else node.span),
        command=tuple(texts(node, "command")),
        volumes=tuple(texts(node, "volumes")),
        user=text(child(node, "user")),
    )


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, ListNode) else ()


def _string(node: Node, key: str) -> str:
    return _word(child(node, key))


def _word(node: Node | None) -> str:
    return node.value if isinstance(node, ScalarNode) and isinstance(node.value, str) else ""


def _strings(node: Node, *keys: str) -> tuple[str, ...]:
    return tuple(each.value for each in texts(node, *keys))


def _mapping(node: Node | None) -> Mapping[str, Any]:
    data = plain(node) if node is not None else None
    return data if isinstance(data, dict) else {}
