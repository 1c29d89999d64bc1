"""Catalogs that were read once, as the compiler understood them: in the user's own cache, by what they were read of.

Nothing of a project decides what is in it: the folder is the user's alone, and lies in no project.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mcphub_gitops import compiler, schemas
from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.resolve.catalog import Opened
from mcphub_gitops.compiler.resolve.preserved import preserve, revive
from mcphub_gitops.compiler.resolve.published import open_catalog
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file

MOST_KEPT = 16
"""How many catalogs are kept; the oldest go."""

_MAX_BYTES = 256 * 1024 * 1024
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_folder(environ: Mapping[str, str], project: Path) -> Path | None:
    """Return where catalogs are kept, as the XDG base directory specification says; None where that is no good place.

    That is a relative path, and one in the project, which whoever changes the project could fill.
    """
    home = environ.get("XDG_CACHE_HOME") or (f"{environ['HOME']}/.cache" if environ.get("HOME") else "")
    folder = Path(home, "mcphub", "catalogs")
    with suppress(OSError, RuntimeError, ValueError):
        # A loop of links is a RuntimeError before Python 3.13, a NUL in a name a ValueError.
        if Path(home).is_absolute() and not folder.resolve().is_relative_to(project.resolve()):
            return folder
    return None


@dataclass(frozen=True, kw_only=True)
class CatalogCache:
    """The catalogs in `folder`; without one, each is read anew."""

    folder: Path | None

    def open(self, name: str, data: bytes, data_digest: str) -> Opened:
        """Return the catalog in `data`, as `published.open_catalog` does, and keep it where nothing is wrong with it.

        What cannot be kept, or is damaged, only costs time.
        """
        file = self._file(data_digest)
        kept = _read(file) if file is not None else None
        found = revive(name, data, kept) if kept is not None else None
        if found is not None:
            return *found, ()
        catalog, source, problems = open_catalog(name, data)
        if file is not None and catalog is not None and not problems:
            with suppress(RuntimeFailure, OSError):
                write_file(file, preserve(catalog, source), mode=0o600)
                _remove_oldest(file.parent)
        return catalog, source, problems

    def _file(self, data_digest: str) -> Path | None:
        """Return where the catalog with a digest is kept, its folder made; None where others may write there."""
        if self.folder is None:
            return None
        try:
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            status = self.folder.lstat()
        except (OSError, ValueError):
            return None
        is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
        if not is_own or status.st_mode & _OTHERS_WRITE:
            return None
        return self.folder / digest(f"{self._edition} {data_digest}".encode()).removeprefix("sha256:")

    @cached_property
    def _edition(self) -> str:
        """The digest of all that decides what a catalog is read as: another edition of mcphub may refuse more."""
        folders = (
            Path(compiler.__path__[0]),
            Path(compiler.__path__[0], "read"),
            Path(compiler.__path__[0], "resolve"),
        )
        found = hashlib.sha256()
        for folder in (*folders, Path(schemas.__path__[0])):
            for file in sorted(each for each in folder.iterdir() if each.suffix in {".py", ".json"}):
                found.update(file.read_bytes())
        return found.hexdigest()


def _read(file: Path) -> bytes | None:
    with suppress(RuntimeFailure):
        return read_file(file, limit=_MAX_BYTES)
    return None


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime_ns, reverse=True)
    for file in files[MOST_KEPT:]:
        file.unlink()
