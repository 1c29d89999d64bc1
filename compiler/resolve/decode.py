"""Nodes to the model. What the schema check has already reported is skipped here, never reported twice."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from posixpath import normpath

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.syntax import Entry, MapNode, Node
from mcphub_gitops.compiler.resolve import container, image
from mcphub_gitops.compiler.resolve.address import why_no_endpoint, why_no_place
from mcphub_gitops.compiler.resolve.admission import admission_problems, decode_tokens
from mcphub_gitops.compiler.resolve.bundle import decode_bundles
from mcphub_gitops.compiler.resolve.client import decode_clients
from mcphub_gitops.compiler.resolve.confinement import Confinement
from mcphub_gitops.compiler.resolve.entry import MakeEntries, Sourced
from mcphub_gitops.compiler.resolve.expression import fill
from mcphub_gitops.compiler.resolve.model import (
    DEFAULT_LISTEN,
    Command,
    Gateway,
    Hub,
    Image,
    OnConflict,
    Origin,
    Package,
    Remote,
    SecretRef,
    Server,
    Text,
    ToolContainers,
)
from mcphub_gitops.compiler.resolve.moves import decode_moves
from mcphub_gitops.compiler.resolve.nodes import child, entries, texts, value
from mcphub_gitops.compiler.resolve.nodes import text as text_of
from mcphub_gitops.compiler.resolve.offer import decode_filter
from mcphub_gitops.compiler.resolve.path import is_below, looks_like_path, why_not_granted
from mcphub_gitops.compiler.resolve.profile import decode_profiles
from mcphub_gitops.compiler.resolve.provenance import source_problems
from mcphub_gitops.compiler.resolve.reach import network_notes
from mcphub_gitops.compiler.resolve.references import References, literal_secrets, replaceable_sources
from mcphub_gitops.compiler.resolve.store import decode_stores
from mcphub_gitops.compiler.resolve.unasked import decode_definitions, decode_no_tools, unasked_problems
from mcphub_gitops.compiler.source import Span

_PACKAGE = re.compile(r"(?P<ecosystem>pypi|npm):(?P<name>@?[^@]+)(?:@(?P<version>.+))?\Z")
_ALWAYS_CONTAINED: Mapping[type[Origin], str] = {Image: "An image", ToolContainers: "A tool container"}


def decode(
    root: Node, make_entries: MakeEntries | None = None, *, environment: str = ""
) -> tuple[Hub, tuple[Diagnostic, ...]]:
    """Return the hub that `root` declares and what is wrong with it beyond its shape; never raises on user input.

    `make_entries` makes what reads the servers that come from catalogs; without it such a server is left out.
    `environment` is the name of the environment that `root` is for, empty where it is for none.
    """
    decoder = _Decoder(root, make_entries, environment)
    return decoder.hub(), tuple(decoder.problems)


def takes_from_catalogs(root: Node) -> bool:
    """Tell whether a server of the hub has a `from`."""
    return any(child(entry.value, "from") is not None for entry in entries(root, "servers"))


class _Decoder:
    """Carries the variables down and the problems up."""

    def __init__(self, root: Node, make_entries: MakeEntries | None, environment: str) -> None:
        self.problems: list[Diagnostic] = []
        stores = [entry.key for entry in entries(root, "secretStores")]
        self._references = References(self._filled, stores, self.problems)
        self._entries = (
            make_entries(self._filled, self._references.read, self.problems) if make_entries is not None else None
        )
        self._root = root
        self._variables: dict[str, str] = {"env": environment} if environment else {}
        for entry in entries(root, "vars"):
            text = text_of(entry.value)
            if text is not None:
                self._variables[f"vars.{entry.key}"] = text.value
                self.problems.extend(literal_secrets(text, text))
                self._references.refuse_template(text)
        self._stores = decode_stores(root, self._filled, self._references.read, self.problems)

    def hub(self) -> Hub:
        self.problems.extend(source_problems(self._root))
        found = [self._server(entry) for entry in entries(self._root, "servers")]
        servers = tuple(sorted((each for each in found if each is not None), key=lambda each: each.name))
        self.problems.extend(replaceable_sources(servers))
        gateway, profiles = self._gateway(), decode_profiles(self._root, self.problems)
        self.problems.extend(admission_problems(self._root, gateway, profiles, servers))
        name, age = value(self._root, "name"), value(self._root, "defaults", "minAge")
        return Hub(
            name=name if isinstance(name, str) else "",
            servers=servers,
            gateway=gateway,
            on_conflict=self._on_conflict(),
            stores=self._stores,
            owner=self._owner(self._root),
            moves=decode_moves(self._root, self.problems),
            policies=tuple(each for each in texts(self._root, "policies") if self._check_path(each, "read")),
            bundles=decode_bundles(self._root, self.problems),
            profiles=profiles,
            clients=decode_clients(self._root, self.problems),
            min_age=age if isinstance(age, str) else "",
            environment=self._variables.get("env", ""),
            span=self._root.span,
        )

    def _owner(self, node: Node) -> str:
        owner = value(node, "owner")
        return owner if isinstance(owner, str) else ""

    def _on_conflict(self) -> OnConflict:
        given = value(self._root, "gateway", "onConflict")
        return "prefix" if given == "prefix" else "first" if given == "first" else "error"

    def _gateway(self) -> Gateway:
        node = child(self._root, "gateway")
        listen, public = text_of(child(node, "listen")), text_of(child(node, "publicUrl"))
        self._check_place(listen, listen.value if listen else "", least=0)
        self._check_place(public, public.value.partition("://")[2] if public else "", least=1)
        return Gateway(
            listen=listen.value if listen else DEFAULT_LISTEN,
            public_url=public.value if public else "",
            groups=tuple(texts(node, "groups")),
            tokens=decode_tokens(self._root, self._references.read, self.problems),
        )

    def _check_place(self, text: Text | None, place: str, *, least: int) -> None:
        problem = why_no_place(place, least=least) if text is not None else ""
        if text is not None and problem:
            self.problems.append(Diagnostic(code=codes.BAD_VALUE, detail=problem, span=text.span))

    def _server(self, entry: Entry) -> Server | None:
        node = entry.value
        sourced = self._sourced(entry)
        origin = self._sourced_origin(node, sourced) if sourced is not None else self._origin(node)
        if origin is None or not isinstance(node, MapNode):
            return None
        self._check_run(entry, origin)
        of_catalogs = ("config", "override", "definitions") if sourced is None else ()
        self._refuse_keys(node, of_catalogs, "a server that comes from no catalog", "")
        if isinstance(origin, ToolContainers):
            self._refuse_keys(node, ("definitions",), "tools that are containers", "their catalog has all of each")
        self.problems.extend(unasked_problems(node, sourced))
        env = self._whole_env(node, sourced, origin)
        read, write = (tuple(self._paths(node, access, origin)) for access in ("read", "write"))
        self._check_own_code(origin, write)
        server = Server(
            name=entry.key,
            origin=origin,
            env=env,
            secrets=sourced.secrets if sourced is not None else self._secrets(node, env, origin),
            read=read,
            write=write,
            allow=tuple(texts(node, "tools", "allow")),
            deny=tuple(texts(node, "tools", "deny")),
            renames=dict(self._overrides(node, "rename")),
            descriptions=dict(self._overrides(node, "describe")),
            prefix=_prefix(node, sourced),
            enabled=value(node, "enabled") is not False,
            optional=value(node, "optional") is True,
            confinement=self._confinement(node, origin, sourced),
            source=sourced.source if sourced is not None else "",
            known_tools=sourced.tools if sourced is not None else (),
            override=sourced.override if sourced is not None else "",
            definitions=decode_definitions(node, sourced),
            no_tools=decode_no_tools(node),
            owner=self._owner(node) or self._owner(self._root),
            prompts=decode_filter(node, "prompts"),
            uris=decode_filter(node, "uris"),
            span=entry.key_span,
        )
        if self._entries is not None:
            self.problems.extend(self._entries.check(server, node))
        return server

    def _overrides(self, server: Node, key: str) -> Iterator[tuple[Text, Text]]:
        for entry in entries(server, "tools", key):
            text = self._text(entry.value)
            if text is not None:
                yield Text(value=entry.key, span=entry.key_span), text

    def _sourced(self, entry: Entry) -> Sourced | None:
        """Return what the catalog's entry comes to that the server is made from, if it is made from one."""
        if self._entries is None or value(entry.value, "from") is None:
            return None
        return self._entries.read(entry)

    def _secrets(self, node: Node, env: tuple[tuple[str, Text], ...], origin: Origin) -> tuple[SecretRef, ...]:
        return tuple(self._references.secrets(node, {name for name, _ in env}, origin))

    def _whole_env(self, node: Node, sourced: Sourced | None, origin: Origin) -> tuple[tuple[str, Text], ...]:
        """Return the variables of the catalog's entry with those of the hub, which win."""
        if isinstance(origin, Remote):
            self._refuse_keys(node, ("env", "paths", "args"), "a remote server", "mcphub does not start it")
            return ()
        env = dict(sourced.env if sourced is not None else ())
        env.update(self._env(node))
        if sourced is not None:
            self._refuse_keys(node, ("args",), "a catalog's server", "its arguments come from the catalog")
            taken = {secret.variable for secret in sourced.secrets}
            for entry in entries(node, "env"):
                if entry.key in taken:
                    detail = f"`{entry.key}` is a secret of the catalog's entry."
                    found = Diagnostic(code=codes.DUPLICATE_VARIABLE, detail=detail, span=entry.key_span)
                    self.problems.append(found)
        return tuple(sorted(env.items()))

    def _sourced_origin(self, node: Node, sourced: Sourced) -> Origin | None:
        if not isinstance(sourced.origin, Package):
            return sourced.origin
        package = self._placed(node, sourced.origin)
        for secret in sourced.secrets if package is not None and package.base is None else ():
            if secret.as_file:
                detail = "Only a container can get its secrets as files."
                self.problems.append(Diagnostic(code=codes.NOT_HERE, detail=detail, span=secret.span))
        return package

    def _origin(self, node: Node) -> Origin | None:
        readers = {"command": self._command, "package": self._package, "image": self._image, "remote": self._remote}
        given = [key for key in (*readers, "from") if child(node, key) is not None]
        return readers[given[0]](node) if len(given) == 1 and given[0] in readers else None

    def _command(self, node: Node) -> Origin | None:
        argv = self._texts(child(node, "command"))
        args = child(node, "args")
        if args is not None:
            self._problem(codes.UNKNOWN_KEY, "A command's arguments stand in `command` itself.", args)
        for text in argv:
            if looks_like_path(text.value):
                self._check_path(text, "read")
        return Command(argv=argv) if argv else None

    def _package(self, node: Node) -> Origin | None:
        package = text_of(child(node, "package"))
        match = _PACKAGE.match(package.value) if package is not None else None
        if package is None or match is None:
            return None
        is_npm = match["ecosystem"] == "npm"
        found = Package(
            ecosystem="npm" if is_npm else "pypi",
            name=match["name"] if is_npm else re.sub(r"[-_.]+", "-", match["name"]).lower(),
            version=match["version"],
            args=self._texts(child(node, "args")),
            span=package.span,
        )
        return self._placed(node, found)

    def _placed(self, node: Node, package: Package) -> Package | None:
        """Return `package` with the image that it runs in, where it runs in one."""
        if (value(node, "run") or value(self._root, "defaults", "run")) != "container":
            return package
        base = self._base(node, "node" if package.ecosystem == "npm" else "python", package.span)
        return replace(package, base=base) if base is not None else None

    def _base(self, node: Node, interpreter: str, span: Span) -> Image | None:
        """Return the image that a package runs in as a container."""
        given = self._text(child(node, "base")) or self._text(child(self._root, "defaults", "base", interpreter))
        if given is None:
            detail = f"A package that runs as a container needs an image with {interpreter} to run in."
            help_ = f"add `base: IMAGE`, or `defaults: {{base: {{{interpreter}: IMAGE}}}}` for all of them"
            self.problems.append(Diagnostic(code=codes.MISSING_KEY, detail=detail, span=span, help=help_))
            return None
        return self._image_of(given, ())

    def _image(self, node: Node) -> Origin | None:
        text = self._text(child(node, "image"))
        return self._image_of(text, self._texts(child(node, "args"))) if text is not None else None

    def _image_of(self, text: Text, args: tuple[Text, ...]) -> Image | None:
        reference = image.parse(text.value)
        if isinstance(reference, str):
            self.problems.append(Diagnostic(code=codes.BAD_VALUE, detail=reference, span=text.span))
            return None
        return Image(reference=reference, args=args, span=text.span)

    def _remote(self, node: Node) -> Origin | None:
        url = self._text(child(node, "remote", "url"))
        if url is None:
            return None
        reason = value(node, "remote", "private")
        remote = Remote(
            url=url,
            headers=self._references.plain_headers(node),
            reason=reason if isinstance(reason, str) else "",
            transport="sse" if value(node, "remote", "transport") == "sse" else "streamable-http",
            span=url.span,
        )
        problem = why_no_endpoint(url.value, private=bool(remote.reason))
        if problem:
            self.problems.append(Diagnostic(code=codes.BAD_VALUE, detail=problem, span=url.span))
        return remote

    def _confinement(self, node: Node, origin: Origin, sourced: Sourced | None) -> Confinement | None:
        if not (isinstance(origin, Package) and origin.base is not None):
            self._refuse_keys(node, ("base",), "what is no package in a container", "")
        if isinstance(origin, (Image, ToolContainers)) or (isinstance(origin, Package) and origin.base is not None):
            granted = () if isinstance(origin, ToolContainers) else ("paths",)
            self._refuse_keys(node, granted, "a container", "give it `mounts`")
            confinement, problems = container.decode_confinement(
                node,
                mounts=sourced.mounts if sourced is not None else (),
                user=sourced.user if sourced is not None else "",
                place=origin.span,
            )
            self.problems.extend(problems)
            if sourced is not None:
                is_declared = child(node, "network") is not None
                self.problems.extend(network_notes(sourced, confinement.network, origin.span, is_declared=is_declared))
            return confinement
        kind = "a remote server" if isinstance(origin, Remote) else "a process"
        self._refuse_keys(node, container.KEYS, kind, "only what runs as a container is held in by it")
        return None

    def _refuse_keys(self, node: Node, keys: tuple[str, ...], kind: str, help_: str) -> None:
        for key in keys:
            found = child(node, key)
            if found is not None:
                detail = f"`{key}` means nothing to {kind}, which this server is."
                self.problems.append(Diagnostic(code=codes.NOT_HERE, detail=detail, span=found.span, help=help_))

    def _check_run(self, entry: Entry, origin: Origin) -> None:
        own = child(entry.value, "run")
        declared = value(own) or value(self._root, "defaults", "run")
        if isinstance(origin, (Image, ToolContainers)):
            if own is not None and value(own) == "process":
                self._problem(codes.NOT_HERE, f"{_ALWAYS_CONTAINED[type(origin)]} always runs as a container.", own)
        elif isinstance(origin, Remote):
            if own is not None:
                self._problem(codes.NOT_HERE, "A remote server is run by others.", own)
        elif declared is None:
            detail = f"`servers.{entry.key}` does not say where it runs, and `defaults.run` does not either."
            help_ = "add `run: process`, or `defaults: {run: process}` for all servers"
            self.problems.append(Diagnostic(code=codes.MISSING_KEY, detail=detail, span=entry.key_span, help=help_))
        elif declared == "container" and isinstance(origin, Command):
            self._refuse_container(entry, own)

    def _refuse_container(self, entry: Entry, own: Node | None) -> None:
        place = own.span if own is not None else entry.key_span
        help_ = "add `run: process`, or give it an `image`"
        detail = "A command runs as a process."
        self.problems.append(Diagnostic(code=codes.NOT_HERE, detail=detail, span=place, help=help_))

    def _env(self, node: Node) -> Iterator[tuple[str, Text]]:
        for entry in sorted(entries(node, "env"), key=lambda each: each.key):
            text = self._text(entry.value)
            if text is not None:
                yield entry.key, text

    def _text(self, node: Node | None) -> Text | None:
        text = text_of(node)
        return self._filled(text) if text is not None else None

    def _filled(self, text: Text) -> Text:
        filled, problems = fill(text, self._variables)
        self.problems.extend(problems)
        self.problems.extend(literal_secrets(text, filled))
        return filled

    def _texts(self, node: Node | None) -> tuple[Text, ...]:
        return tuple(self._filled(text) for text in texts(node))

    def _paths(self, server: Node, access: str, origin: Origin) -> Iterator[Text]:
        for text in self._texts(child(server, "paths", access)):
            if isinstance(origin, ToolContainers):
                yield Text(value=container.clean(text.value), span=text.span)
            elif self._check_path(text, access):
                yield Text(value=normpath(text.value), span=text.span)

    def _check_own_code(self, origin: Origin, write: tuple[Text, ...]) -> None:
        words = origin.argv if isinstance(origin, Command) else ()
        script = next((text for text in words if looks_like_path(text.value)), None)
        if script is not None and is_below(script.value, {text.value for text in write}):
            detail = f"`{script.value}` is what the server runs, and it may write there."
            self.problems.append(Diagnostic(code=codes.PATH, detail=detail, span=script.span))

    def _check_path(self, text: Text, access: str) -> bool:
        problem = why_not_granted(normpath(text.value), access)
        if problem:
            found = Diagnostic(code=codes.PATH, detail=f"`{text.value}` {problem}.", span=text.span)
            self.problems.append(found)
        return not problem

    def _problem(self, code: codes.Code, detail: str, node: Node) -> None:
        self.problems.append(Diagnostic(code=code, detail=detail, span=node.span))


def _prefix(node: Node, sourced: Sourced | None) -> str:
    given = value(node, "prefix")
    if isinstance(given, str):
        return given
    return sourced.prefix if sourced is not None else ""
