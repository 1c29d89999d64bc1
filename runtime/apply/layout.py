"""The runtime's folder: what stands where below ``.mcphub``, and with which permissions.

Servers may run as users of their own, so the way to the package environments and scratch folders is open to walking;
everything else is readable by the operator alone.
"""

import os
import secrets
import shutil
import stat
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file
from mcphub_gitops.runtime.witness import doubt, note_folder

_WALKABLE = 0o711
_PRIVATE = 0o700
_SECRET_FILE = 0o600
_OTHERS_WRITE = 0o022
_SHORT = 1024
_SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Names of everything below `folder`, which is absolute; nothing is made before `prepare`."""

    folder: Path

    @property
    def packages(self) -> Path:
        """One folder a package environment, named by its digest."""
        return self.folder / "packages"

    @property
    def npm_cache(self) -> Path:
        """What npm has fetched, so that an environment can be made again without a network."""
        return self.folder / "npm-cache"

    @property
    def scratch(self) -> Path:
        """One private folder a server: its HOME and TMPDIR."""
        return self.folder / "scratch"

    @property
    def probes(self) -> Path:
        """Scratch folders of servers that are only asked for their tools."""
        return self.folder / "probes"

    @property
    def containers(self) -> Path:
        """One file a container of ours: locked by whoever speaks to it. What was never made here has none."""
        return self.folder / "containers"

    @property
    def secrets(self) -> Path:
        """One folder a server with the secrets that its container gets as files."""
        return self.folder / "secrets"

    @property
    def generations(self) -> Path:
        """One folder a generation, named by its serial."""
        return self.folder / "generations"

    @property
    def current(self) -> Path:
        """A symbolic link to the generation that is served."""
        return self.folder / "current"

    @property
    def journal(self) -> Path:
        """What each apply began and ended, a line each."""
        return self.folder / "journal.jsonl"

    @property
    def unchanged(self) -> Path:
        """What the last apply asked when nothing was left to do, and the answers (`cli.remembered`)."""
        return self.folder / "unchanged"

    @property
    def writer_lock(self) -> Path:
        """Locked by the one who changes anything here."""
        return self.folder / "writer.lock"

    @property
    def gateway_lock(self) -> Path:
        """Locked by the running gateway."""
        return self.folder / "gateway.lock"

    @property
    def gateway_record(self) -> Path:
        """What the running gateway says of itself: where it listens, and what it serves. Removed when it stops."""
        return self.folder / "serving.json"

    @property
    def gateway_log(self) -> Path:
        """What a gateway in the background says."""
        return self.folder / "gateway.log"

    @property
    def token(self) -> Path:
        """The bearer token of the gateway."""
        return self.folder / "token"

    def prepare(self) -> None:
        """Make the folders; raises RuntimeFailure when the disk refuses."""
        modes = {
            self.folder: _WALKABLE,
            self.packages: 0o755,
            self.scratch: _WALKABLE,
            self.probes: _WALKABLE,
            self.containers: _PRIVATE,
            self.secrets: _PRIVATE,
            self.generations: _PRIVATE,
        }
        for folder, mode in modes.items():
            make_folder(folder, mode)

    def lineage(self) -> str:
        """Return the identity of this installation of the hub, made when it is first asked for.

        It keeps equally named servers of two hubs on one machine under two users.
        """
        known = self.known_lineage()
        if known:
            return known
        made = str(uuid.uuid4())
        self.take_lineage(made)
        return made

    def known_lineage(self) -> str:
        """Return the identity of this installation, empty while it has none."""
        return (read_file(self._lineage, limit=_SHORT) or b"").decode("ascii", "replace").strip()

    def take_lineage(self, lineage: str) -> None:
        """Make `lineage` the identity of this installation."""
        write_file(self._lineage, lineage.encode() + b"\n", mode=_SECRET_FILE)

    @property
    def _lineage(self) -> Path:
        return self.folder / "lineage"


def read_token(path: Path) -> str:
    """Return the bearer token kept at `path`, made when there is none: 256 bits, readable by the operator alone.

    Raises RuntimeFailure when others can read the file.
    """
    found = read_file(path, limit=_SHORT)
    if found is None:
        write_file(path, secrets.token_urlsafe(32).encode() + b"\n", mode=_SECRET_FILE)
        return read_token(path)
    token = found.decode("ascii", "replace").strip()
    if path.stat().st_mode & 0o077:
        raise RuntimeFailure(
            "the token can be read by others",
            detail=f"{path} has the mode {path.stat().st_mode & 0o777:04o}",
            resolution="remove it, so that a new one is made, and tell its users",
        )
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise RuntimeFailure(
            "the token cannot be used",
            detail=f"{path} holds no text of at least {_SHORTEST_TOKEN} printable ASCII characters",
            resolution="remove it, so that a new one is made",
        )
    return token


def check_folder(folder: Path) -> None:
    """Raise RuntimeFailure when what stands at `folder` is not a folder of ours that nobody else can write to."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        note_folder(folder, None)
        return
    except OSError as error:
        doubt(f"{folder} cannot be looked at")
        raise RuntimeFailure(f"{folder.name} cannot be looked at", detail=f"{folder}: {error.strerror}") from error
    note_folder(folder, status)
    if not stat.S_ISDIR(status.st_mode):
        raise RuntimeFailure(f"{folder.name} is in the way", detail=f"{folder} is not a folder", resolution="remove it")
    if status.st_uid != os.geteuid() or status.st_mode & _OTHERS_WRITE:
        raise RuntimeFailure(
            f"{folder.name} cannot be trusted",
            detail=f"{folder} belongs to another user, or can be written to by others",
            resolution="run mcphub as its owner, or correct the folder's owner and mode",
        )


def make_folder(folder: Path, mode: int, *, given_away: bool = False) -> None:
    """Make `folder` with `mode`, unless one of ours is there; raises RuntimeFailure.

    One that was `given_away` may belong to the user of its server.
    """
    try:
        folder.mkdir(_PRIVATE)
        folder.chmod(mode)
        doubt(f"{folder} is made")
    except FileExistsError:
        if not given_away or folder.is_symlink() or not folder.is_dir():
            check_folder(folder)
    except OSError as error:
        raise RuntimeFailure(f"{folder.name} cannot be made", detail=f"{folder}: {error.strerror}") from error


def _open_and_retry(top: Path, act: Callable[[str], object], path: str) -> None:
    """Let a folder below `top` be written to that its owner closed (Go's module cache does), and do `act` again."""
    for place in (Path(path).parent, Path(path)):
        # What `top` itself stands in is to stay as open as it is.
        if place.is_relative_to(top) and place.is_dir() and not place.is_symlink():
            place.chmod(_PRIVATE)
    if act in {os.open, os.scandir, os.lstat}:
        shutil.rmtree(path)
        return
    act(path)


def remove_folder(folder: Path) -> None:
    """Remove `folder` and all in it, if it is there; links are removed, never followed. Raises RuntimeFailure."""
    try:
        shutil.rmtree(folder, onerror=lambda act, path, _problem: _open_and_retry(folder, act, path))
    except FileNotFoundError:
        return
    except OSError as error:
        raise RuntimeFailure(
            f"{folder.name} cannot be removed", detail=f"{error.filename}: {error.strerror}"
        ) from error
