"""Catalogs that others keep: fetched once, kept by digest, and never taken for something else than what is locked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.lock.model import LockedCatalog
from mcphub_gitops.compiler.read.bounds import MAX_CATALOG_BYTES
from mcphub_gitops.compiler.resolve.provenance import CatalogFile, CatalogSource
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file

Fetch = Callable[[CatalogSource, str, str], CatalogFile]
"""Returns what is at a source, at the commit in the second argument where there is one; the third says whose it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogShelf:
    """The catalogs that were fetched: a file each in `folder`, by digest."""

    folder: Path

    def find(self, locked: LockedCatalog) -> CatalogFile:
        """Return what is locked, without data where it is not here, or not whole; raises RuntimeFailure."""
        data = read_file(self._file(locked.digest), limit=MAX_CATALOG_BYTES)
        return CatalogFile(
            data=data if data is not None and digest(data) == locked.digest else None, commit=locked.commit
        )

    def keep(self, data: bytes) -> None:
        """Keep `data`; raises RuntimeFailure when the disk refuses."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_file(self._file(digest(data)), data)

    def _file(self, name: str) -> Path:
        return self.folder / name.removeprefix("sha256:")


def fetch_locked(source: CatalogSource, locked: LockedCatalog, shelf: CatalogShelf, fetch: Fetch) -> CatalogFile:
    """Return what is locked, fetched again where it is not on the shelf.

    Raises RuntimeFailure when it cannot be fetched, or is something else by now.
    """
    kept = shelf.find(locked)
    if kept.data is not None:
        return kept
    whose = f"the catalog {source}"
    found = fetch(source, locked.commit, whose)
    if found.data is None or digest(found.data) != locked.digest:
        raise RuntimeFailure(
            f"{whose} is not what was locked",
            detail=f"the lock has {locked.digest}, and there is {digest(found.data or b'')} now",
            resolution="run `mcphub lock --catalogs` to take what is there now, and review what changes",
        )
    shelf.keep(found.data)
    return CatalogFile(data=found.data, commit=locked.commit)


def fetch_newest(source: CatalogSource, shelf: CatalogShelf, fetch: Fetch) -> CatalogFile:
    """Return what is at `source` now, and keep it; raises RuntimeFailure when it cannot be fetched."""
    found = fetch(source, "", f"the catalog {source}")
    if found.data is not None:
        shelf.keep(found.data)
    return found
