"""Installed environments on disk: their names, the marker that makes one whole, and the lock on each.

An environment is built in the place where it stays, because a virtual environment's scripts hold that place. uv can
make scripts that can be moved (``--relocatable``), but these need ``realpath`` and ``dirname`` on the server's PATH,
fail without them, and cost 3 ms at every start (measured). So the marker is what makes an environment whole: it is
written last and removed first, and a folder without it is a leftover. That holds against a kill at any time; what a
power cut did to files that were not on the disk yet, the comparison of every file finds.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.runtime.adapters.inventory import take_inventory
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file

MARKER = ".mcphub-environment.json"
_OWN = frozenset({MARKER})
_LONGEST_MARKER = 1024 * 1024
_FOLDER = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """What is known of a whole environment.

    `home` is its absolute path, `python` the real path of its base Python and `readable` the folders that that needs.
    All three are empty where a container's interpreter runs it: that one may stand anywhere. `programs` are the names
    of the files in ``bin`` by distribution, and `files` is the digest of all files.
    """

    format: Literal["mcphub.environment/v1"] = "mcphub.environment/v1"
    digest: str
    package: str
    home: str
    python: str
    readable: tuple[str, ...]
    programs: Mapping[str, tuple[str, ...]]
    files: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Environments:
    """The folder of environments; `root` is a real path, and need not be there."""

    root: Path

    def prepare(self) -> None:
        """Make the folder, open to every user, unless it is there; raises RuntimeFailure."""
        try:
            if not self.root.is_dir():
                self.root.mkdir(parents=True, exist_ok=True)
                self.root.chmod(0o755)
        except OSError as error:
            raise RuntimeFailure(
                "the folder of package environments cannot be made",
                detail=f"{error.filename}: {error.strerror}",
                resolution="look at the disk's free space and at the folder's permissions",
            ) from error

    def home(self, digest: str) -> Path:
        """Return the folder of the environment `digest`; raises ValueError when that is not a digest."""
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise ValueError(digest)
        return self.root / match[1]

    def digests(self) -> Iterator[str]:
        """Name every folder that is called like an environment, whole or not; raises RuntimeFailure."""
        try:
            names = sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return
        except OSError as error:
            raise RuntimeFailure(
                "the package environments cannot be listed",
                detail=f"{self.root}: {error.strerror}",
                resolution="look at the permissions of the folder",
            ) from error
        yield from (f"sha256:{name}" for name in names if _FOLDER.fullmatch(name))

    def marker(self, digest: str) -> Marker | None:
        """Return the marker of `digest` where it is whole, as far as a short look tells.

        It was completed in this very place, and its Python leads where it led then: after an upgrade to another
        version of Python, a link that still resolves would find none of the packages. Where a container's interpreter
        runs it, neither matters.
        """
        home = self.home(digest)
        text = read_file(home / MARKER, limit=_LONGEST_MARKER)
        marker = _decode(text) if text is not None else None
        if marker is None or marker.digest != digest:
            return None
        stands = not (marker.home or marker.python) or _stands(marker, home)
        return marker if stands else None

    def is_intact(self, marker: Marker) -> bool:
        """Whether every file is what it was when the environment was completed, and none was added.

        Bytecode, scripts and links count as well, so that code cannot hide in what the wheels do not list. What
        cannot be read is not intact.
        """
        try:
            return fingerprint(take_inventory(self.home(marker.digest), leave_out=_OWN)) == marker.files
        except OSError:
            return False

    def complete(self, marker: Marker) -> None:
        """Make an environment whole by writing its marker; raises RuntimeFailure."""
        write_file(self.home(marker.digest) / MARKER, _encode(marker), mode=0o644)

    def discard(self, digest: str) -> None:
        """Remove what is there of `digest`, so that no half of it ever counts; raises RuntimeFailure."""
        home = self.home(digest)
        try:
            with suppress(FileNotFoundError, NotADirectoryError):
                (home / MARKER).unlink()
            with suppress(FileNotFoundError):
                shutil.rmtree(home)
        except OSError as error:
            raise RuntimeFailure(
                "a package environment cannot be removed",
                detail=f"{error.filename}: {error.strerror}",
                resolution="look at the permissions of the folder, and at what uses it",
            ) from error

    def sweep(self) -> None:
        """Remove what interrupted installations left behind, but nothing that is being installed now."""
        for digest in self.digests():
            if not (self.home(digest) / MARKER).exists():
                with self.locked(digest, wait=False) as held:
                    if held is not None and not (self.home(digest) / MARKER).exists():
                        self.discard(digest)

    @contextmanager
    def locked(self, digest: str, *, wait: bool = True) -> Iterator[int | None]:
        """Keep everyone else from changing `digest`; gives the open lock file, or None without waiting for it.

        The lock belongs to the open file: threads exclude each other as well as processes, and it is gone with the
        last process that holds the file (flock(2)). Raises RuntimeFailure when it cannot be made.
        """
        path = self.root / f".{self.home(digest).name}.lock"
        try:
            held = _acquire(path, wait=wait)
        except OSError as error:
            raise RuntimeFailure(
                "a package environment cannot be locked",
                detail=f"{path}: {error.strerror}",
                resolution="look at the disk's free space and at the folder's permissions",
            ) from error
        if held is None:
            yield None
            return
        try:
            yield held
        finally:
            os.close(held)
            _tidy(path)


def _stands(marker: Marker, home: Path) -> bool:
    """Whether a virtual environment is where its scripts expect it, and its Python where it was."""
    try:
        python = str((home / "bin" / "python").resolve(strict=True))
    except OSError:
        return False
    return (marker.home, marker.python) == (str(home), python) and os.access(python, os.X_OK)


def _encode(marker: Marker) -> bytes:
    return json.dumps(asdict(marker), indent=2).encode() + b"\n"


def _decode(text: bytes) -> Marker | None:
    """Return the marker that is written as `text`, to the byte; None for everything else."""
    try:
        found = json.loads(text)
        marker = Marker(
            digest=found["digest"],
            package=found["package"],
            home=found["home"],
            python=found["python"],
            readable=tuple(found["readable"]),
            programs={name: tuple(programs) for name, programs in found["programs"].items()},
            files=found["files"],
        )
        return marker if _encode(marker) == text else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _acquire(path: Path, *, wait: bool) -> int | None:
    """Return the locked file at `path`: the one that has that name by then, since a holder removes it at the end."""
    while True:
        with ExitStack() as undo:
            held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            undo.callback(os.close, held)
            try:
                fcntl.flock(held, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(held), path.stat()):
                    undo.pop_all()
                    return held


def _tidy(path: Path) -> None:
    """Remove a lock file that nobody holds: neither who waited for it, nor a child that was left behind."""
    held = _acquire(path, wait=False)
    if held is not None:
        path.unlink(missing_ok=True)
        os.close(held)
