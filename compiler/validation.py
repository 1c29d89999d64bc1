"""The first phase that a user sees: one hub document, read, checked and decoded."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcphub_gitops.compiler.diagnostic import Diagnostic, sort
from mcphub_gitops.compiler.read import shape, syntax
from mcphub_gitops.compiler.read.redaction import hide_secrets
from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.resolve.decode import decode, takes_from_catalogs
from mcphub_gitops.compiler.resolve.entry import MakeEntries
from mcphub_gitops.compiler.resolve.model import Hub
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
    """A hub document that was read, and not yet understood; `uses_catalogs` when those have to be read first."""

    source: Source
    root: Node | None
    diagnostics: tuple[Diagnostic, ...]

    @property
    def uses_catalogs(self) -> bool:
        """Whether a server comes from a catalog."""
        return self.root is not None and takes_from_catalogs(self.root)


def open_document(name: str, data: bytes) -> Document:
    """Read the hub document `data`, known to the user as `name`; never raises on any input."""
    parsed = syntax.parse(name, data)
    source = hide_secrets(parsed.source, parsed.root)
    if parsed.root is None:
        return Document(source=source, root=None, diagnostics=parsed.diagnostics)
    shaped = shape.check(parsed.root, load_schema("hub.v1"))
    return Document(source=source, root=parsed.root, diagnostics=parsed.diagnostics + shaped)


def understand(document: Document, make_entries: MakeEntries | None = None) -> Validated:
    """Decode `document`; one that uses catalogs needs what reads their entries. Never raises on any input."""
    if document.root is None:
        return Validated(source=document.source, hub=None, diagnostics=sort(document.diagnostics))
    hub, decoded = decode(document.root, make_entries)
    return Validated(source=document.source, hub=hub, diagnostics=sort((*document.diagnostics, *decoded)))
