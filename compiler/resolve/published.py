"""Catalogs of either kind: Docker's, and the `server.json` of the MCP registry, which is a catalog of one server.

Each way to run or reach that server is an entry: by the server's name alone where there is one way, else with the way
behind a slash. Source: the registry's server.json, with the keys of 2025-07 (snake_case) and since 2025-09.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.canonical import decode
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.read import shape, syntax
from mcphub_gitops.compiler.read.bounds import MAX_CATALOG_BYTES
from mcphub_gitops.compiler.read.redaction import TOKEN_SHAPE
from mcphub_gitops.compiler.read.syntax import Entry, ListNode, MapNode, Node
from mcphub_gitops.compiler.resolve.catalog import (
    Catalog,
    CatalogPackage,
    CatalogRemote,
    CatalogServer,
    Opened,
    canonical,
    read_catalog,
)
from mcphub_gitops.compiler.resolve.inputs import Inputs
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.nodes import child, text, value
from mcphub_gitops.compiler.source import Span
from mcphub_gitops.schemas import load_schema

_WAYS = ("packages", "remotes")
_FREE = ("_meta", "variables", "repository")
"""Keys below which names are somebody's own."""

_WORD = re.compile(r"_([a-z0-9])")
_OWN_TAG = re.compile(r"[^/]*[:@]")
_PUBLIC = {
    "pypi": re.compile(r"https://(?:www\.)?pypi\.org(?:/simple)?/?"),
    "npm": re.compile(r"https://registry\.npmjs\.(?:org|com)/?"),
}
_ALWAYS = {"oci": ("-i", "--interactive", "--rm", "--init", "run"), "npm": ("-y", "--yes"), "pypi": ()}
"""What is so in any case, when mcphub starts the server."""


def open_catalog(name: str, data: bytes) -> Opened:
    """Return the catalog in `data`, of either kind, as `read_catalog` does; never raises on any input."""
    return _read_server(name, data) if _is_server(data) else read_catalog(name, data)


