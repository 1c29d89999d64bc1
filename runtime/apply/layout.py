"""The runtime's folder: what stands where below ``.mcphub``, and with which permissions.

Servers may run as users of their own, so the way to the package environments and scratch folders is open to walking;
everything else is readable by the operator alone.
"""

import secrets
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file

_WALKABLE = 0o711
_PRIVATE = 0o700
_SECRET_FILE = 0o600
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
    def scratch(self) -> Path:
        """One private folder a server: its HOME and TMPDIR."""
        return self.folder / "scratch"

    @property
    def probes(self) -> Path:
        """Scratch folders of servers that are only asked for their tools."""
        return self.folder / "probes"

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
    def writer_lock(self) -> Path:
        """Locked by the one who changes anything here."""
        return self.folder / "writer.lock"

    @property
    def gateway_lock(self) -> Path:
        """Locked by the running gateway."""
        return self.folder / "gateway.lock"

    @property
    def gateway_url(self) -> Path:
        """Where the running gateway listens; written when it does, removed when it stops."""
        return self.folder / "gateway.url"

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
            self.generations: _PRIVATE,
        }
        for folder, mode in modes.items():
            make_folder(folder, mode)

    def lineage(self) -> str:
        """Return the identity of this installation of the hub, made when it is first asked for.

        It keeps equally named servers of two hubs on one machine under two users.
        """
        path = self.folder / "lineage"
        found = read_file(path, limit=_SHORT)
        if found:
            return found.decode("ascii", "replace").strip()
        made = str(uuid.uuid4())
        write_file(path, made.encode() + b"\n", mode=_SECRET_FILE)
        return made


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


def make_folder(folder: Path, mode: int) -> None:
    """Make `folder`, unless it is there, with exactly `mode`; raises RuntimeFailure."""
    try:
        folder.mkdir()
        folder.chmod(mode)
    except FileExistsError:
        if not folder.is_dir() or folder.is_symlink():
            raise RuntimeFailure(
                f"{folder.name} is in the way", detail=f"{folder} is not a folder", resolution="remove it"
            ) from None
    except OSError as error:
        raise RuntimeFailure(f"{folder.name} cannot be made", detail=f"{folder}: {error.strerror}") from error


def remove_folder(folder: Path) -> None:
    """Remove `folder` and all in it, if it is there; links are removed, never followed. Raises RuntimeFailure."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RuntimeFailure(
            f"{folder.name} cannot be removed", detail=f"{error.filename}: {error.strerror}"
        ) from error
