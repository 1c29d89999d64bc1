"""Which program on this machine a word means: one that the server's user can run, if there is one."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from mcphub_gitops.runtime.engines import landlock
from mcphub_gitops.runtime.engines.reach import EXECUTE, READ, closed_at, executables, programs_of
from mcphub_gitops.runtime.engines.sandbox import UID_BASE, user_for
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import Program

SYSTEM_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
"""Searched after mcphub's own PATH, which a service manager may have emptied."""

_OLDEST_MINOR, _NEWEST_MINOR = 11, 19
"""Python 3 versions that package environments are built with."""
_PYTHON = re.compile(r"python3\.(\d+)")

_INSTALLATIONS = ("pyvenv.cfg", "lib/python3.*/os.py", "lib64/python3.*/os.py")
"""What a Python installation's prefix has: that of a virtual environment, or one of its own. Node needs nothing."""

_SHIMS = "shims"
"""The folder in which pyenv, asdf and their like keep scripts that choose a version when they are run."""


def find_program(name: str, *, cwd: str, server: str, realm: str = "") -> Program:
    """Return the program that `name`, the first word of `server`'s command, means; implements `ports.ProgramFinder`.

    A name with a slash is a path from the absolute `cwd`. Another one is looked for in mcphub's own PATH, then in the
    system's folders; a hit that the server's own user can run (with its interpreters) goes before one that it cannot,
    as with a shim inside a closed home, and a program before a shim. `realm` is the hub's lineage.

    Raises RuntimeFailure when there is no such program.
    """
    if "/" in name:
        return _program(_given(name, cwd, server))
    folders = _folders()
    hits = executables(name, folders) if name else ()
    if not hits:
        raise RuntimeFailure(
            f"The program {name!r} of server {server!r} is not installed",
            detail="It was looked for in " + ", ".join(folders),
            resolution="Install it, or write the program's path in the server's command.",
        )
    uid = user_for(server, realm).uid
    return _program(min(hits, key=lambda hit: (uid is not None and _is_closed(hit, uid), _is_shim(hit))))


def find_python(*, unprivileged: bool) -> Program:
    """Return the Python (3.11 or newer) to build virtual environments with: never itself a virtual environment's.

    The one that runs mcphub is preferred. With `unprivileged`, one that another user can run goes before it, such as
    the system's when mcphub's own lies in a closed home. `readable` is its installation prefix outside of ``/usr``.
    Raises nothing.
    """
    own = os.path.realpath(sys.executable)
    # Any number of another user shows what is open to others.
    if not unprivileged or not _is_closed(own, UID_BASE):
        return _program(own)
    names = ("python3", *(f"python3.{minor}" for minor in range(_NEWEST_MINOR, _OLDEST_MINOR - 1, -1)))
    hits = (os.path.realpath(hit) for name in names for hit in executables(name, _folders()))
    open_hits = (hit for hit in hits if _is_suitable_python(hit) and not _is_closed(hit, UID_BASE))
    return _program(next(open_hits, own))


def _folders() -> tuple[str, ...]:
    # A relative folder in PATH would mean another program in every working directory.
    own = (folder for folder in os.environ.get("PATH", "").split(":") if folder.startswith("/"))
    return tuple(dict.fromkeys((*own, *SYSTEM_FOLDERS)))


def _given(name: str, cwd: str, server: str) -> str:
    path = str(Path(cwd, name))
    if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113  (Path.is_file raises at a closed folder)
        return path
    there = os.path.lexists(path)
    raise RuntimeFailure(
        f"The program {name!r} of server {server!r} cannot be run" if there else f"There is no {name!r} to run",
        detail=f"{path} is not an executable file" if there else f"Server {server!r} names it; it would be {path}",
        resolution="Make it executable (chmod +x), or name its interpreter first." if there else "Correct the path.",
    )


def _is_closed(path: str, uid: int) -> bool:
    return any(closed_at(each, uid, READ | EXECUTE) is not None for each in programs_of(path, SYSTEM_FOLDERS))


def _is_shim(path: str) -> bool:
    return Path(path).parent.name == _SHIMS


def _is_suitable_python(path: str) -> bool:
    version = _PYTHON.fullmatch(Path(path).name)
    return version is not None and int(version[1]) >= _OLDEST_MINOR and _prefix_of(Path(path)) is not None


def _program(path: str) -> Program:
    """Return the program at `path` with what it and its interpreters need beside the system's own."""
    needed = (folder for each in programs_of(path, SYSTEM_FOLDERS) for folder in _homes_of(each))
    return Program(path=path, readable=tuple(dict.fromkeys(needed)))


def _homes_of(path: str) -> Iterator[str]:
    """Return the folders that the program at `path` belongs to, or itself when nothing is known of it."""
    if _is_shim(path):
        yield str(Path(path).parent.parent)
        return
    for place in dict.fromkeys((Path(path), Path(os.path.realpath(path)))):
        if not any(place.is_relative_to(folder) for folder in landlock.PROGRAMS):
            yield str(_modules_of(place) or _prefix_of(place) or place)


def _prefix_of(path: Path) -> Path | None:
    """Return the prefix of the Python installation in whose ``bin`` the program at `path` is."""
    prefix = path.parent.parent
    if path.parent.name != "bin" or not any(True for mark in _INSTALLATIONS for _ in prefix.glob(mark)):
        return None
    return prefix


def _modules_of(path: Path) -> Path | None:
    """Return the outermost ``node_modules`` that `path` lies in."""
    return next((folder for folder in reversed(path.parents) if folder.name == "node_modules"), None)
