"""The files that a project is made of, wherever they lie: one way to ask for them, and the folder that has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mcphub_gitops.runtime.files import digests_of, find_files, names_in, read_file


class Tree(Protocol):
    """The files below a project's folder, by names with slashes that are relative to it.

    All of them raise RuntimeFailure when what is there cannot be read.
    """

    def read(self, name: str, *, limit: int) -> bytes | None:
        """Return at most `limit` + 1 bytes of a document of the hub; None where there is none."""

    def read_inside(self, name: str, *, limit: int) -> bytes | None:
        """Return the same of a file whose real place is in the folder; None where no such file is there."""

    def find(self, pattern: str, *, limit: int) -> dict[str, bytes | str]:
        """Return the files that the glob `pattern` matches, by name: what is in each, or why it is refused."""

    def names(self, folder: str) -> frozenset[str]:
        """Return the names in `folder`, none where there is no such folder."""

    def digests(self, names: Iterable[str], folders: Iterable[str] = ()) -> dict[str, str]:
        """Return the digests of those of `names` that are files, and of all files below `folders`, by name."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine; a `Tree`."""

    root: Path

    def read(self, name: str, *, limit: int) -> bytes | None:
        """See `Tree`; links are followed wherever they lead."""
        return read_file(self.root / name, limit=limit)

    def read_inside(self, name: str, *, limit: int) -> bytes | None:
        """See `Tree`."""
        path = self.root / name
        try:
            inside = path.resolve().is_relative_to(self.root.resolve())
        except (OSError, RuntimeError, ValueError):
            # A loop of links is a RuntimeError before Python 3.13, a NUL in a name a ValueError.
            return None
        return read_file(path, limit=limit) if inside else None

    def find(self, pattern: str, *, limit: int) -> dict[str, bytes | str]:
        """See `Tree`."""
        return find_files(self.root, pattern, limit=limit)

    def names(self, folder: str) -> frozenset[str]:
        """See `Tree`."""
        return names_in(self.root / folder)

    def digests(self, names: Iterable[str], folders: Iterable[str] = ()) -> dict[str, str]:
        """See `Tree`."""
        return digests_of(self.root, names, folders)
