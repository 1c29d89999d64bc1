"""Who speaks to a container: a kernel lock on a file, which ends with its holder (flock(2)).

The engine lets any number of clients attach, and gives each of them every line.
"""

import fcntl
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from mcphub_gitops.runtime.failure import RuntimeFailure

_LONGEST = 32


class Lease:
    """The right to speak to the container `name`, from its making until `release`; a context manager as well.

    `folder` is made when it is missing. The file stays unless it is `passing`, for a container whose name is used once.
    Raises RuntimeFailure, retryable and with the holder's process number, when somebody has it.
    """

    def __init__(self, folder: Path, name: str, *, passing: bool = False) -> None:
        self._descriptor = -1
        if "/" in name:
            raise RuntimeFailure(f"{name} is no name of a container")
        self._path = folder / f"{name}.lock"
        self._passing = passing
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = _locked(self._path)
        except BlockingIOError:
            raise RuntimeFailure(
                f"the container {name} is in use",
                detail=_holder_of(self._path),
                resolution="stop the other gateway, or wait until it has let go",
                retryable=True,
            ) from None
        except OSError as error:
            raise RuntimeFailure(
                f"the container {name} cannot be leased",
                detail=f"{self._path}: {error.strerror}",
                resolution="look at the permissions of the folder and at the disk's free space",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d" % os.getpid(), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        self.release()

    def release(self) -> None:
        """Let go; may be called again."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        if self._passing:
            with suppress(OSError):
                self._path.unlink()
        os.close(descriptor)


def is_held(folder: Path, name: str) -> bool:
    """Tell whether somebody has the lease on the container `name`; nothing is made for the answer."""
    try:
        descriptor = os.open(folder / f"{name}.lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked(path: Path) -> int:
    """Open and lock `path`; raises BlockingIOError when somebody holds it."""
    while True:
        with ExitStack() as undo:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            undo.callback(os.close, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last holder may have removed it between both calls.
            if _is(descriptor, path):
                undo.pop_all()
                return descriptor


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _holder_of(path: Path) -> str:
    with suppress(OSError):
        text = path.read_bytes()[:_LONGEST]
        if text.isdigit():
            return f"process {text.decode()} speaks to it"
    return "another process speaks to it"
