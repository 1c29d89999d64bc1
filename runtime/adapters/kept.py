"""What was worked out once of a project's files, in the user's own cache, by what it was worked out of.

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
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file

MOST_KEPT = 16
"""How many files of one kind are kept; the oldest go."""

_MAX_BYTES = 256 * 1024 * 1024
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_folder(environ: Mapping[str, str], project: Path, kind: str) -> Path | None:
    """Return where files of a kind are kept, as the XDG base directory specification says; None where that is no place.

    That is a relative path, and one in the project, which whoever changes the project could fill.
    """
    home = environ.get("XDG_CACHE_HOME") or (f"{environ['HOME']}/.cache" if environ.get("HOME") else "")
    folder = Path(home, "mcphub", kind)
    with suppress(OSError, RuntimeError, ValueError):
        # A loop of links is a RuntimeError before Python 3.13, a NUL in a name a ValueError.
        if Path(home).is_absolute() and not folder.resolve().is_relative_to(project.resolve()):
            return folder
    return None


@dataclass(frozen=True, kw_only=True)
class KeptFiles:
    """The files in `folder`, each by a key; without a folder, or where others may write to it, there is none.

    What is kept is what the modules of `rooms`, folders of the compiler, make of something: another edition of those
    may make something else of it, and finds nothing.
    """

    folder: Path | None
    rooms: tuple[str, ...]

    def read(self, key: str) -> bytes | None:
        """Return what is kept under `key`; None where nothing is."""
        file = self._file(key)
        with suppress(RuntimeFailure):
            return read_file(file, limit=_MAX_BYTES) if file is not None else None
        return None

    def write(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`; where that cannot be, nothing is kept, which only costs time."""
        file = self._file(key)
        if file is not None:
            with suppress(RuntimeFailure, OSError):
                write_file(file, data, mode=0o600)
                _remove_oldest(file.parent)

    def _file(self, key: str) -> Path | None:
        """Return where `key` is kept, its folder made; None where others may write there."""
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
        return self.folder / digest(f"{self._edition} {key}".encode()).removeprefix("sha256:")

    @cached_property
    def _edition(self) -> str:
        """The digest of all that decides what is made: a number that somebody counts up would be forgotten."""
        found = hashlib.sha256()
        for folder in (*(Path(compiler.__path__[0], room) for room in self.rooms), Path(schemas.__path__[0])):
            for file in sorted(each for each in folder.iterdir() if each.suffix in {".py", ".json"}):
                found.update(file.read_bytes())
        return found.hexdigest()


def _remove_oldest(folder: Path) -> None:
    files = sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime_ns, reverse=True)
    for file in files[MOST_KEPT:]:
        file.unlink()
