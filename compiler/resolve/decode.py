"""Nodes to the model. What the schema check has already reported is skipped here, never reported twice."""

import re
from collections.abc import Iterator
from posixpath import normpath

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.redaction import SCHEMES, TOKEN_SHAPE
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import Entry, ListNode, MapNode, Node, ScalarNode
from mcphub_gitops.compiler.resolve.address import why_no_place
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
from mcphub_gitops.compiler.resolve.path import RUNTIME_FOLDER, is_below, looks_like_path, why_not_granted

_PACKAGE = re.compile(r"pypi:(?P<name>[^@]+)(?:@(?P<version>.+))?\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
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
        self._variables: dict[str, str] = {}
        for entry in _entries(root, "vars"):
            text = _plain_text(entry.value)
            if text is not None:
                self._variables[entry.key] = text.value
                self._refuse_token(text)
                self._refuse_template(text)

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
        listen, public = _plain_text(_child(node, "listen")), _plain_text(_child(node, "publicUrl"))
        self._check_place(listen, listen.value if listen else "", least=0)
        self._check_place(public, public.value.partition("://")[2] if public else "", least=1)
        return Gateway(
            listen=listen.value if listen else DEFAULT_LISTEN,
            public_url=public.value if public else "",
        )

    def _check_place(self, text: Text | None, place: str, *, least: int) -> None:
        problem = why_no_place(place, least=least) if text is not None else ""
        if text is not None and problem:
            self.problems.append(Diagnostic(code=codes.BAD_VALUE, detail=problem, span=text.span))

    def _server(self, entry: Entry) -> Server | None:
        node = entry.value
        origin = self._origin(node)
        if origin is None or not isinstance(node, MapNode):
            return None
        self._check_run(entry)
        prefix, enabled = _value(node, "prefix"), _value(node, "enabled")
        env = tuple(self._env(node))
        write = tuple(self._paths(node, "write"))
        self._check_own_code(origin, write)
        return Server(
            name=entry.key,
            origin=origin,
            env=env,
            secrets=tuple(self._secrets(node, {name for name, _ in env})),
            read=tuple(self._paths(node, "read")),
            write=write,
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
                if looks_like_path(text.value):
                    self._check_path(text, "read")
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
        self._refuse_template(text)
        problem = "" if "$" in text.value else _why_no_location(match["scheme"], match["location"])
        if problem:
            self.problems.append(Diagnostic(code=codes.BAD_VALUE, detail=problem, span=text.span))
        return SecretRef(variable=variable, scheme=match["scheme"], location=match["location"], span=text.span)

    def _text(self, node: Node | None) -> Text | None:
        text = _plain_text(node)
        if text is None:
            return None
        filled, problems = fill(text, self._variables)
        self.problems.extend(problems)
        self._refuse_token(filled)
        return filled

    def _texts(self, node: Node | None) -> tuple[Text, ...]:
        items = node.items if isinstance(node, ListNode) else ()
        texts = (self._text(item) for item in items)
        return tuple(text for text in texts if text is not None)

    def _paths(self, server: Node, access: str) -> Iterator[Text]:
        for text in self._texts(_child(_child(server, "paths"), access)):
            if self._check_path(text, access):
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

    def _refuse_token(self, text: Text) -> None:
        if TOKEN_SHAPE.search(text.value):
            detail = "The value has the shape of an access token or a private key."
            help_ = "move it to a secret store and refer to it under `secrets:`"
            found = Diagnostic(code=codes.SECRET_LITERAL, detail=detail, span=text.span, help=help_)
            self.problems.append(found)

    def _refuse_template(self, text: Text) -> None:
        if "$" in text.value:
            detail = "No template is filled in here."
            help_ = "write the value itself; templates are filled where a server's values stand"
            self.problems.append(Diagnostic(code=codes.TEMPLATE, detail=detail, span=text.span, help=help_))

    def _problem(self, code: codes.Code, detail: str, node: Node) -> None:
        self.problems.append(Diagnostic(code=code, detail=detail, span=node.span))


def _why_no_location(scheme: str, location: str) -> str:
    if scheme == "env" and not _VARIABLE.fullmatch(location):
        return "What follows `env://` is no name of an environment variable."
    if scheme == "file" and normpath(location).split("/")[0] == RUNTIME_FOLDER:
        return "mcphub's own files are no secrets for servers."
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
