"""A hub document whose servers come from catalogs: those are read, and it is understood with them.

Loaded when a hub has such servers: it costs a tenth of all that `mcphub validate` loads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.read.redaction import redact
from mcphub_gitops.compiler.resolve.catalog import Catalog, Opened
from mcphub_gitops.compiler.resolve.entry import Fill, Reference
from mcphub_gitops.compiler.resolve.lookup import Catalogs, Lookup
from mcphub_gitops.compiler.resolve.model import HubCatalog
from mcphub_gitops.compiler.resolve.path import why_not_granted
from mcphub_gitops.compiler.resolve.provenance import (
    CatalogFile,
    CatalogSource,
    declared_names,
    search_order,
    used_sources,
)
from mcphub_gitops.compiler.resolve.published import open_catalog
from mcphub_gitops.compiler.resolve.sourced import Reader
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.compiler.validation import Document, Files, Validated, open_document, understand

OpenCatalog = Callable[[str, bytes, str], Opened]
"""Returns what is in a catalog, by the name that the user knows, its bytes and their digest."""

_ABSENT = CatalogFile(data=None)


def sources_of(document: Document) -> dict[str, CatalogSource]:
    """Return the sources of the catalogs that `document` needs, by name; no path leads out of the hub's folder."""
    found = used_sources(document.root) if document.root is not None else {}
    return {name: source for name, source in found.items() if not why_not_read(source)}


def _open_anew(name: str, data: bytes, _digest: str) -> Opened:
    return open_catalog(name, data)


def understand_sourced(
    document: Document, files: Mapping[str, CatalogFile], open_: OpenCatalog = _open_anew
) -> Validated:
    """Decode `document` with what is in `files`, by the names of the catalogs; never raises on any input.

    `open_` has the catalogs that were opened before.
    """
    if document.root is None:
        return understand(document)
    found = {
        name: _open(name, source, files.get(name, _ABSENT), open_)
        for name, source in used_sources(document.root).items()
    }
    catalogs: dict[str, Catalog | None] = dict.fromkeys(declared_names(document.root))
    catalogs |= {name: each.catalog for name, each in found.items()}
    understood = understand(document, partial(_make_entries, catalogs, search_order(document.root)))
    others = (*understood.others, *(each.text for each in found.values() if each.text is not None))
    problems = sort((*(each for one in found.values() for each in one.problems), *understood.diagnostics))
    return replace(
        understood,
        hub=replace(understood.hub, catalogs=_pins(found)) if understood.hub is not None else None,
        diagnostics=redact(problems, (document.source, *others)),
        others=others,
    )


def validate(name: str, data: bytes, files: Files | None = None) -> Validated:
    """Validate the hub document `data`, known to the user as `name`; `files` are the catalogs' by their sources.

    Never raises on any input.
    """
    return understand_with(open_document(name, data), files or {})


def understand_with(document: Document, files: Files) -> Validated:
    """Decode `document`; `files` are the catalogs' by their sources. Never raises on any input."""
    found = {name: CatalogFile(data=files.get(str(source))) for name, source in sources_of(document).items()}
    return understand_sourced(document, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A catalog, None where something is wrong with it, its text for excerpts, and its pins."""

    catalog: Catalog | None = None
    text: Source | None = None
    pins: HubCatalog | None = None
    problems: tuple[Diagnostic, ...] = ()


def _make_entries(
    catalogs: Catalogs,
    order: tuple[str, ...],
    fill: Fill,
    reference: Reference,
    problems: list[Diagnostic],
) -> Reader:
    lookup = Lookup(catalogs, order, problems)
    return Reader(lookup=lookup, fill=fill, reference=reference, problems=problems)


def _open(name: str, source: CatalogSource, file: CatalogFile, open_: OpenCatalog) -> _Found:
    why = why_not_read(source)
    if why:
        detail = f"`{source}` {why}."
        return _Found(problems=(Diagnostic(code=codes.PATH, detail=detail, span=source.span),))
    if file.data is None:
        return _Found(problems=(_missing(name, source),))
    found = digest(file.data)
    catalog, text, problems = open_(str(source), file.data, found)
    pins = HubCatalog(name=name, source=str(source), digest=found, commit=file.commit, span=source.span)
    return _Found(catalog=None if has_errors(problems) else catalog, text=text, pins=pins, problems=problems)


def _missing(name: str, source: CatalogSource) -> Diagnostic:
    if source.kind == "path":
        detail = f"There is no file `{source}` in the hub's folder."
        return Diagnostic(code=codes.UNKNOWN_NAME, detail=detail, span=source.span)
    detail = f"The catalog `{name}` is not on this machine as the lock has it, and nothing was fetched just now."
    help_ = "run `mcphub lock`: it fetches what is locked, and pins what is not"
    return Diagnostic(code=codes.NOT_FETCHED, detail=detail, span=source.span, help=help_)


def _pins(opened: Mapping[str, _Found]) -> tuple[HubCatalog, ...]:
    return tuple(each.pins for _, each in sorted(opened.items()) if each.pins is not None)


def why_not_read(source: CatalogSource) -> str:
    """Return why a file of the hub's folder is no place of a catalog, as the end of a sentence."""
    return why_not_granted(source.location, "read") if source.kind == "path" else ""
