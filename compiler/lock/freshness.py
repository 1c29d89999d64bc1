"""What the lock lacks: which servers are not locked, or locked for another declaration, and why."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from posixpath import dirname, normpath

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.catalogs import find_stale_catalogs
from mcphub_gitops.compiler.lock.model import Lock, LockedServer, launch_fingerprint
from mcphub_gitops.compiler.resolve.exposure import left_by_filters
from mcphub_gitops.compiler.resolve.model import Command, Hub, Image, Package, Server, ToolContainers
from mcphub_gitops.compiler.resolve.path import is_below, looks_like_path
from mcphub_gitops.compiler.resolve.references import programs_of

_ZEROS = re.compile(r"(?:\.0)+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A server whose lock entry cannot be used, and why, as the end of a sentence.

    It `fits` where it tells all that is asked of it, and yet not that a tool may be served.
    """

    server: str
    reason: str
    fits: bool = False


def find_stale(hub: Hub, lock: Lock, files: Mapping[str, str]) -> tuple[Stale, ...]:
    """Compare the lock with the hub and with `files`, the digests of the files that commands name now.

    That something newer was published never makes a lock stale.
    """
    moved = frozenset(each.name for each in find_stale_catalogs(hub, lock))
    enabled = {server.name: server for server in hub.servers if server.enabled}
    stale = [
        found
        for name, server in enabled.items()
        if (found := _stale(server, lock.servers.get(name), files, moved)) is not None
    ]
    stale.extend(
        Stale(server=name, reason="is in the lock, but not an enabled server of the hub")
        for name in lock.servers
        if name not in enabled
    )
    return tuple(sorted(stale, key=lambda each: each.server))


def named_files(server: Server) -> tuple[str, ...]:
    """Return the paths of the hub's folder that a command names, in order; the first is its program or script.

    They are relative and have a slash, or the suffix of a script: decided on the text alone, so that what is locked
    and what may be read never depends on the machine. What the server may write is its data, not its code.
    """
    if not isinstance(server.origin, Command):
        return ()
    writable = {text.value for text in server.write}
    values = (text.value for text in server.origin.argv)
    named = (value for value in values if looks_like_path(value))
    return tuple(dict.fromkeys(value for value in named if not is_below(value, writable)))


def locked_files(server: Server) -> tuple[str, ...]:
    """Return the paths of the hub's folder that the lock pins by name: what a command and `exec` secrets run."""
    programs = (path for secret in server.secrets for path in programs_of(secret))
    return tuple(dict.fromkeys((*named_files(server), *programs)))


def code_folder(server: Server) -> str:
    """Return the folder that is locked whole, with everything below it: that of the program or script.

    Where the script stands in the hub's own folder it is the script itself: the rest is not its code.
    """
    named = named_files(server)
    return dirname(normpath(named[0])) or normpath(named[0]) if named else ""


def is_code(server: Server, path: str) -> bool:
    """Tell whether the file at `path` is part of what `server` runs, and so of its lock entry."""
    folder = code_folder(server)
    inside = bool(folder) and is_below(path, {folder}) and not is_below(path, {text.value for text in server.write})
    return inside or path in locked_files(server)


def _stale(
    server: Server, locked: LockedServer | None, files: Mapping[str, str], moved: frozenset[str]
) -> Stale | None:
    reason = _why_stale(server, locked, files, moved)
    if reason or locked is None:
        return Stale(server=server.name, reason=reason)
    # That fewer tools would be served needs no new lock: what is served is what both leave.
    shown = sorted(left_by_filters(server, locked.hidden))
    if not shown:
        return None
    reason = f"has its tool `{shown[0]}` hidden in the lock, and the hub's filters leave it"
    return Stale(server=server.name, reason=reason, fits=True)


def _why_stale(server: Server, locked: LockedServer | None, files: Mapping[str, str], moved: frozenset[str]) -> str:
    if locked is None:
        return "is not locked"
    if reason := _why_other_package(server, locked) or _why_other_definitions(server, locked):
        return reason
    if locked.launch != launch_fingerprint(server):
        return "is started in another way than when it was locked"
    if reason := _why_other_tools(server, locked, moved):
        return reason
    now = {path: digest for path, digest in files.items() if is_code(server, path)}
    for path in sorted({*now, *locked.files}):
        if now.get(path) != locked.files.get(path):
            return f"runs `{path}`, which has changed since it was locked"
    return ""


def _why_other_tools(server: Server, locked: LockedServer, moved: frozenset[str]) -> str:
    if reason := _why_otherwise_defined(server, locked, moved):
        return reason
    if server.no_tools and locked.tools:
        return f"is locked with tools ({len(locked.tools)}), the hub says that it has none"
    return ""


def _why_otherwise_defined(server: Server, locked: LockedServer, moved: frozenset[str]) -> str:
    if server.definitions is not None and locked.definitions == "live":
        return "is locked as it was asked itself, the hub has its definitions from the catalog"
    if server.definitions is None and locked.definitions == "catalog":
        return "is locked from its catalog's entry alone, the hub has it asked itself"
    # A catalog that is the same byte for byte tells the same of every tool.
    if server.definitions is not None and server.source.partition("/")[0] in moved:
        tools = {name: fingerprint(tool) for name, tool in server.definitions.tools.items()}
        if tools != locked.tools:
            return "is locked with other tools than its catalog's entry has now"
    return ""


def _why_other_definitions(server: Server, locked: LockedServer) -> str:
    """Return why tools that are containers are not what was locked: their catalog has all of each, and may change."""
    if not isinstance(server.origin, ToolContainers) or locked.definitions != "complete":
        return ""
    now = {name: fingerprint(tool.definition) for name, tool in server.origin.tools.items()}
    changed = sorted(name for name in {*now, *locked.tools} if now.get(name) != locked.tools.get(name))
    return f"has another tool `{changed[0]}` in its catalog than when it was locked" if changed else ""


def _why_other_package(server: Server, locked: LockedServer) -> str:
    origin = server.origin
    for tool, image in server.images.items():
        pinned = locked.image_of(tool)
        if not is_locked_image(image, pinned):
            return f"is locked to {pinned or 'no image'}, the hub asks for {image.reference}"
    if not isinstance(origin, Package):
        return f"is locked to {locked.package}, the hub declares something else" if locked.package else ""
    if not is_locked_package(origin, locked.package):
        return f"is locked to {locked.package or 'no package'}, the hub asks for {origin.requirement}"
    is_pypi = origin.ecosystem == "pypi"
    if is_pypi and not any(line.partition(" ")[0] == locked.package for line in locked.requirements):
        return f"is locked to {locked.package}, which is not among its requirements"
    return ""


def is_locked_image(image: Image, locked: str) -> bool:
    """Tell whether `locked`, a reference with its digest, is what the hub's `image` asks for."""
    name, _, digest = locked.partition("@")
    wanted = image.reference
    return name == wanted.tagged and wanted.digest in {"", digest}


def is_locked_package(package: Package, locked: str) -> bool:
    """Whether the locked ``name==version`` is what is asked for; trailing zeros mean nothing (PEP 440)."""
    name, _, version = (
        locked.removeprefix("npm:").rpartition("@") if package.ecosystem == "npm" else locked.partition("==")
    )
    if name != package.name or locked.startswith("npm:") is not (package.ecosystem == "npm"):
        return False
    if package.version is None or package.version == version:
        return True
    return package.ecosystem == "pypi" and _ZEROS.sub("", package.version) == _ZEROS.sub("", version)
