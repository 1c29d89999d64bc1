"""Catalogs that were read once, as the compiler understood them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mcphub_gitops.compiler.resolve.catalog import Opened
from mcphub_gitops.compiler.resolve.preserved import preserve, revive
from mcphub_gitops.compiler.resolve.published import open_catalog
from mcphub_gitops.runtime.adapters.kept import KeptFiles


@dataclass(frozen=True, kw_only=True)
class CatalogCache:
    """The catalogs in `folder` (`kept.cache_folder`); without one, each is read anew."""

    folder: Path | None

    def open(self, name: str, data: bytes, data_digest: str) -> Opened:
        """Return the catalog in `data`, as `published.open_catalog` does, and keep it where nothing is wrong with it.

        What cannot be kept, or is damaged, only costs time.
        """
        kept = self._files.read(data_digest)
        found = revive(name, data, kept) if kept is not None else None
        if found is not None:
            return *found, ()
        catalog, source, problems = open_catalog(name, data)
        if catalog is not None and not problems:
            self._files.write(data_digest, preserve(catalog, source))
        return catalog, source, problems

    @cached_property
    def _files(self) -> KeptFiles:
        return KeptFiles(folder=self.folder, rooms=("", "read", "resolve"))
