"""One holder at a time: a kernel lock on a file, which ends with its holder however that ends (flock(2))."""

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mcphub_gitops.runtime.failure import LockHeldError, RuntimeFailure

_PAUSE = 0.05
_LONGEST = 256
_PID = re.compile("[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who said to hold a lock: a process, and what it is doing. Only for people: the kernel's lock decides."""

    pid: int
    doing: str


@contextmanager
def hold(
    path: Path, doing: str, *, wait: float = 0.0, what: str = "someone else is changing this hub"
) -> Iterator[None]:
    """Hold the lock on `path` while the block runs; raises LockHeldError when it is not free within `wait` seconds.

    `what` says why it is held, to whoever cannot have it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RuntimeFailure(f"{path.name} cannot be opened", detail=f"{path}: {error.strerror}") from error
    try:
        if not _acquire(descriptor, wait):
            raise _held(path, doing, what)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {doing}\n".encode())
        yield
    finally:
        os.close(descriptor)


def holder_of(path: Path) -> Holder | None:
    """Return who holds the lock on `path` now, or None."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _acquire(descriptor, 0.0):
            return None
        pid, _, doing = os.read(descriptor, _LONGEST).decode("utf-8", "replace").strip().partition(" ")
        return Holder(pid=int(pid) if _PID.fullmatch(pid) else 0, doing=doing)
    finally:
        os.close(descriptor)


def wait_until_free(path: Path, seconds: float) -> bool:
    """Wait until nobody holds the lock on `path`; return whether that came within `seconds`."""
    deadline = time.monotonic() + seconds
    while holder_of(path) is not None:
        if time.monotonic() > deadline:
            return False
        _pause()
    return True


def _acquire(descriptor: int, wait: float) -> bool:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            _pause()
        else:
            return True


def _pause() -> None:
    time.sleep(_PAUSE)  # noqa: TID251  (both loops here poll with a deadline: flock has no timeout of its own)


def _held(path: Path, doing: str, what: str) -> LockHeldError:
    holder = holder_of(path)
    who = f"process {holder.pid} is at `{holder.doing}`" if holder is not None else "its holder has just changed"
    return LockHeldError(
        f"`{doing}` cannot begin: {what}",
        detail=who,
        resolution="wait until it has ended, or end it",
        retryable=True,
    )
