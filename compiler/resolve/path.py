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
