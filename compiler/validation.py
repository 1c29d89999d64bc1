"""The first phase that a user sees: one hub document, read, checked and decoded."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, sort
from mcphub_gitops.compiler.read import bounds, hidden, shape, syntax
from mcphub_gitops.compiler.read.redaction import hide_secrets, redact
from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.resolve.decode import decode, takes_from_catalogs
from mcphub_gitops.compiler.resolve.entry import MakeEntries
from mcphub_gitops.compiler.resolve.model import Hub, Server
from mcphub_gitops.compiler.resolve.nodes import child
from mcphub_gitops.compiler.resolve.path import is_below
from mcphub_gitops.compiler.source import Source, Span
from mcphub_gitops.compiler.version import find_too_old
from mcphub_gitops.schemas import load_schema

Files = Mapping[str, bytes | None]
"""What is in files by their names as the hub gives them; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """A hub as far as it could be understood, its source for excerpts, and all that is wrong, in order of place.

    `others` are the sources of the files that it includes and of the catalogs.
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
    """A hub document that was read, and not yet understood; `uses_catalogs` when those have to be read first.

    `layers` are the trees that `root` came of where there were several: the hub's own, those of the files that it
    includes, and last the one of the `environment`. `others` are the sources of all but the first.
    """

    source: Source
    root: Node | None
    diagnostics: tuple[Diagnostic, ...]
    others: tuple[Source, ...] = ()
    layers: tuple[Node, ...] = ()
    environment: str = ""

    @property
    def uses_catalogs(self) -> bool:
        """Whether a server comes from a catalog."""
        return self.root is not None and takes_from_catalogs(self.root)

    @property
    def includes(self) -> bool:
        """Whether the document names other files that it is to be read with."""
        return self.root is not None and child(self.root, "include") is not None


def open_document(name: str, data: bytes) -> Document:
    """Read the hub document `data`, known to the user as `name`; never raises on any input."""
    part = read_part(name, data)
    if part.root is None or part.is_too_new:
        return Document(source=part.source, root=None, diagnostics=part.diagnostics)
    root, problems = check_whole(part.root)
    return Document(source=part.source, root=root, diagnostics=part.diagnostics + problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A document by itself: its text with what is secret hidden, its tree where there is one, and what is wrong.

    With `is_too_new` it needs a newer mcphub, and nothing else is wrong.
    """

    source: Source
    root: Node | None
    diagnostics: tuple[Diagnostic, ...]
    is_too_new: bool = False


def read_part(name: str, data: bytes) -> Part:
    """Read `data`, which is a hub document or a part of one; never raises on any input."""
    parsed = syntax.parse(name, data)
    source = hide_secrets(parsed.source, parsed.root)
    too_old = tuple(find_too_old(parsed.root))
    if too_old:
        return Part(source=source, root=parsed.root, diagnostics=too_old, is_too_new=True)
    problems = parsed.diagnostics
    if parsed.root is not None:
        problems += hidden.find_in_text(source) or hidden.find_in_values(source, parsed.root, hidden.OWN)
    return Part(source=source, root=parsed.root, diagnostics=problems)


def check_whole(root: Node) -> tuple[Node | None, tuple[Diagnostic, ...]]:
    """Return `root`, the whole tree of a hub, None where there is too much of it, and what its schema finds wrong."""
    excess = bounds.find_excess(root, "servers")
    return (None, excess) if excess else (root, shape.check(root, load_schema("hub.v1")))


def understand(document: Document, make_entries: MakeEntries | None = None) -> Validated:
    """Decode `document`; one that uses catalogs needs what reads their entries. Never raises on any input."""
    sources = (document.source, *document.others)
    if document.root is None:
        told = redact(sort(document.diagnostics), sources)
        return Validated(source=document.source, hub=None, diagnostics=told, others=document.others)
    hub, decoded = decode(document.root, make_entries, environment=document.environment)
    names = [source.name for source in sources]
    told = redact(sort((*document.diagnostics, *decoded, *_writable(hub, names))), sources)
    return Validated(source=document.source, hub=hub, diagnostics=told, others=document.others)


def _writable(hub: Hub, names: Iterable[str]) -> Iterator[Diagnostic]:
    """Yield what a server may write of the documents that the hub is made of, `names`."""
    for server in hub.servers:
        for path, span in _granted(server):
            held = next((name for name in names if is_below(name, {path})), "")
            if held:
                detail = f"`{server.name}` may write to `{path}`, where `{held}` decides what runs."
                yield Diagnostic(code=codes.PATH, detail=detail, span=span)


def _granted(server: Server) -> Iterator[tuple[str, Span]]:
    """Yield what a server may write to, each with the place that says so."""
    yield from ((text.value, text.span) for text in server.write)
    mounts = server.confinement.mounts if server.confinement is not None else ()
    yield from ((each.source, server.span) for each in mounts if each.kind == "bind" and not each.read_only)
