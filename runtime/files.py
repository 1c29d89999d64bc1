"""Files as whole values: bounded reads, and writes that are there whole or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.runtime.failure import RuntimeFailure


def read_file(path: Path, *, limit: int) -> bytes | None:
    """Return at most `limit` + 1 bytes of the file (one more than allowed tells that there is more); None without one.

    Raises RuntimeFailure when it is there and cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RuntimeFailure(f"{path.name} cannot be read", detail=f"{path}: {error.strerror}") from error


def write_file(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace the file's content in one step that survives a crash: written beside it, synced, renamed.

    Raises RuntimeFailure, and leaves the old file as it was, when the disk refuses.
    """
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
        sync_folder(path.parent)
    except OSError as error:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
        raise RuntimeFailure(
            f"{path.name} cannot be written",
            detail=f"{path}: {error.strerror}",
            resolution="look at the disk's free space and at the folder's permissions",
        ) from error


def names_in(folder: Path) -> frozenset[str]:
    """Return the names in `folder`, none where there is no such folder; raises RuntimeFailure when it is closed."""
    try:
        return frozenset(each.name for each in folder.iterdir())
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise RuntimeFailure(
            f"{folder.name} cannot be looked into",
            detail=f"{folder}: {error.strerror}",
            resolution="run mcphub as the user who ran it before",
        ) from error


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a crash; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(root: Path, relative: str) -> str | None:
    """Return the digest of a regular file below `root`, however many links lead there; None when there is none.

    A path whose real place is outside of `root` counts as none.
    """
    try:
        path = (root / relative).resolve(strict=True)
        if not path.is_relative_to(root.resolve()) or not path.is_file():
            return None
        return digest(path.read_bytes())
    except OSError:
        return None
