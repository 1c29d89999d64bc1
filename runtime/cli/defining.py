"""Projects with many tool definitions: loaded when there are so many that to keep what is in them is worth it."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from mcphub_gitops.compiler.compilation import ReadDefinitions
from mcphub_gitops.runtime.adapters.definition_cache import DefinitionCache
from mcphub_gitops.runtime.adapters.kept import cache_folder


def open_definitions(root: Path, folder: str) -> AbstractContextManager[ReadDefinitions]:
    """Open what reads the definitions in `folder` of the project in `root`, and has those that were read before."""
    return DefinitionCache(folder=cache_folder(os.environ, root, "definitions")).open(root / folder)
