"""Paths of the hub's folder by their text alone: which words are paths, and which paths may be granted."""

from collections.abc import Collection, Iterator
from posixpath import normpath

RUNTIME_FOLDER = ".mcphub"
"""Where the runtime keeps generations, package environments and the token; never granted to a server."""

ENVIRONMENTS_FOLDER, LOCKS_FOLDER = "environments", "locks"
"""Where the environments of a hub stand, and the lock of each."""

_OWN_FILES = (".git", "mcp-hub.yaml", "mcp-hub.lock", "mcp-hub.tools", ENVIRONMENTS_FOLDER, LOCKS_FOLDER, "policies")
"""What decides what runs: a server that could write there would decide it."""

_SCRIPTS = (".py", ".js", ".mjs", ".cjs", ".ts", ".sh")


def looks_like_path(value: str) -> bool:
    """Tell whether a word of a command looks like a path of the hub's folder."""
    if value.startswith(("-", "/")) or "://" in value or not value.isprintable() or " " in value:
        return False
    return "/" in value or value == ".." or value.endswith(_SCRIPTS)


def folders_above(path: str) -> Iterator[str]:
    """Yield every folder that `path` lies in, the outermost first, and last `path` itself, as `is_below` knows them."""
    clean = normpath(path)
    yield from (clean[:place] for place, char in enumerate(clean) if char == "/" and place)
    yield clean


def is_below(path: str, folders: Collection[str]) -> bool:
    """Tell whether `path` is one of `folders` or lies in one."""
    clean = normpath(path)
    return any(clean == folder or clean.startswith(f"{folder}/") for folder in folders)


def why_not_granted(path: str, access: str) -> str:
    """Return why the normalised `path` is not granted to ``read`` or ``write``, as the end of a sentence."""
    first = path.partition("/")[0]
    if path.startswith("/") or first == "..":
        return "lies outside of the hub's folder"
    if first == RUNTIME_FOLDER:
        return "is where mcphub keeps its own files"
    if access == "write" and path == ".":
        return "is the hub's own folder"
    if access == "write" and first in _OWN_FILES:
        return "decides what runs"
    return ""


_SYSTEM = (
    "/boot",
    "/dev",
    "/etc",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/run",
)
"""Folders of the host that hold its devices, its settings, its secrets or its engine."""

_PROGRAMS = ("/bin", "/lib", "/lib32", "/lib64", "/opt", "/sbin", "/usr", "/var")
"""Folders of the host whose content its own programs run or trust."""

_CREDENTIALS = frozenset(
    {".aws", ".azure", ".config", ".docker", ".gnupg", ".kube", ".netrc", ".npmrc", ".pypirc", ".ssh", ".vault-token"}
)
_HOME_DEPTH = 3
_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")


def why_not_mounted(source: str, access: str) -> str:
    """Return why the normalised `source` is never mounted to ``read`` or ``write``, as the end of a sentence."""
    if source.startswith("~"):
        return "begins with a tilde, which nothing here expands"
    if source.startswith("/"):
        return "is where mcphub keeps its own files" if RUNTIME_FOLDER in source.split("/") else ""
    return why_not_granted(source, access) if source != "." else "holds mcphub's own files"


def why_not_at(real: str, root: str, *, writable: bool, as_named: bool) -> str:
    """Return why the absolute place `real`, which has no links, is not mounted, as the end of a sentence.

    `root` is the hub's folder, and has no links either. What is sensitive is mounted where it was granted `as_named`.
    """
    access = "write" if writable else "read"
    if is_below(real, {root}):
        return why_not_mounted(normpath(real.removeprefix(root).lstrip("/") or "."), access)
    if is_below(root, {real}) or real == "/":
        return "holds the hub's own folder"
    sensitive = "" if as_named else why_sensitive(real, writable=writable)
    return sensitive or why_not_mounted(real, access)


def why_sensitive(source: str, *, writable: bool = False) -> str:
    """Return why mounting the normalised `source` gives away more than data, as the end of a sentence."""
    return _why_not_the_hosts(source) or _why_private(source) or (_why_trusted(source) if writable else "")


def _why_not_the_hosts(source: str) -> str:
    if source.rpartition("/")[2] in _SOCKETS:
        return "is the socket of an engine: whoever can speak to it is root on the host"
    if source == "/":
        return "is the whole host"
    holder = next((folder for folder in _SYSTEM if is_below(source, {folder})), "")
    if holder:
        return f"belongs to {holder}, which is the host's own"
    held = next((folder for folder in _SYSTEM if folder.startswith(f"{source}/")), "")
    return f"holds {held}, which is the host's own" if held else ""


def _why_private(source: str) -> str:
    parts = source.split("/")
    if parts[1:2] == ["home"] and len(parts) <= _HOME_DEPTH:
        return "is somebody's home, with all that is kept there"
    secret = next((part for part in parts if part in _CREDENTIALS or part.startswith("id_")), "")
    return f"holds credentials (`{secret}`)" if secret else ""


def _why_trusted(source: str) -> str:
    if is_below(source, _PROGRAMS):
        return "holds what the host's own programs run or trust"
    return "is where the host's programs put files that they trust" if source == "/tmp" else ""  # noqa: S108  (refused)
