"""What a server's secrets are: references in the document, never values, and the headers that they stand in."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.randomness import irregular_words
from mcphub_gitops.compiler.read.redaction import PASSWORD, SCHEMES, TOKEN_SHAPE
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import Entry, MapNode, Node
from mcphub_gitops.compiler.resolve.entry import Fill, compose
from mcphub_gitops.compiler.resolve.location import Location, locate, locations_in, split, why_no_key, why_no_words
from mcphub_gitops.compiler.resolve.model import Image, Origin, Package, Remote, SecretRef, Server, Text
from mcphub_gitops.compiler.resolve.nodes import child, entries, texts, value
from mcphub_gitops.compiler.resolve.nodes import text as text_of
from mcphub_gitops.compiler.resolve.path import is_below, looks_like_path
from mcphub_gitops.compiler.source import Span

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_IN_HEADER = re.compile(r"\$\{secrets\.([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_HEADER = re.compile(r"^(?:proxy-)?authorization$|^cookie$|(?:^|-)(?:key|token|secret|password)$", re.IGNORECASE)


class References:
    """Reads them; `fill` fills the hub's templates in, `stores` are the names of the declared stores.

    `problems` takes what is wrong.
    """

    def __init__(self, fill: Fill, stores: Collection[str], problems: list[Diagnostic]) -> None:
        self._filled = fill
        self._stores = stores
        self._problems = problems

    def secrets(self, node: Node, taken: set[str], origin: Origin) -> Iterator[SecretRef]:
        """Yield the secrets of a server that comes from no catalog; `taken` are its other variables.

        Those of a remote server are by header.
        """
        given: dict[str, SecretRef] = {}
        for entry in sorted(entries(node, "secrets"), key=lambda each: each.key):
            self._problems.extend(_problems(entry, taken, origin))
            reference = self.read(entry.key, entry.value)
            if reference is not None:
                given[entry.key] = reference
        declared = [entry.key for entry in entries(node, "secrets")]
        yield from self._header_secrets(node, given, declared) if isinstance(origin, Remote) else given.values()

    def read(self, name: str, node: Node) -> SecretRef | None:
        """Return the reference that stands under the secret `name`, as text or with how it is handed over."""
        as_file = value(node, "as") == "file"
        self._check_parts(name, node)
        if child(node, "exec") is not None:
            return self._program(name, node, as_file=as_file)
        if child(node, "store") is not None:
            return self._stored(name, node, as_file=as_file)
        text = text_of(child(node, "ref") if isinstance(node, MapNode) else node)
        return self._reference(name, text, as_file=as_file) if text is not None else None

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
        parts = split(text.value)
        if parts is None:
            detail = f"`{variable}` holds a value; a secret is given as a reference, so that no value is committed."
            example = re.sub(r"[^A-Za-z0-9]", "_", variable).upper()
            help_ = f"write `env://{example}` and set that variable where mcphub runs, or `file://PATH`"
            found = Diagnostic(code=codes.SECRET_LITERAL, detail=detail, span=text.span, help=help_)
            self._problems.append(found)
            return None
        if parts[0] not in SCHEMES:
            detail = f"`{parts[0]}` is not a scheme of secret references."
            help_ = suggest(parts[0], SCHEMES)
            found = Diagnostic(code=codes.SECRET_SCHEME, detail=detail, span=text.span, help=help_)
            self._problems.append(found)
            return None
        self.refuse_template(text)
        place = locate(text.value)
        if isinstance(place, str):
            if "$" not in text.value:
                code = codes.BAD_VALUE if parts[0] in {"env", "file"} else codes.SECRET_LOCATION
                self._tell(code, place, text.span)
            return None
        return self._located(variable, place, text.span, as_file=as_file)

    def _check_parts(self, name: str, node: Node) -> None:
        """Tell of the parts of a key in a store that are missing, and of those that stand where there is no store."""
        has_store = child(node, "store") is not None
        for key in ("key", "field"):
            part = child(node, key)
            if has_store and part is None:
                self._tell(codes.MISSING_KEY, f"`{name}` is in a store and needs `{key}`.", node.span)
            elif part is not None and not has_store:
                self._tell(codes.NOT_HERE, f"`{key}` means nothing without a `store`.", part.span)

    def _program(self, variable: str, node: Node, *, as_file: bool) -> SecretRef | None:
        words = tuple(texts(node, "exec"))
        for word in words:
            self.refuse_template(word)
            self._problems.extend(literal_secrets(word, word))
        problem = why_no_words(tuple(word.value for word in words))
        if problem:
            span = words[0].span if words else node.span
            self._tell(codes.SECRET_LOCATION, problem, span)
            return None
        found = Location(scheme="exec", argv=tuple(word.value for word in words))
        return self._located(variable, found, words[0].span, as_file=as_file)

    def _stored(self, variable: str, node: Node, *, as_file: bool) -> SecretRef | None:
        store, key, field = (text_of(child(node, name)) for name in ("store", "key", "field"))
        if store is None or key is None or field is None:
            return None
        for part in (store, key, field):
            self.refuse_template(part)
        problem = why_no_key(key.value) or ("" if field.value else "The field has no name.")
        if problem:
            self._tell(codes.SECRET_LOCATION, problem, key.span)
            return None
        found = Location(scheme="store", store=store.value, path=key.value, field=field.value)
        return self._located(variable, found, store.span, as_file=as_file)

    def _located(self, variable: str, found: Location, span: Span, *, as_file: bool) -> SecretRef | None:
        if found.scheme == "store" and found.store not in self._stores:
            help_ = suggest(found.store, self._stores) if self._stores else "declare it under `secretStores:`"
            self._tell(codes.UNKNOWN_NAME, f"No secret store is called `{found.store}`.", span, help_)
            return None
        return SecretRef(variable=variable, scheme=found.scheme, location=found.text, as_file=as_file, span=span)

    def _tell(self, code: codes.Code, detail: str, span: Span, help_: str = "") -> None:
        self._problems.append(Diagnostic(code=code, detail=detail, span=span, help=help_))

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

    def _header_secrets(
        self, node: Node, given: Mapping[str, SecretRef], declared: Collection[str]
    ) -> Iterator[SecretRef]:
        """Yield the headers with a secret in them; a secret that is `declared` and not `given` has been told about."""
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
                elif piece not in declared:
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


def literal_secrets(written: Text, filled: Text) -> Iterator[Diagnostic]:
    """Yield what tells that a value is a secret: an error by the shape of `filled`, a warning by what was `written`."""
    if TOKEN_SHAPE.search(filled.value):
        detail = "The value has the shape of an access token or a private key."
        help_ = "move it to a secret store and refer to it under `secrets:`"
        yield Diagnostic(code=codes.SECRET_LITERAL, detail=detail, span=filled.span, help=help_)
        return
    password = PASSWORD.search(written.value)
    has_password = password is not None and "${" not in password[0]
    if has_password or next(irregular_words(written.value), None) is not None:
        detail = "It is a URL with a password." if has_password else "A part of it is as irregular as a key is."
        help_ = "if it is a secret, move it to a secret store and refer to it under `secrets:`"
        yield Diagnostic(code=codes.LOOKS_SECRET, detail=detail, span=written.span, help=help_)


def replaceable_sources(servers: Sequence[Server]) -> Iterator[Diagnostic]:
    """Yield the references whose program or file some server may write to.

    Such a program would run with more rights than the server. In the place of a file the server can put a link to any
    other one, which would then be read for it.
    """
    writable = {path: server.name for server in servers for path in written_by(server)}
    read = (
        (server, secret, source)
        for server in servers
        for secret in server.secrets
        for source in (*programs_of(secret), *files_of(secret, of_hub=True))
    )
    for server, secret, source in read:
        holder = next((path for path in sorted(writable) if is_below(source, {path})), "")
        if holder:
            detail = f"`{server.name}` gets a secret from `{source}`, and `{writable[holder]}` may write there."
            help_ = "keep it where no server writes"
            yield Diagnostic(code=codes.SECRET_SOURCE, detail=detail, span=secret.span, help=help_)


def programs_of(secret: SecretRef) -> tuple[str, ...]:
    """Return the files of the hub's folder that are run for `secret`, as its reference writes them."""
    words = (word for found in locations_in(str(secret)) for word in found.argv)
    return tuple(dict.fromkeys(word for word in words if looks_like_path(word)))


