"""Paths of the hub's folder by their text alone: which words are paths, and which paths may be granted."""

from collections.abc import Collection
from posixpath import normpath

RUNTIME_FOLDER = ".mcphub"
"""Where the runtime keeps generations, package environments and the token; never granted to a server."""

_OWN_FILES = (".git", "mcp-hub.yaml", "mcp-hub.lock", "mcp-hub.tools")
"""What decides what runs: a server that could write there would decide it."""

_SCRIPTS = (".py", ".js", ".mjs", ".cjs", ".ts", ".sh")


def looks_like_path(value: str) -> bool:
    """Tell whether a word of a command looks like a path of the hub's folder."""
    if value.startswith(("-", "/")) or "://" in value or not value.isprintable() or " " in value:
        return False
    return "/" in value or value == ".." or value.endswith(_SCRIPTS)


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

_CREDENTIALS = frozenset(
    {".aws", ".azure", ".config", ".docker", ".gnupg", ".kube", ".netrc", ".npmrc", ".pypirc", ".ssh", ".vault-token"}
)
_SOCKETS = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")


def why_not_mounted(source: str, access: str) -> str:
    """Return why the normalised `source` is never mounted to ``read`` or ``write``, as the end of a sentence."""
    if source.startswith("~"):
        return "begins with a tilde, which nothing here expands"
    if source.startswith("/"):
        return "is where mcphub keeps its own files" if RUNTIME_FOLDER in source.split("/") else ""
    return why_not_granted(source, access) if source != "." else "holds mcphub's own files"


def why_sensitive(source: str) -> str:
    """Return why mounting the normalised `source` gives away more than data, as the end of a sentence."""
    parts = source.split("/")
    if parts[-1] in _SOCKETS:
        return "is the socket of an engine: whoever can speak to it is root on the host"
    if source == "/":
        return "is the whole host"
    holder = next((folder for folder in _SYSTEM if source == folder or source.startswith(f"{folder}/")), "")
    if holder:
        return f"belongs to {holder}, which is the host's own"
    held = next((folder for folder in _SYSTEM if folder.startswith(f"{source}/")), "")
    if held:
        return f"holds {held}, which is the host's own"
    secret = next((part for part in parts if part in _CREDENTIALS or part.startswith("id_")), "")
    return f"holds credentials (`{secret}`)" if secret else ""
