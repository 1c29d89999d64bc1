"""What a server's secrets are: references in the document, never values, and the headers that they stand in."""

import re
from collections.abc import Iterator, Mapping
from posixpath import normpath

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.redaction import SCHEMES
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import MapNode, Node
from mcphub_gitops.compiler.resolve.entry import Fill, compose
from mcphub_gitops.compiler.resolve.model import Image, Origin, Package, Remote, SecretRef, Text
from mcphub_gitops.compiler.resolve.nodes import child, entries, value
from mcphub_gitops.compiler.resolve.nodes import text as text_of
from mcphub_gitops.compiler.resolve.path import RUNTIME_FOLDER

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_IN_HEADER = re.compile(r"\$\{secrets\.([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_HEADER = re.compile(r"^(?:proxy-)?authorization$|^cookie$|(?:^|-)(?:key|token|secret|password)$", re.IGNORECASE)
_REFERENCE = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<location>.+)\Z", re.DOTALL)


class References:
    """Reads them; `fill` fills the hub's templates in, and `problems` takes what is wrong."""

    def __init__(self, fill: Fill, problems: list[Diagnostic]) -> None:
        self._filled = fill
        self._problems = problems

    def secrets(self, node: Node, taken: set[str], origin: Origin) -> Iterator[SecretRef]:
        """Yield the secrets of a server that comes from no catalog; `taken` are its other variables.

        Those of a remote server are by header.
        """
        given: dict[str, SecretRef] = {}
        for entry in sorted(entries(node, "secrets"), key=lambda each: each.key):
            if entry.key in taken:
                detail = f"`{entry.key}` stands under `env` and under `secrets`."
                self._problems.append(Diagnostic(code=codes.DUPLICATE_VARIABLE, detail=detail, span=entry.key_span))
            if not _VARIABLE.fullmatch(entry.key):
                detail = f"`{entry.key}` is no name of an environment variable."
                self._problems.append(Diagnostic(code=codes.BAD_VALUE, detail=detail, span=entry.key_span))
            how = child(entry.value, "as")
            is_contained = isinstance(origin, Image) or (isinstance(origin, Package) and origin.base is not None)
            if how is not None and not is_contained:
                detail = "Only a container can get its secrets as files."
                self._problems.append(Diagnostic(code=codes.NOT_HERE, detail=detail, span=how.span))
            reference = self.read(entry.key, entry.value)
            if reference is not None:
                given[entry.key] = reference
        yield from self._header_secrets(node, given) if isinstance(origin, Remote) else given.values()

    def read(self, name: str, node: Node) -> SecretRef | None:
        """Return the reference that stands under the secret `name`, as text or with how it is handed over."""
        text = text_of(child(node, "ref") if isinstance(node, MapNode) else node)
        return self._reference(name, text, as_file=value(node, "as") == "file") if text is not None else None

    def plain_headers(self, node: Node) -> tuple[tuple[str, Text], ...]:
        """Return the headers of a remote server that have no secret in their value."""
        headers = [(name, text) for name, text, has_secret in self._headers(node) if not has_secret]
        for name, text in headers:
            self._refuse_literal(name, text)
        return tuple(headers)

    def refuse_template(self, text: Text) -> None:
        """Tell of a template in `text`, where none is filled in."""
        if "$" in text.value:
            detail = "No template is filled in here."
            help_ = "write the value itself; templates are filled where a server's values stand"
            self._problems.append(Diagnostic(code=codes.TEMPLATE, detail=detail, span=text.span, help=help_))

    def _reference(self, variable: str, text: Text, *, as_file: bool) -> SecretRef | None:
        match = _REFERENCE.match(text.value)
        if match is None:
            detail = f"`{variable}` holds a value; a secret is given as a reference, so that no value is committed."
            example = re.sub(r"[^A-Za-z0-9]", "_", variable).upper()
            help_ = f"write `env://{example}` and set that variable where mcphub runs, or `file://PATH`"
            found = Diagnostic(code=codes.SECRET_LITERAL, detail=detail, span=text.span, help=help_)
            self._problems.append(found)
            return None
        if match["scheme"] not in SCHEMES:
            detail = f"`{match['scheme']}` is not a scheme of secret references."
            help_ = suggest(match["scheme"], SCHEMES)
            found = Diagnostic(code=codes.SECRET_SCHEME, detail=detail, span=text.span, help=help_)
            self._problems.append(found)
            return None
        self.refuse_template(text)
        problem = "" if "$" in text.value else _why_no_location(match["scheme"], match["location"])
        if problem:
            self._problems.append(Diagnostic(code=codes.BAD_VALUE, detail=problem, span=text.span))
        return SecretRef(
            variable=variable, scheme=match["scheme"], location=match["location"], as_file=as_file, span=text.span
        )

    def _headers(self, node: Node) -> Iterator[tuple[str, Text, bool]]:
        """Yield each header, and whether its value has a secret in it."""
        for entry in entries(node, "remote", "headers"):
            text = text_of(entry.value)
            if text is not None:
                has_secret = _SECRET_IN_HEADER.search(text.value) is not None
                yield entry.key, text if has_secret else self._filled(text), has_secret

    def _refuse_literal(self, name: str, text: Text) -> None:
        if _SECRET_HEADER.search(name):
            detail = f"`{name}` is a header that lets somebody in, and its value stands here for all to read."
            help_ = f'add the secret, and write `{name}: "${{secrets.NAME}}"`'
            found = Diagnostic(code=codes.SECRET_LITERAL, detail=detail, span=text.span, help=help_)
            self._problems.append(found)

    def _header_secrets(self, node: Node, given: Mapping[str, SecretRef]) -> Iterator[SecretRef]:
        used: set[str] = set()
        for name, text, has_secret in self._headers(node):
            if not has_secret:
                continue
            parts: list[str | SecretRef] = []
            pieces = _SECRET_IN_HEADER.split(text.value)
            for place, piece in enumerate(pieces):
                if place % 2 == 0:
                    parts.append(self._filled(Text(value=piece, span=text.span)).value)
                elif piece in given:
                    parts.append(given[piece])
                    used.add(piece)
                else:
                    detail = f"No secret of the server is called `{piece}`."
                    found = Diagnostic(
                        code=codes.UNKNOWN_NAME, detail=detail, span=text.span, help=suggest(piece, given)
                    )
                    self._problems.append(found)
            yield compose(name, tuple(parts), text.span)
        for name in sorted(given.keys() - used):
            detail = f"`{name}` is used in no header, and a remote server gets nothing else."
            help_ = f"add `headers: {{Authorization: Bearer ${{secrets.{name}}}}}`"
            span = given[name].span
            self._problems.append(Diagnostic(code=codes.NOT_HERE, detail=detail, span=span, help=help_))


def _why_no_location(scheme: str, location: str) -> str:
    if scheme == "env" and not _VARIABLE.fullmatch(location):
        return "What follows `env://` is no name of an environment variable."
    if scheme == "file" and normpath(location).split("/")[0] == RUNTIME_FOLDER:
        return "mcphub's own files are no secrets for servers."
    return ""
