"""Whether another user can reach a path: each folder on the way, each symbolic link, the thing and its interpreter."""

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_MAX_LINKS = 40
"""As many symbolic links as the kernel follows (path_resolution(7))."""

_FIRST_LINE = 256
"""Bytes of a script that the kernel looks at for its interpreter (execve(2), BINPRM_BUF_SIZE)."""
_MAX_SCRIPTS = 4
"""As many scripts as may be each other's interpreter (execve(2))."""

READ, WRITE, EXECUTE = 4, 2, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The first place where the way to a path is shut, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path} is {self.reason}"


def _allows(status: os.stat_result, uid: int, wanted: int) -> bool:
    if status.st_uid == uid:
        return (status.st_mode >> 6) & wanted == wanted
    if status.st_gid == uid:
        return (status.st_mode >> 3) & wanted == wanted
    return status.st_mode & wanted == wanted


def closed_at(path: str, uid: int, wanted: int) -> Closed | None:
    """Return where the absolute `path` is shut to `uid` (whose only group has the same number), or None.

    `wanted` is a sum of READ, WRITE and EXECUTE on the thing itself; a folder that is to be read must also be open
    to walking. What is missing counts as open, since it will be made with the mode 0755: the folder it will stand in
    is judged. It judges by permission bits alone: an access list that grants more is not seen, so the answer errs on
    the safe side.
    """
    try:
        for here, status, on_the_way in _places(path):
            walk = EXECUTE if stat.S_ISDIR(status.st_mode) else 0
            if not _allows(status, uid, EXECUTE if on_the_way else wanted | walk):
                return Closed(path=here, reason=f"closed to other users (mode {stat.S_IMODE(status.st_mode):04o})")
    except FileNotFoundError:
        return None
    except OSError as problem:
        return Closed(path=problem.filename, reason=f"out of reach ({str(problem.strerror).lower()})")
    return None


def _places(path: str) -> Iterator[tuple[str, os.stat_result, bool]]:
    """Walk as the kernel does (path_resolution(7)): each place that is no link, and whether more lies ahead.

    Raises OSError with the place as its file name.
    """
    here = "/"
    ahead = deque(PurePosixPath(path).parts[1:])
    links = 0
    while True:
        status = os.lstat(here)
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), here)
            target = Path(here).readlink()
            ahead.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))
            here = "/" if target.is_absolute() else os.path.dirname(here)  # noqa: PTH120  (text, not a lookup)
            continue
        yield here, status, bool(ahead)
        if not ahead:
            return
        step = ahead.popleft()
        # The folder a link stood in is real by now, so ".." can be taken as text.
        here = os.path.dirname(here) if step == ".." else os.path.join(here, step)  # noqa: PTH118, PTH120


def programs_of(path: str, search: Sequence[str]) -> tuple[str, ...]:
    """Return the absolute `path` of a program and those of its interpreters, as its first line names them.

    A name behind ``env`` is looked for in the folders of `search`. What cannot be read or found ends the row.
    """
    found = [path]
    while len(found) <= _MAX_SCRIPTS:
        words = _first_line(found[-1])
        if not words or not words[0].startswith("/"):
            break
        found.append(words[0])
        if PurePosixPath(words[0]).name == "env":
            name = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
            hits = executables(name, search) if name else ()
            if not hits:
                break
            found.append(hits[0])
    return tuple(found)


def executables(name: str, search: Sequence[str]) -> tuple[str, ...]:
    """Return the executable files called `name` in the absolute folders of `search`, in its order."""
    paths = (str(Path(folder, name)) for folder in search if folder.startswith("/"))
    # Path.is_file raises where a folder on the way is closed.
    return tuple(path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK))  # noqa: PTH113


def _first_line(path: str) -> list[str]:
    try:
        with Path(path).open("rb") as stream:
            begin = stream.read(_FIRST_LINE)
    except OSError:
        return []
    if not begin.startswith(b"#!"):
        return []
    return os.fsdecode(begin[2:].partition(b"\n")[0]).split()
