"""Where a project's catalogs come from that are no files of its folder: what is kept, or what is fetched."""

from collections.abc import Collection
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.lock.model import LockedCatalog
from mcphub_gitops.compiler.read.bounds import MAX_CATALOG_BYTES
from mcphub_gitops.compiler.resolve.provenance import CatalogFile, CatalogSource
from mcphub_gitops.runtime.adapters.catalogs import CatalogShelf, fetch_locked, fetch_newest
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.failure import RuntimeFailure

if TYPE_CHECKING:
    from mcphub_gitops.runtime.apply.age import Cutoff


def find(folder: Path, _source: CatalogSource, locked: LockedCatalog | None) -> CatalogFile:
    """Return what is kept of a catalog as it is locked; asks nobody."""
    return CatalogShelf(folder=folder).find(locked) if locked is not None else CatalogFile(data=None)


def find_or_fetch(folder: Path, source: CatalogSource, locked: LockedCatalog | None) -> CatalogFile:
    """Return a catalog as it is locked; raises RuntimeFailure when it is neither kept nor to be had any more."""
    if locked is None:
        return CatalogFile(data=None)
    return fetch_locked(source, locked, CatalogShelf(folder=folder), _fetch)


def pin(folder: Path, source: CatalogSource, locked: LockedCatalog | None) -> CatalogFile:
    """Return a catalog as it is locked, or as it is now where it is not."""
    return find_or_fetch(folder, source, locked) if locked is not None else pin_anew(folder, source, None)


def pin_anew(folder: Path, source: CatalogSource, _locked: LockedCatalog | None) -> CatalogFile:
    """Return a catalog as it is now; raises RuntimeFailure when it cannot be fetched."""
    return fetch_newest(source, CatalogShelf(folder=folder), _fetch)


def look(source: CatalogSource) -> CatalogFile:
    """Return a catalog as it is now, and keep nothing; raises RuntimeFailure when it cannot be fetched."""
    return _fetch(source, "", f"the catalog {source}")


def renew(
    folder: Path,
    sources: Collection[str],
    cutoff: "Cutoff | None",
    source: CatalogSource,
    locked: LockedCatalog | None,
) -> CatalogFile:
    """Return a catalog of `sources` as it is now, where that is old enough, and any other as it is locked.

    Why one was kept as it is locked is told to `cutoff`. What the hub names by its commit has any age.
    """
    if str(source) not in sources and locked is not None:
        return find_or_fetch(folder, source, locked)
    found = pin_anew(folder, source, None)
    if cutoff is None or locked is None or source.commit or found.data is None or not cutoff.is_young(found.made):
        return found
    if digest(found.data) != locked.digest:
        cutoff.held[str(source)] = cutoff.tell(f"What is at {source} now", found.made, "its committer")
    return find_or_fetch(folder, source, locked)


def _fetch(source: CatalogSource, commit: str, whose: str) -> CatalogFile:
    if source.kind == "url":
        data: bytes = lazy.load("downloads").download(source.location, whose, MAX_CATALOG_BYTES)
        return CatalogFile(data=data)
    if which("git") is None:
        raise RuntimeFailure(
            f"The repository of {whose} cannot be read",
            detail="There is no program `git` on the PATH.",
            resolution="install git",
        )
    wanted = commit or source.commit or source.reference
    reader = lazy.load("repositories")
    data, found, made = reader.read(source.location, source.path, wanted, whose, MAX_CATALOG_BYTES)
    return CatalogFile(data=data, commit=found, made=made)
