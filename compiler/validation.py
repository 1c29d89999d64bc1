"""The first phase that a user sees: one hub document with the catalogs that it names, read, checked and decoded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.read import shape, syntax
from mcphub_gitops.compiler.read.redaction import hide_secrets
from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.resolve.catalog import Catalog, read_catalog
from mcphub_gitops.compiler.resolve.decode import decode, used_catalogs
from mcphub_gitops.compiler.resolve.model import Hub, Text
from mcphub_gitops.compiler.resolve.path import why_not_granted
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.schemas import load_schema

Files = Mapping[str, bytes | None]
"""What is in files by their names as the hub gives them; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """A hub as far as it could be understood, its source for excerpts, and all that is wrong, in order of place.

    `others` are the sources of the catalogs.
    """

    source: Source
    hub: Hub | None
    diagnostics: tuple[Diagnostic, ...]
    others: tuple[Source, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that diagnostics may point into."""
        return (self.source, *self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A hub document that was read, and not yet understood: its catalogs have to be read first."""

    source: Source
    root: Node | None
    diagnostics: tuple[Diagnostic, ...]
    catalogs: Mapping[str, Text] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that must be read for it; none leads out of the hub's folder by its text."""
        return tuple(sorted({path.value for path in self.catalogs.values() if not why_not_granted(path.value, "read")}))


def open_document(name: str, data: bytes) -> Document:
    """Read the hub document `data`, known to the user as `name`; never raises on any input."""
    parsed = syntax.parse(name, data)
    source = hide_secrets(parsed.source, parsed.root)
    if parsed.root is None:
        return Document(source=source, root=None, diagnostics=parsed.diagnostics)
    shaped = shape.check(parsed.root, load_schema("hub.v1"))
    catalogs = MappingProxyType(used_catalogs(parsed.root))
    return Document(source=source, root=parsed.root, diagnostics=parsed.diagnostics + shaped, catalogs=catalogs)


def understand(document: Document, files: Files) -> Validated:
    """Decode `document` with what is in its `files`; never raises on any input."""
    if document.root is None:
        return Validated(source=document.source, hub=None, diagnostics=sort(document.diagnostics))
    problems = list(document.diagnostics)
    catalogs: dict[str, Catalog | None] = {}
    others: list[Source] = []
    for name, path in document.catalogs.items():
        catalogs[name], source, found = _catalog(path, files)
        others.extend([source] if source is not None else ())
        problems.extend(found)
    hub, decoded = decode(document.root, catalogs)
    return Validated(source=document.source, hub=hub, diagnostics=sort((*problems, *decoded)), others=tuple(others))


def validate(name: str, data: bytes, files: Files | None = None) -> Validated:
    """Validate the hub document `data`, known to the user as `name`; never raises on any input."""
    return understand(open_document(name, data), files or {})


def _catalog(path: Text, files: Files) -> tuple[Catalog | None, Source | None, tuple[Diagnostic, ...]]:
    problem = why_not_granted(path.value, "read")
    if problem:
        return None, None, (Diagnostic(code=codes.PATH, detail=f"`{path.value}` {problem}.", span=path.span),)
    data = files.get(path.value)
    if data is None:
        detail = f"There is no file `{path.value}` in the hub's folder."
        return None, None, (Diagnostic(code=codes.UNKNOWN_NAME, detail=detail, span=path.span),)
    catalog, source, found = read_catalog(path.value, data)
    return (None if has_errors(found) else catalog), source, found
