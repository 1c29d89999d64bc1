"""The files of a project as a commit has them."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Final

from mcphub_gitops.runtime.adapters.commits import FILES, FOLDER, LINK, Entry, Repository
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import MOST_FILES

_MOST_LINKS: Final = 40
"""How many links may lead to a file, as of Linux."""

_LINK_BYTES: Final = 4096
_ANY_DEPTH: Final = "**"

_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """A real place in a commit, links followed: the names that lead there from its root, and what is there."""

    path: _Path
    entry: Entry


@dataclass(frozen=True)
class CommitTree:
    """The files of a commit below a folder of its repository, by the names that lead there; a `tree.Tree`.

    Links are followed as far as they stay in the repository: what lies beyond is another thing on each machine.
    """

    repository: Repository
    commit: str
    folder: _Path

    def read(self, name: str, *, limit: int) -> bytes | None:
        """See `tree.Tree`; a link that leads out of the repository is a failure."""
        place = self._find(name)
        return None if place is None else self._read(name, place, limit)

    def read_inside(self, name: str, *, limit: int) -> bytes | None:
        """See `tree.Tree`."""
        place = self._find(name, strict=False)
        return self._read(name, place, limit) if place is not None and self._is_inside(place) else None

    def find(self, pattern: str, *, limit: int) -> dict[str, bytes | str]:
        """See `tree.Tree`; like a folder's, this neither follows links nor takes them for files."""
        parts = tuple(part for part in pattern.split("/") if part not in {"", "."})
        if pattern.startswith("/") or ".." in parts or not parts:
            return {}
        start = self._folder("")
        found = dict(self._matches(start, (), parts)) if start is not None else {}
        return {"/".join(path): self._taken(path, entry, limit) for path, entry in sorted(found.items())}

    def names(self, folder: str) -> frozenset[str]:
        """See `tree.Tree`."""
        found = self._folder(folder)
        return frozenset(self.repository.entries(found.id)) if found is not None else frozenset()

    def digests(self, names: Iterable[str], folders: Iterable[str] = ()) -> dict[str, str]:
        """See `tree.Tree`; of a submodule there is nothing."""
        found = dict.fromkeys(names)
        for folder in folders:
            place = self._find(folder, strict=False)
            if place is None or place.entry.mode != FOLDER:
                continue
            for path in self._below(place.entry, (folder,)):
                found["/".join(path)] = None
                if len(found) > MOST_FILES:
                    raise RuntimeFailure(
                        f"{folder} holds too many files to lock",
                        detail=f"it is the folder of a server's program, and more than {MOST_FILES} files are below it",
                        resolution="give the program a folder of its own",
                    )
        digests = ((name, self._digest(name)) for name in sorted(found))
        return {name: digest for name, digest in digests if digest}

    @cached_property
    def _root(self) -> Entry:
        return self.repository.root(self.commit)

    def _is_inside(self, place: _Place) -> bool:
        return place.path[: len(self.folder)] == self.folder

    def _read(self, name: str, place: _Place, limit: int) -> bytes:
        if place.entry.mode not in FILES:
            raise RuntimeFailure(f"{name} cannot be read", detail=f"at {self.commit} it is not a regular file")
        return self.repository.read(place.entry.id, limit=limit)

    def _digest(self, name: str) -> str:
        place = self._find(name, strict=False)
        if place is None or place.entry.mode not in FILES or not self._is_inside(place):
            return ""
        return self.repository.digest(place.entry.id)

    def _folder(self, name: str) -> Entry | None:
        place = self._find(name, strict=False)
        return place.entry if place is not None and place.entry.mode == FOLDER else None

    def _find(self, name: str, *, strict: bool = True) -> _Place | None:
        """Return where `name`, seen from the project's folder, really is; None where there is nothing.

        With `strict`, a link that leads out of the repository, or round in a circle, is a failure, else nothing.
        """
        try:
            return self._walk(deque((*self.folder, *name.split("/"))))
        except _OutsideError:
            if not strict:
                return None
            raise RuntimeFailure(
                f"{name} cannot be read",
                detail=f"at {self.commit} a link leads out of the repository, or round in a circle",
                resolution="put the file itself where the link is",
            ) from None

    def _walk(self, pending: deque[str]) -> _Place | None:
        trail = [_Place((), self._root)]
        links = 0
        while pending:
            part = pending.popleft()
            if part in {"", "."}:
                continue
            if part == "..":
                if len(trail) == 1:
                    raise _OutsideError
                trail.pop()
                continue
            here = trail[-1]
            entry = self.repository.entries(here.entry.id).get(part) if here.entry.mode == FOLDER else None
            if entry is None:
                return None
            if entry.mode == LINK:
                links += 1
                pending.extendleft(reversed(self._target(entry, links)))
            else:
                trail.append(_Place((*here.path, part), entry))
        return trail[-1]

    def _target(self, link: Entry, number: int) -> list[str]:
        target = self.repository.read(link.id, limit=_LINK_BYTES).decode("utf-8", "surrogateescape")
        if number > _MOST_LINKS or target.startswith("/") or len(target) > _LINK_BYTES:
            raise _OutsideError
        return target.split("/")

    def _matches(self, folder: Entry, path: _Path, parts: _Path) -> Iterator[tuple[_Path, Entry]]:
        """Yield what `parts` of a pattern match in `folder`; a link on the way stands for what is behind it."""
        first, *rest = parts
        if first == _ANY_DEPTH and rest:
            yield from self._matches(folder, path, tuple(rest))
        for name, entry in self.repository.entries(folder.id).items():
            if first == _ANY_DEPTH:
                if entry.mode == FOLDER:
                    yield from self._matches(entry, (*path, name), parts)
            elif not fnmatchcase(name, first):
                continue
            elif not rest or entry.mode == LINK:
                yield (*path, name), entry
            elif entry.mode == FOLDER:
                yield from self._matches(entry, (*path, name), tuple(rest))

    def _taken(self, path: _Path, entry: Entry, limit: int) -> bytes | str:
        if entry.mode == LINK:
            return f"is a link, or is reached through one ({'/'.join(path)})"
        if entry.mode not in FILES:
            return "is no regular file"
        return self.repository.read(entry.id, limit=limit)

    def _below(self, folder: Entry, path: _Path) -> Iterator[_Path]:
        for name, entry in self.repository.entries(folder.id).items():
            if entry.mode == FOLDER and name != "__pycache__":
                yield from self._below(entry, (*path, name))
            elif entry.mode in {LINK, *FILES}:
                yield (*path, name)


class _OutsideError(Exception):
    """A link leads out of the repository, or there are too many."""
