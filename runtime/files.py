"""Files as whole values: bounded reads, and writes that are there whole or not at all."""

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.witness import doubt, is_listening, note_file, note_names

MOST_FILES = 20_000
"""How many files one server's code may have."""


def read_file(path: Path, *, limit: int) -> bytes | None:
    """Return at most `limit` + 1 bytes of the file (one more than allowed tells that there is more); None without one.

    Raises RuntimeFailure when it is there and cannot be read.
    """
    try:
        # Opened without waiting, so that a pipe in the place of a file does not hang.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                doubt(f"{path} is no regular file")
                raise RuntimeFailure(f"{path.name} cannot be read", detail=f"{path} is not a regular file")
            # Room is made for what is asked for, which for thousands of small files takes longer than reading them.
            data = _read(descriptor, min(limit, status.st_size) + 1)
            data += _read(descriptor, limit + 1 - len(data)) if len(data) > status.st_size else b""
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        note_file(path, None)
        return None
    except OSError as error:
        doubt(f"{path} cannot be read")
        raise RuntimeFailure(f"{path.name} cannot be read", detail=f"{path}: {error.strerror}") from error
    note_file(path, data, status.st_nlink)
    return data


def _read(descriptor: int, size: int) -> bytes:
    """Return the next `size` bytes, fewer where the file ends; a buffer takes longer than a small file."""
    data = os.read(descriptor, size)
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return data


def write_file(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace the file's content in one step that survives a crash: written beside it, synced, renamed.

    Without `mode` an existing file keeps its own, and a new one gets what the umask allows. A link is followed.
    Raises RuntimeFailure, and leaves the old file as it was, when the disk refuses.
    """
    temporary = ""
    doubt(f"{path} is written")
    try:
        path = path.resolve()
        mode = _mode_of(path) if mode is None else mode
        # As tempfile would, which takes 5 ms to load: too much for commands that write nothing.
        temporary = str(path.with_name(f".{path.name}.{os.urandom(8).hex()}"))
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
        sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
        raise RuntimeFailure(
            f"{path.name} cannot be written",
            detail=f"{path}: {getattr(error, 'strerror', None) or error}",
            resolution="look at the disk's free space and at the folder's permissions",
        ) from error


def _mode_of(path: Path) -> int:
    with suppress(FileNotFoundError):
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0o077)
    os.umask(umask)
    return 0o666 & ~umask


def find_files(root: Path, pattern: str, *, limit: int) -> dict[str, bytes | str]:
    """Return the files below `root` that the glob `pattern` matches, by name: what is in each, or why it is refused.

    Neither links nor what is reached through one is a file here, nor is what has a second name (a hard link), which
    could stand anywhere. A reason is the end of a sentence. At most `limit` + 1 bytes of a file are read.
    """
    _note_pattern(root, pattern)
    try:
        paths = sorted(root.glob(pattern))
    except (NotImplementedError, ValueError, OSError, RuntimeError):
        # An absolute pattern, one that is no glob (`**x`), or a folder that is closed: nothing is found.
        return {}
    names = [path.relative_to(root).as_posix() for path in paths if ".." not in path.relative_to(root).parts]
    found = {name: _content_of(root, name, limit) for name in names}
    if any(isinstance(content, str) for content in found.values()):
        doubt(f"{pattern} matches what is not used")
    return found


def _note_pattern(root: Path, pattern: str) -> None:
    """Tell the witness where files may come or go that `pattern` matches, if that is one folder."""
    if not is_listening():
        return
    folders, _, _ = pattern.rpartition("/")
    if pattern.startswith("/") or "**" in pattern or any(each in folders for each in ("*", "?", "[", "..")):
        doubt(f"{pattern} is looked for in several folders")
        return
    try:
        names_in(root / folders)
    except (RuntimeFailure, ValueError):
        # That nothing is found there is said by who looks.
        doubt(f"{folders} cannot be looked into")


def _content_of(root: Path, name: str, limit: int) -> bytes | str:
    path = root
    for part in Path(name).parts:
        path /= part
        if path.is_symlink():
            return f"is a link, or is reached through one ({path.relative_to(root).as_posix()})"
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    if status.st_nlink > 1:
        return "has a second name elsewhere (a hard link)"
    return read_file(path, limit=limit) or b""


def names_in(folder: Path) -> frozenset[str]:
    """Return the names in `folder`, none where there is no such folder; raises RuntimeFailure when it is closed."""
    try:
        names = frozenset(each.name for each in folder.iterdir())
    except FileNotFoundError:
        note_names(folder, None)
        return frozenset()
    except OSError as error:
        doubt(f"{folder} is closed")
        raise RuntimeFailure(
            f"{folder.name} cannot be looked into",
            detail=f"{folder}: {error.strerror}",
            resolution="run mcphub as the user who ran it before",
        ) from error
    note_names(folder, names)
    return names


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a crash; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digests_of(root: Path, names: Iterable[str], folders: Iterable[str] = ()) -> dict[str, str]:
    """Return the digests of those of `names` that are files below `root`, and of all files below `folders`.

    Compiled Python is left out: servers do not use what lies beside their sources (`apply.launch`). Links to folders
    are not followed. Raises RuntimeFailure when there are more than MOST_FILES.
    """
    found = dict.fromkeys(names)
    for folder in folders:
        doubt(f"all files below {folder} are looked at")
        for parent, below, files in os.walk(root / folder):
            below[:] = sorted(name for name in below if name != "__pycache__")
            found |= dict.fromkeys(os.path.relpath(os.path.join(parent, name), root) for name in files)  # noqa: PTH118
            if len(found) > MOST_FILES:
                raise RuntimeFailure(
                    f"{folder} holds too many files to lock",
                    detail=f"it is the folder of a server's program, and more than {MOST_FILES} files are below it",
                    resolution="give the program a folder of its own",
                )
    digests = {name: digest_of(root, name) for name in found}
    return {name: digest for name, digest in sorted(digests.items()) if digest is not None}


def check_code(root: Path, files: Mapping[str, str], folder: str) -> None:
    """Raise RuntimeFailure unless the files of a server are those that were locked, and none has come among them."""
    found = digests_of(root, files, (folder,) if folder else ())
    changed = sorted(name for name in {*found, *files} if found.get(name) != files.get(name))
    if changed:
        raise RuntimeFailure(
            f"{changed[0]} is not what was locked",
            detail=f"{len(changed)} of the server's files were changed, added or removed: {', '.join(changed[:5])}",
            resolution="restore them, or run `mcphub lock`, review what changed, and apply",
        )


def digest_of(root: Path, relative: str) -> str | None:
    """Return the digest of a regular file below `root`, however many links lead there; None when there is none.

    A path whose real place is outside of `root` counts as none.
    """
    try:
        path = (root / relative).resolve(strict=True)
        if not path.is_relative_to(root.resolve()) or not path.is_file():
            doubt(f"{relative} is no file of the project")
            return None
        data = path.read_bytes()
        note_file(root / relative, data, path.stat().st_nlink)
        return digest(data)
    except FileNotFoundError:
        note_file(root / relative, None)
        return None
    except (OSError, RuntimeError, ValueError):
        # A loop of links is a RuntimeError before Python 3.13, a NUL in a name a ValueError.
        doubt(f"{relative} is no file")
        return None


def leads_to(real: Path, socket: Path) -> bool:
    """Tell whether `socket` is, or lies below, a place without links; also where it has another name there."""
    try:
        return socket.resolve().is_relative_to(real) or real.samefile(socket)
    except (OSError, RuntimeError):
        # No engine listens there, and nothing can be said of its place.
        return False
