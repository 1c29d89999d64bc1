"""Whether another user can reach a path: each folder on the way, each symbolic link, and the thing itself."""

import os
import stat
from collections import deque
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_MAX_LINKS = 40
"""As many symbolic links as the kernel follows (path_resolution(7))."""

READ, WRITE, EXECUTE = 4, 2, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The first place where the way to a path is shut, and why: ``missing``, ``closed`` or ``too many links``."""

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
    to walking. It judges by permission bits alone: an access list that grants more is not seen, so the answer errs
    on the safe side.
    """
    here = "/"
    ahead = deque(PurePosixPath(path).parts[1:])
    links = 0
    while True:
        try:
            status = os.lstat(here)
        except OSError as problem:
            return Closed(path=here, reason=(problem.strerror or "missing").lower())
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _MAX_LINKS:
                return Closed(path=here, reason="behind too many links")
            target = Path(here).readlink()
            ahead.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))
            here = "/" if target.is_absolute() else os.path.dirname(here)  # noqa: PTH120  (text, not a lookup)
            continue
        folder = stat.S_ISDIR(status.st_mode)
        needed = EXECUTE if ahead else wanted | (EXECUTE if folder else 0)
        if not _allows(status, uid, needed):
            return Closed(path=here, reason=f"closed to other users (mode {stat.S_IMODE(status.st_mode):04o})")
        if not ahead:
            return None
        step = ahead.popleft()
        # The folder a link stood in is real by now, so ".." can be taken as text.
        here = os.path.dirname(here) if step == ".." else os.path.join(here, step)  # noqa: PTH118, PTH120
