"""Hubs with policies: loaded when there is one."""

from pathlib import Path

from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.enforcement import enforce
from mcphub_gitops.compiler.policy.document import MAX_BYTES
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.resolve.path import RUNTIME_FOLDER
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file
from mcphub_gitops.runtime.tree import Tree

_SHELF = "bundles"
"""The folder of the runtime's own that bundles are kept in."""


def enforce_project(compiled: Compiled, root: Path, tree: Tree, as_of: str, *, fetched: bool = False) -> Compiled:
    """Hold `compiled` against the policies that its hub names in `tree`; raises RuntimeFailure when files fail.

    Bundles that are not kept in the project's folder `root` are `fetched`, or told as missing.
    """
    if compiled.hub is None:
        return compiled
    matches = {each.value: read_matching(tree, each.value) for each in compiled.hub.policies}
    return enforce(compiled, compiled.hub, {**matches, **read_bundles(compiled.hub, root, fetched=fetched)}, as_of)


def read_bundles(hub: Hub, root: Path, *, fetched: bool) -> dict[str, dict[str, bytes]]:
    """Return the files of the bundles that `hub` names, of those that are kept, or `fetched`; RuntimeFailure."""
    if not hub.bundles:
        return {}
    rooms = lazy.load("bundles")
    how = rooms.find_or_fetch if fetched else rooms.find
    found: dict[str, dict[str, bytes]] = how(root / RUNTIME_FOLDER / _SHELF, hub.bundles)
    return found


def read_matching(tree: Tree, pattern: str) -> dict[str, bytes]:
    """Return what is in the files of `tree` that `pattern` names; raises RuntimeFailure."""
    found = {}
    for name, content in tree.find(pattern, limit=MAX_BYTES).items():
        if isinstance(content, str):
            raise RuntimeFailure(f"{name} is not used", detail=f"it {content}")
        found[name] = content
    return found


def read_document(path: Path, name: str) -> bytes:
    """Return what is in a policy's file, known to the user as `name`; raises RuntimeFailure."""
    data = read_file(path, limit=MAX_BYTES)
    if data is None:
        raise RuntimeFailure(f"{name} cannot be read", detail=f"No such file: {path}")
    return data