def _is_server(data: bytes) -> bool:
    if len(data) > MAX_CATALOG_BYTES or not data.lstrip().startswith(b"{"):
        return False
    try:
        document = decode(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and "registry" not in document and not document.keys().isdisjoint(_WAYS)


def _read_server(name: str, data: bytes) -> Opened:
    parsed = syntax.parse(name, data, max_bytes=MAX_CATALOG_BYTES)
    found = (parsed.source.span(*match.span()) for match in TOKEN_SHAPE.finditer(parsed.source.text))
    source = parsed.source.hide(found)
    if parsed.root is None:
        return None, source, sort(parsed.diagnostics)
    repeated: list[Diagnostic] = []
    root = _renamed(parsed.root, repeated)
    problems = (*parsed.diagnostics, *repeated, *shape.check(root, load_schema("server.v1")))
    if has_errors(problems):
        return None, source, sort(problems)
    return Catalog.of(dict(_servers(root)), lambda server: server), source, sort(problems)


def _renamed(node: Node, problems: list[Diagnostic]) -> Node:
    """Return `node` with the keys of older documents as those of today."""
    if isinstance(node, ListNode):
        return node._replace(items=tuple(_renamed(item, problems) for item in node.items))
    if not isinstance(node, MapNode):
        return node
    made: dict[str, Entry] = {}
    for entry in node.entries:
        is_free = entry.key in _FREE
        key = entry.key if entry.key.startswith("_") else _WORD.sub(lambda match: match[1].upper(), entry.key)
        if key in made:
            detail = f"`{entry.key}` and `{made[key].key}` are one key."
            problems.append(Diagnostic(code=codes.DUPLICATE_KEY, detail=detail, span=entry.key_span))
        inner = _variables(entry.value, problems) if is_free else _renamed(entry.value, problems)
        made[key] = entry._replace(key=key, value=inner)
    return node._replace(entries=tuple(made.values()))


def _variables(node: Node, problems: list[Diagnostic]) -> Node:
    if not isinstance(node, MapNode):
        return node
    return node._replace(entries=tuple(each._replace(value=_renamed(each.value, problems)) for each in node.entries))


def _servers(root: Node) -> Iterator[tuple[str, CatalogServer]]:
    name = text(child(root, "name"))
    short = name.value.rpartition("/")[2] if name is not None else ""
    span = name.span if name is not None else root.span
    ways = [
        *((str(value(node, "registryType")), node, "package") for node in _items(root, "packages")),
        *((str(value(node, "type")), node, "remote") for node in _items(root, "remotes")),
    ]
    taken: dict[str, int] = {}
    for word, node, kind in ways:
        taken[word] = taken.get(word, 0) + 1
        number = f"-{taken[word]}" if taken[word] > 1 else ""
        entry = short if len(ways) == 1 else f"{short}/{word}{number}"
        inputs = Inputs(canonical(entry))
        if value(root, "status") == "deleted":
            inputs.refuse("It was deleted from the registry.", span)
        way = _Way(entry, root, span, inputs)
        yield entry, way.package(node, word) if kind == "package" else way.remote(node)


def _items(node: Node, key: str) -> tuple[Node, ...]:
    found = child(node, key)
    return found.items if isinstance(found, ListNode) else ()


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to run or reach the server, in the making."""

    name: str
    root: Node
    span: Span
    inputs: Inputs

    def remote(self, node: Node) -> CatalogServer:
        transport = value(node, "type")
        url = self.inputs.url(node)
        if url is None:
            self.inputs.refuse("The remote has no URL.", node.span)
        if transport == "stdio":
            self.inputs.refuse("A remote does not speak `stdio`.", node.span)
        headers = [(str(value(each, "name")), each) for each in _items(node, "headers")]
        return self._completed(
            CatalogServer(
                name=self.name,
                span=self.span,
                kind="remote",
                remote=CatalogRemote(
                    url=url or Text(value="", span=node.span),
                    transport="sse" if transport == "sse" else "streamable-http",
                    headers=tuple((name, self.inputs.template(each, name)) for name, each in headers),
                ),
            )
        )

    def package(self, node: Node, kind: str) -> CatalogServer:
        transport = value(node, "transport", "type")
        if transport not in {None, "stdio"}:
            detail = f"It speaks `{transport}`; what mcphub starts speaks over standard input and output."
            self._refuse(detail, node, "transport")
        if child(node, "fileSha256") is not None:
            self._refuse("`fileSha256` is not compared with what is installed.", node, "fileSha256")
        env = dict(self._env(node))
        if kind == "oci":
            return self._image(node, env)
        found = None
        if kind in _PUBLIC:
            found = self._found(node, kind)
            for each in _items(node, "runtimeArguments"):
                self._runtime(each, kind, {}, [], [])
        else:
            self._refuse(f"Packages of `{kind}` are not understood; oci, pypi and npm are.", node, "registryType")
        return self._completed(
            CatalogServer(
                name=self.name,
                span=self.span,
                kind="package",
                package=found,
                command=tuple(self._command(node)),
                env=tuple(env.items()),
            )
        )

    def _image(self, node: Node, env: dict[str, Text]) -> CatalogServer:
        volumes: list[Text] = []
        users: list[Text] = []
        for each in _items(node, "runtimeArguments"):
            self._runtime(each, "oci", env, volumes, users)
        identifier, version = str(value(node, "identifier")), value(node, "version")
        host = str(value(node, "registryBaseUrl") or "").partition("://")[2].rstrip("/")
        image = f"{host}/{identifier}" if host and not identifier.startswith(f"{host}/") else identifier
        if isinstance(version, str) and version and not _OWN_TAG.match(image.rpartition("/")[2]):
            image = f"{image}:{version}"
        return self._completed(
            CatalogServer(
                name=self.name,
                span=self.span,
                kind="image",
                image=image,
                command=tuple(self._command(node)),
                env=tuple(env.items()),
                volumes=tuple(volumes),
                user=users[-1] if users else None,
            )
        )

    def _found(self, node: Node, kind: str) -> CatalogPackage | None:
        base = value(node, "registryBaseUrl")
        if isinstance(base, str) and base and not _PUBLIC[kind].fullmatch(base):
            self._refuse(f"`{base}` is another index than that of {kind}.", node, "registryBaseUrl")
        name, version = str(value(node, "identifier")), value(node, "version")
        wanted = str(version) if version not in {None, "", "latest"} else ""
        written = f"{kind}:{name}@{wanted}" if wanted else f"{kind}:{name}"
        rules = load_schema("hub.v1")["$defs"]["server"]["properties"]["package"]
        if not shape.fits(written, rules):
            self._refuse(f"`{written}` is no package and version.", node, "identifier")
            return None
        plain_name = name if kind == "npm" else re.sub(r"[-_.]+", "-", name).lower()
        return CatalogPackage(ecosystem="npm" if kind == "npm" else "pypi", name=plain_name, version=wanted or None)

    def _env(self, node: Node) -> Iterator[tuple[str, Text]]:
        for each in _items(node, "environmentVariables"):
            name = str(value(each, "name"))
            template = self.inputs.template(each, name, is_variable=True)
            if not (value(each, "isSecret") is True and not self.inputs.is_given(each)):
                yield name, template

    def _command(self, node: Node) -> Iterator[Text]:
        for number, each in enumerate(_items(node, "packageArguments"), 1):
            named = text(child(each, "name")) if value(each, "type") == "named" else None
            hint = named.value.lstrip("-") if named is not None else value(each, "valueHint") or value(each, "name")
            several = value(each, "isRepeated") is True
            template = self.inputs.template(each, str(hint or f"argument{number}"), several=several)
            is_asked = not self.inputs.is_given(each) and value(each, "isSecret") is not True
            if named is not None and is_asked:
                yield replace(template, value=f"{template.value[:-2]}|flag:{named.value}}}}}")
                continue
            if named is not None:
                yield named
            yield template

    def _runtime(self, node: Node, kind: str, env: dict[str, Text], volumes: list[Text], users: list[Text]) -> None:
        """Take an argument of the program that would start the server elsewhere."""
        is_named = value(node, "type") == "named"
        name = str(value(node, "name" if is_named else "value") or "")
        if name in _ALWAYS[kind]:
            return
        given = kind == "oci" and is_named and self.inputs.is_given(node)
        template = self.inputs.template(node, "value") if given else None
        if template is None or not _take(name, template, env, volumes, users):
            self.inputs.refuse(f"`{name or '?'}` of `runtimeArguments` is not understood.", node.span)

    def _refuse(self, detail: str, node: Node, key: str) -> None:
        found = child(node, key)
        self.inputs.refuse(detail, found.span if found is not None else node.span)

    def _completed(self, server: CatalogServer) -> CatalogServer:
        """Return `server` with what all ways to run it have in common; its inputs are known once it is read."""
        return replace(
            server,
            shares_names=False,
            title=str(value(self.root, "title") or ""),
            description=str(value(self.root, "description") or ""),
            config=self.inputs.schema,
            secrets=tuple(self.inputs.secrets.values()),
            refusals=tuple(self.inputs.refusals),
        )


def _take(name: str, template: Text, env: dict[str, Text], volumes: list[Text], users: list[Text]) -> bool:
    """Take an argument of a container for what it means to a server; tell whether it is understood."""
    mount = _mount(name, template)
    if name in {"-e", "--env"} and "=" in template.value:
        variable, _, content = template.value.partition("=")
        env[variable] = replace(template, value=content)
    elif name in {"-u", "--user"}:
        users.append(template)
    elif mount is not None:
        volumes.append(mount)
    else:
        return False
    return True


def _mount(name: str, template: Text) -> Text | None:
    """Return the mount that an argument of a container says, as SOURCE:TARGET[:ro]; None where it says none."""
    if name in {"-v", "--volume"}:
        return template
    return _long_mount(template) if name == "--mount" else None


def _taken(parts: dict[str, str], *keys: str) -> str:
    """Take the first of `keys` that has a value out of `parts`."""
    return next(filter(None, (parts.pop(key, "") for key in keys)), "")


def _long_mount(template: Text) -> Text | None:
    parts = dict(part.partition("=")[::2] for part in template.value.split(","))
    source = _taken(parts, "src", "source")
    target = _taken(parts, "dst", "target", "destination")
    read_only = {parts.pop(key, None) for key in ("ro", "readonly")} - {None, "false"}
    if parts.pop("type", "") not in {"bind", "volume"} or not source or not target or parts:
        return None
    return replace(template, value=f"{source}:{target}{':ro' if read_only else ''}")
