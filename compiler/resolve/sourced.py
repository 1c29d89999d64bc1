"""A server that comes from a catalog: its entry, bound to what the hub says, in the hub's own terms."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.later import Later
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import Entry, ListNode, MapNode, Node, ScalarNode, plain
from mcphub_gitops.compiler.resolve import image
from mcphub_gitops.compiler.resolve.address import why_no_endpoint
from mcphub_gitops.compiler.resolve.binding import Bound, Problem, bind
from mcphub_gitops.compiler.resolve.catalog import CatalogSecret, CatalogServer
from mcphub_gitops.compiler.resolve.confinement import Mount
from mcphub_gitops.compiler.resolve.container import read_mount
from mcphub_gitops.compiler.resolve.defects import find_defects
from mcphub_gitops.compiler.resolve.entry import Fill, Reference, Sourced, compose
from mcphub_gitops.compiler.resolve.lookup import Found, Lookup
from mcphub_gitops.compiler.resolve.model import Image, Package, Remote, SecretRef, Server, Text, ToolContainers
from mcphub_gitops.compiler.resolve.nodes import child, entries, text
from mcphub_gitops.compiler.resolve.override import mend
from mcphub_gitops.compiler.resolve.token import with_token
from mcphub_gitops.compiler.resolve.toolset import find_mixed, find_problems, read_tools
from mcphub_gitops.compiler.source import Span

_OWN = frozenset({codes.TEMPLATE, codes.FOREIGN_SCHEMA})
"""What is told under its own code, also where the catalog is at fault."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the servers that have a `from`, whose entries `lookup` finds."""

    lookup: Lookup
    fill: Fill
    reference: Reference
    problems: list[Diagnostic]
    takers: dict[str, tuple[str, Span]] = field(default_factory=dict)

    def read(self, server: Entry) -> Sourced | None:
        """Return what the entry that `server` names comes to, None where something is wrong with it."""
        given = text(child(server.value, "from"))
        entry = self.lookup.find(given) if given is not None else None
        if entry is None:
            return None
        source = entry.source
        mended = mend(with_token(entry.entry), child(server.value, "override"), self.fill)
        self.problems.extend(mended.problems)
        found = mended.entry
        bound, problems = bind(found, self._config(server.value))
        self.problems.extend(self._placed(problem, server, entry) for problem in problems)
        self.problems.extend(find_defects(found))
        self._check_sharing(server, found)
        secrets = tuple(self._secrets(server, found, source))
        origin = self._origin(found, bound, source)
        if origin is None:
            return None
        tools = Later(partial(_named_tools, found))
        if bound is None:
            # What is wrong has been told; the names of its tools still count beside those of the others.
            return Sourced(source=source.value, origin=origin, prefix=found.prefix, tools=tools)
        return Sourced(
            source=source.value,
            origin=origin,
            env=tuple((name, Text(value=value, span=source.span)) for name, value in sorted(bound.env.items())),
            secrets=tuple(self._variables(found, bound, secrets, source)),
            mounts=tuple(self._mounts(bound, source)),
            user=bound.user,
            prefix=found.prefix,
            tools=tools,
            definitions=_definitions(found) if child(server.value, "definitions") is not None else {},
            hosts=tuple(host.value for host in found.allow_hosts),
            offline=found.disable_network,
            override=mended.summary,
        )

    def check(self, server: Server, node: Node) -> Iterator[Diagnostic]:
        """Yield what is wrong with those of its tools that are containers and that the hub's filters leave."""
        return find_problems(server, node)

    def _config(self, server: Node) -> dict[str, Any]:
        node = child(server, "config")
        found = self._filled(node) if isinstance(node, MapNode) else {}
        return dict(found)

    def _filled(self, node: Node) -> Any:  # noqa: ANN401  (any JSON value)
        if isinstance(node, MapNode):
            return {entry.key: self._filled(entry.value) for entry in node.entries}
        if isinstance(node, ListNode):
            return [self._filled(item) for item in node.items]
        given = text(node)
        return self.fill(given).value if given is not None else plain(node)

    def _placed(self, problem: Problem, server: Entry, entry: Found) -> Diagnostic:
        """Return `problem` at its place: in the hub where it can be mended there, else in the catalog."""
        source = entry.source
        if problem.span is not None and problem.span.source != entry.entry.span.source:
            return Diagnostic(code=problem.code, detail=problem.detail, span=problem.span, help=problem.help)
        if problem.path:
            return Diagnostic(
                code=problem.code, detail=problem.detail, span=_span_of(server, problem.path), help=problem.help
            )
        note = Note(message=f"`{server.key}` comes from this entry", span=source.span)
        code = problem.code if problem.code in _OWN else codes.CATALOG_ENTRY
        return Diagnostic(
            code=code,
            detail=f"The entry of `{source.value}` cannot be used. {problem.detail}",
            span=problem.span or source.span,
            notes=(note,) if problem.span is not None else (),
            help=problem.help,
        )

    def _secrets(self, server: Entry, found: CatalogServer, source: Text) -> Iterator[tuple[str, SecretRef]]:
        known = {secret.name: secret for secret in found.secrets}
        given = set()
        for entry in entries(server.value, "secrets"):
            given.add(entry.key)
            if entry.key not in known:
                detail = f"`{source.value}` has no secret `{entry.key}`."
                self._tell(codes.UNKNOWN_KEY, detail, entry.key_span, suggest(entry.key, known))
                continue
            reference = self.reference(entry.key, entry.value)
            if reference is not None:
                yield entry.key, reference
        node = child(server.value, "secrets")
        span = node.span if node is not None and not given else server.key_span
        for name in sorted({secret.name for secret in found.secrets if secret.required} - given):
            self._tell_missing(known[name], source, span)

    def _tell_missing(self, secret: CatalogSecret, source: Text, span: Span) -> None:
        help_ = f'add `secrets: {{{secret.name}: "env://NAME"}}`'
        if secret.is_token:
            detail = f"`{source.value}` lets people in by OAuth, and needs an access token as `{secret.name}`."
            self._tell(codes.TOKEN_MISSING, detail, span, f"{help_}, or name a program that gets one")
        else:
            self._tell(codes.SECRET_MISSING, f"`{source.value}` needs the secret `{secret.name}`.", span, help_)

    def _variables(
        self, found: CatalogServer, bound: Bound, secrets: tuple[tuple[str, SecretRef], ...], source: Text
    ) -> Iterator[SecretRef]:
        """Yield the secrets as the server gets them: by variable, or, of a remote server, by header."""
        given = {variable: ref for name, ref in secrets for variable in bound.secrets.get(name, ())}
        if not bound.url:
            yield from _alone(found, given)
        for name, word in {**bound.composed, **bound.headers}.items():
            self._refuse_files(name, map(given.get, word.secrets))
            if word.secrets and given.keys() >= {*word.secrets}:
                parts = (part if isinstance(part, str) else given[part.variable] for part in word.parts)
                yield compose(name, tuple(parts), source.span)

    def _refuse_files(self, name: str, references: Iterable[SecretRef | None]) -> None:
        for reference in references:
            if reference is not None and reference.as_file:
                detail = f"`{name}` is made of the secret's value, which therefore cannot be a file."
                self._tell(codes.NOT_HERE, detail, reference.span, "leave `as` out")

    def _check_sharing(self, server: Entry, found: CatalogServer) -> None:
        """Warn of a secret of the catalog that two servers of the hub take, at the second."""
        for secret in found.secrets if found.shares_names else ():
            first, span = self.takers.setdefault(secret.name, (server.key, secret.span))
            if first != server.key and span != secret.span:
                detail = f"`{first}` and `{server.key}` both take `{secret.name}`."
                note = Note(message=f"`{first}` takes it here", span=span)
                problem = Diagnostic(code=codes.SECRET_SHARED, detail=detail, span=secret.span, notes=(note,))
                self.problems.append(problem)

    def _origin(
        self, found: CatalogServer, bound: Bound | None, source: Text
    ) -> Image | Package | Remote | ToolContainers | None:
        self.problems.extend(find_mixed(found, source))
        if found.kind == "tool":
            tools, problems = read_tools(found, source)
            self.problems.extend(problems)
            return tools
        args = tuple(self._args(bound, source)) if bound is not None else ()
        if found.package is not None:
            return Package(
                ecosystem=found.package.ecosystem,
                name=found.package.name,
                version=found.package.version,
                args=args,
                span=source.span,
            )
        if found.kind == "remote" and found.remote is not None:
            self._check_endpoint(bound, source)
            if bound is None:
                return Remote(url=Text(value="", span=source.span), span=source.span)
            plain_headers = {name: word.text for name, word in bound.headers.items() if word.text}
            return Remote(
                url=Text(value=bound.url, span=source.span),
                headers=tuple((name, Text(value=value, span=source.span)) for name, value in plain_headers.items()),
                transport=found.remote.transport,
                span=source.span,
            )
        return self._image(found, args, source) if bound is not None or found.image else None

    def _image(self, found: CatalogServer, args: tuple[Text, ...], source: Text) -> Image | None:
        reference = image.parse(found.image)
        if isinstance(reference, str):
            self._tell(codes.CATALOG_ENTRY, f"The entry of `{source.value}` cannot be used. {reference}", source.span)
            return None
        if found.extra_hosts:
            detail = f"`{source.value}` asks for host names of its own, which mcphub does not give."
            self._tell(codes.NOT_DONE, detail, source.span)
        return Image(reference=reference, args=args, span=source.span)

    def _check_endpoint(self, bound: Bound | None, source: Text) -> None:
        if bound is not None and why_no_endpoint(bound.url, private=False):
            detail = f"`{source.value}` is at `{bound.url}`, which is no endpoint that is reached over https."
            self._tell(codes.CATALOG_ENTRY, detail, source.span)

    def _args(self, bound: Bound, source: Text) -> Iterator[Text]:
        for word in bound.args:
            if word.text is None:
                secret = word.secrets[0]
                detail = f"`{source.value}` puts a secret (`{secret}`) into its command line, where all can read it."
                given = f'`override: {{command: […], env: {{NAME: "$${secret}"}}}}`'
                help_ = f"where the program takes it from a variable, too, add {given}"
                self._tell(codes.NOT_DONE, detail, source.span, help_)
            elif word.text:
                yield Text(value=word.text, span=source.span)

    def _mounts(self, bound: Bound, source: Text) -> Iterator[tuple[Mount, Span]]:
        for mount in bound.mounts:
            found = read_mount(":".join(part for part in (mount.source, mount.target, mount.mode) if part))
            if found is None:
                detail = f"`{source.value}` mounts `{mount.source}` at `{mount.target}`, which cannot be."
                self._tell(codes.CATALOG_ENTRY, detail, source.span)
            elif found.kind == "volume" and not mount.mode:
                # A volume is made to be written to; a path of the host is not, unless the catalog says so.
                yield Mount(kind="volume", source=found.source, target=found.target, read_only=False), source.span
            else:
                yield found, source.span

    def _tell(self, code: codes.Code, detail: str, span: Span, help_: str = "") -> None:
        self.problems.append(Diagnostic(code=code, detail=detail, span=span, help=help_))


def _named_tools(found: CatalogServer) -> Iterator[Text]:
    return (Text(value=tool.name, span=tool.span) for tool in found.tools)


def _definitions(found: CatalogServer) -> dict[str, dict[str, Any]]:
    return {tool.name: tool.definition for tool in found.tools}


def _alone(found: CatalogServer, given: Mapping[str, SecretRef]) -> Iterator[SecretRef]:
    alone = {secret.variable for secret in found.secrets if secret.alone}
    return (_renamed(reference, variable) for variable, reference in given.items() if variable in alone)


def _renamed(reference: SecretRef, variable: str) -> SecretRef:
    return SecretRef(
        variable=variable,
        scheme=reference.scheme,
        location=reference.location,
        as_file=reference.as_file,
        span=reference.span,
    )


def _span_of(server: Entry, path: tuple[str | int, ...]) -> Span:
    """Return the place of what `path` leads to below `server`, or of what it would stand in."""
    span, node = server.key_span, server.value
    for step in path:
        if isinstance(node, MapNode) and (entry := node.get(str(step))) is not None:
            span, node = entry.key_span, entry.value
        elif isinstance(node, ListNode) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
            span = node.span
        else:
            return span
    return node.span if isinstance(node, ScalarNode) else span
