"""Nodes to the model. What the schema check has already reported is skipped here, never reported twice."""

import re
from collections.abc import Iterator
from posixpath import normpath

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.redaction import SCHEMES, TOKEN_SHAPE
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import Entry, ListNode, MapNode, Node, ScalarNode
from mcphub_gitops.compiler.resolve.expression import fill
from mcphub_gitops.compiler.resolve.model import (
    DEFAULT_LISTEN,
    Command,
    Gateway,
    Hub,
    Origin,
    Package,
    SecretRef,
    Server,
    Text,
)

RUNTIME_FOLDER = ".mcphub"
"""Where the runtime keeps generations, package environments and the token; never granted to a server."""

_LAST_PORT = 65535
_PACKAGE = re.compile(r"pypi:(?P<name>[^@]+)(?:@(?P<version>.+))?\Z")
_REFERENCE = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<location>.+)\Z", re.DOTALL)


def decode(root: Node) -> tuple[Hub, tuple[Diagnostic, ...]]:
    """Return the hub that `root` declares and what is wrong with it beyond its shape; never raises on user input."""
    decoder = _Decoder(root)
    return decoder.hub(), tuple(decoder.problems)


class _Decoder:
    """Carries the variables down and the problems up."""

    def __init__(self, root: Node) -> None:
        self.problems: list[Diagnostic] = []
        self._root = root
        self._variables = {
            entry.key: entry.value.value
            for entry in _entries(root, "vars")
            if isinstance(entry.value, ScalarNode) and isinstance(entry.value.value, str)
        }

    def hub(self) -> Hub:
        servers = (self._server(entry) for entry in _entries(self._root, "servers"))
        name = _value(self._root, "name")
        return Hub(
            name=name if isinstance(name, str) else "",
            servers=tuple(sorted((each for each in servers if each is not None), key=lambda each: each.name)),
            gateway=self._gateway(),
            span=self._root.span,
        )

    def _gateway(self) -> Gateway:
        node = _child(self._root, "gateway")
        listen = self._text(_child(node, "listen"))
        port = listen.value.rpartition(":")[2] if listen is not None else ""
        if listen is not None and port.isdecimal() and int(port) > _LAST_PORT:
            detail = f"A port is a number up to {_LAST_PORT}."
            self.problems.append(Diagnostic(code=codes.BAD_VALUE, detail=detail, span=listen.span))
        public = self._text(_child(node, "publicUrl"))
        return Gateway(
            listen=listen.value if listen else DEFAULT_LISTEN,
            public_url=public.value if public else "",
        )

    def _server(self, entry: Entry) -> Server | None:
        node = entry.value
        origin = self._origin(node)
        if origin is None or not isinstance(node, MapNode):
            return None
        self._check_run(entry)
        prefix, enabled = _value(node, "prefix"), _value(node, "enabled")
        env = tuple(self._env(node))
        return Server(
            name=entry.key,
            origin=origin,
            env=env,
            secrets=tuple(self._secrets(node, {name for name, _ in env})),
            read=tuple(self._paths(node, "read")),
            write=tuple(self._paths(node, "write")),
            allow=_plain_texts(_child(_child(node, "tools"), "allow")),
            deny=_plain_texts(_child(_child(node, "tools"), "deny")),
            prefix=prefix if isinstance(prefix, str) else "",
            enabled=enabled is not False,
            span=entry.key_span,
        )

    def _origin(self, node: Node) -> Origin | None:
        command = self._texts(_child(node, "command"))
        args_node = _child(node, "args")
        package = _child(node, "package")
        if command and package is None:
            if args_node is not None:
                detail = "A command's arguments stand in `command` itself."
                self._problem(codes.UNKNOWN_KEY, detail, args_node)
            for text in command:
                if normpath(text.value).startswith("../"):
                    detail = f"`{text.value}` lies outside of the hub's folder."
                    self.problems.append(Diagnostic(code=codes.PATH, detail=detail, span=text.span))
            return Command(argv=command)
        if isinstance(package, ScalarNode) and (match := _PACKAGE.match(str(package.value))) and not command:
            return Package(
                name=re.sub(r"[-_.]+", "-", match["name"]).lower(),
                version=match["version"],
                args=self._texts(args_node),
                span=package.span,
            )
        return None

    def _check_run(self, entry: Entry) -> None:
        declared = _value(entry.value, "run") or _value(_child(self._root, "defaults"), "run")
        if declared is None:
            detail = f"`servers.{entry.key}` does not say where it runs, and `defaults.run` does not either."
            help_ = "add `run: process`, or `defaults: {run: process}` for all servers"
            self.problems.append(Diagnostic(code=codes.MISSING_KEY, detail=detail, span=entry.key_span, help=help_))

    def _env(self, node: Node) -> Iterator[tuple[str, Text]]:
        for entry in sorted(_entries(node, "env"), key=lambda each: each.key):
            text = self._text(entry.value)
            if text is not None:
                yield entry.key, text

    def _secrets(self, node: Node, taken: set[str]) -> Iterator[SecretRef]:
        for entry in sorted(_entries(node, "secrets"), key=lambda each: each.key):
            if entry.key in taken:
                detail = f"`{entry.key}` stands under `env` and under `secrets`."
                self.problems.append(Diagnostic(code=codes.DUPLICATE_VARIABLE, detail=detail, span=entry.key_span))
            text = _plain_text(entry.value)
            reference = self._reference(entry.key, text) if text is not None else None
            if reference is not None:
                yield reference

    def _reference(self, variable: str, text: Text) -> SecretRef | None:
        match = _REFERENCE.match(text.value)
        if match is None:
            detail = f"`{variable}` holds a value; a secret is given as a reference, so that no value is committed."
            help_ = f"write `env://{variable}` and set that variable where mcphub runs, or `file://PATH`"
            found = Diagnostic(code=codes.SECRET_LITERAL, detail=detail, span=text.span, help=help_)
            self.problems.append(found)
            return None
        if match["scheme"] not in SCHEMES:
            detail = f"`{match['scheme']}` is not a scheme of secret references."
            help_ = suggest(match["scheme"], SCHEMES)
            found = Diagnostic(code=codes.SECRET_SCHEME, detail=detail, span=text.span, help=help_)
            self.problems.append(found)
            return None
        return SecretRef(variable=variable, scheme=match["scheme"], location=match["location"], span=text.span)

    def _text(self, node: Node | None) -> Text | None:
        text = _plain_text(node)
        if text is None:
            return None
        if TOKEN_SHAPE.search(text.value):
            detail = "The value has the shape of an access token or a private key."
            help_ = "move it to a secret store and refer to it under `secrets:`"
            found = Diagnostic(code=codes.SECRET_LITERAL, detail=detail, span=text.span, help=help_)
            self.problems.append(found)
        filled, problems = fill(text, self._variables)
        self.problems.extend(problems)
        return filled

    def _texts(self, node: Node | None) -> tuple[Text, ...]:
        items = node.items if isinstance(node, ListNode) else ()
        texts = (self._text(item) for item in items)
        return tuple(text for text in texts if text is not None)

    def _paths(self, server: Node, access: str) -> Iterator[Text]:
        for text in self._texts(_child(_child(server, "paths"), access)):
            path = normpath(text.value)
            problem = _why_not_granted(path, access)
            if problem:
                found = Diagnostic(code=codes.PATH, detail=f"`{text.value}` {problem}.", span=text.span)
                self.problems.append(found)
            else:
                yield Text(value=path, span=text.span)

    def _problem(self, code: codes.Code, detail: str, node: Node) -> None:
        self.problems.append(Diagnostic(code=code, detail=detail, span=node.span))


def _why_not_granted(path: str, access: str) -> str:
    first = path.partition("/")[0]
    if path.startswith("/") or first == "..":
        return "lies outside of the hub's folder"
    if first == RUNTIME_FOLDER:
        return "is where mcphub keeps its own files"
    if path == "." and access == "write":
        return "is the hub's own folder"
    return ""


def _child(node: Node | None, key: str) -> Node | None:
    entry = node.get(key) if isinstance(node, MapNode) else None
    return entry.value if entry is not None else None


def _value(node: Node | None, key: str) -> object:
    child = _child(node, key)
    return child.value if isinstance(child, ScalarNode) else None


def _entries(node: Node | None, key: str) -> tuple[Entry, ...]:
    child = _child(node, key)
    return child.entries if isinstance(child, MapNode) else ()


def _plain_text(node: Node | None) -> Text | None:
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return Text(value=node.value, span=node.span)
    return None


def _plain_texts(node: Node | None) -> tuple[Text, ...]:
    items = node.items if isinstance(node, ListNode) else ()
    texts = (_plain_text(item) for item in items)
    return tuple(text for text in texts if text is not None)
