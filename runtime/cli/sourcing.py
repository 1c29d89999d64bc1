"""Hubs whose servers come from catalogs: loaded when there is one."""

import os
from pathlib import Path

from mcphub_gitops.compiler.sourcing import OpenCatalog, sources_of, understand_sourced
from mcphub_gitops.compiler.validation import Document, Validated
from mcphub_gitops.runtime.adapters.catalog_cache import CatalogCache
from mcphub_gitops.runtime.adapters.kept import cache_folder
from mcphub_gitops.runtime.project import ReadCatalog


def understand(root: Path, document: Document, read: ReadCatalog) -> Validated:
    """Understand `document` of the project in `root` with the catalogs that `read` returns."""
    files = {name: read(name, source) for name, source in sources_of(document).items()}
    return understand_sourced(document, files, opener(root))


def opener(root: Path) -> OpenCatalog:
    """Return what opens the catalogs of the project in `root`, and has those that were opened before."""
    return CatalogCache(folder=cache_folder(os.environ, root, "catalogs")).open