def files_of(secret: SecretRef, *, of_hub: bool = False) -> Iterator[str]:
    """Yield the files that `secret` is read from, as its reference writes them; with `of_hub`, those of its folder."""
    for found in locations_in(str(secret)):
        if found.scheme in {"file", "dotenv"} and not (of_hub and found.path.startswith("/")):
            yield found.path


def written_by(server: Server) -> Iterator[str]:
    """Yield the paths that `server` may write to."""
    yield from (text.value for text in server.write)
    mounts = server.confinement.mounts if server.confinement is not None else ()
    yield from (mount.source for mount in mounts if mount.kind == "bind" and not mount.read_only)


def _problems(secret: Entry, taken: Collection[str], origin: Origin) -> Iterator[Diagnostic]:
    """Yield what is wrong with a secret's name, and with how a server of `origin` is to get it."""
    if secret.key in taken:
        detail = f"`{secret.key}` stands under `env` and under `secrets`."
        yield Diagnostic(code=codes.DUPLICATE_VARIABLE, detail=detail, span=secret.key_span)
    if not _VARIABLE.fullmatch(secret.key):
        detail = f"`{secret.key}` is no name of an environment variable."
        yield Diagnostic(code=codes.BAD_VALUE, detail=detail, span=secret.key_span)
    how = child(secret.value, "as")
    is_contained = isinstance(origin, Image) or (isinstance(origin, Package) and origin.base is not None)
    if how is not None and not is_contained:
        detail = "Only a container can get its secrets as files."
        yield Diagnostic(code=codes.NOT_HERE, detail=detail, span=how.span)
