"""A hub document whose servers come from catalogs: those are read, and it is understood with them.

Loaded when a hub has such servers: it costs a tenth of all that `mcphub validate` loads.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.resolve.catalog import Catalog, read_catalog
from mcphub_gitops.compiler.resolve.decode import declared_catalogs, used_catalogs
from mcphub_gitops.compiler.resolve.entry import Fill, Reference
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.path import why_not_granted
from mcphub_gitops.compiler.resolve.sourced import Reader
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.compiler.validation import Document, Files, Validated, open_document, understand


def files_of(document: Document) -> tuple[str, ...]:
    """Return the names of the files that `document` needs; none leads out of the hub's folder by its text."""
    paths = used_catalogs(document.root) if document.root is not None else {}
    return tuple(sorted({path.value for path in paths.values() if not why_not_granted(path.value, "read")}))


def understand_sourced(document: Document, files: Files) -> Validated:
    """Decode `document` with what is in its `files`; never raises on any input."""
    if document.root is None:
        return understand(document)
    problems: list[Diagnostic] = []
    others: list[Source] = []
    catalogs: dict[str, Catalog | None] = dict.fromkeys(declared_catalogs(document.root))
    for name, path in used_catalogs(document.root).items():
        catalogs[name], source, found = _catalog(path, files)
        others.extend([source] if source is not None else ())
        problems.extend(found)
    understood = understand(document, partial(_make_entries, catalogs))
    diagnostics = sort((*problems, *understood.diagnostics))
    return replace(understood, diagnostics=diagnostics, others=(*understood.others, *others))


def validate(name: str, data: bytes, files: Files | None = None) -> Validated:
    """Validate the hub document `data`, known to the user as `name`; never raises on any input."""
    return understand_sourced(open_document(name, data), files or {})


def _make_entries(
    catalogs: Mapping[str, Catalog | None], fill: Fill, reference: Reference, problems: list[Diagnostic]
) -> Reader:
    return Reader(catalogs=catalogs, fill=fill, reference=reference, problems=problems)


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
