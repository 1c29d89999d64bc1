"""Hubs whose servers come from catalogs: loaded when there is one."""

from collections.abc import Callable

from mcphub_gitops.compiler.sourcing import files_of, understand_sourced
from mcphub_gitops.compiler.validation import Document, Validated


def understand(document: Document, read: Callable[[str], bytes | None]) -> Validated:
    """Understand `document` with the catalogs that `read` returns by the names of their files."""
    return understand_sourced(document, {name: read(name) for name in files_of(document)})
