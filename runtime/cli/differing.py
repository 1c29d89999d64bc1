"""What `mcphub diff` does: finds out what its two arguments are, and compares them. Loaded when it is called."""

import json
import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mcphub_gitops.compiler.canonical import decode
from mcphub_gitops.compiler.compilation import LockFile, open_lock
from mcphub_gitops.compiler.lock.definitions import read_definitions
from mcphub_gitops.compiler.lock.file import FORMAT as LOCK_FORMAT
from mcphub_gitops.compiler.lock.file import MAX_BYTES as MAX_LOCK_BYTES
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.lock.offers import OfferDefinitions, read_offers
from mcphub_gitops.compiler.plan.file import FORMAT as PLAN_FORMAT
from mcphub_gitops.compiler.plan.file import MAX_BYTES, Unusable, read_plan
from mcphub_gitops.compiler.review.comparison import Definitions, compare, servers_with_other_tools
from mcphub_gitops.compiler.review.side import Side, side_of_desired, side_of_lock
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.cli.commits import opened, tree_of
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.output import show_diagnostics
from mcphub_gitops.runtime.cli.reviewing import Manner, State, refuse_own_file, review_states, show_review
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file
from mcphub_gitops.runtime.project import Project
from mcphub_gitops.runtime.tree import Folder, Tree

_WORDS = {"plan": "a saved plan", "lock": "a lock", "hub": "a commit"}
_HINTS = "give two saved plans, two locks or two commits, each as `mcphub diff --help` says"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """An argument and what it is: a plan or a lock by its content and the tree it stands in, or a hub at a commit."""

    name: str
    kind: Literal["plan", "lock", "hub"]
    data: bytes = b""
    tree: Tree | None = None
    path: str = ""
    state: State | None = None


def show_difference(
    project: Project, before: str, after: str, *, output: str, as_of: str, saved: Path | None, detailed_exitcode: bool
) -> int:
    """Show what differs between two arguments, and return the exit code; raises RuntimeFailure."""
    refuse_own_file(saved, project)
    whole = shlex.join(["mcphub", "diff", before, after])
    manner = Manner(output=output, as_of=as_of, saved=saved, whole=whole, detailed_exitcode=detailed_exitcode)
    with ExitStack() as stack:
        finder = _Finder(project, stack)
        one, other = finder.find(before), finder.find(after)
        if one.kind != other.kind:
            raise RuntimeFailure(
                f"{printable(before)} is {_WORDS[one.kind]}, {printable(after)} is {_WORDS[other.kind]}",
                resolution=_HINTS,
            )
        if one.state is not None and other.state is not None:
            return review_states(one.state, other.state, manner)
        return _show_files(one, other, manner)


_TreeAt = Callable[[tuple[str, ...]], Tree]
"""Returns the files of a commit below a folder of its repository."""

_Trees = Callable[[str], tuple[str, tuple[str, ...], _TreeAt]]
"""Returns the commit of a revision, where the project lies in it, and its files."""


class _Finder:
    """Finds out what an argument is; a repository is opened when one names no file."""

    def __init__(self, project: Project, stack: ExitStack) -> None:
        self._project = project
        self._stack = stack
        self._trees: _Trees | None = None

    def find(self, name: str) -> _Side:
        """Return what `name` is; raises RuntimeFailure."""
        path = Path(name)
        if path.is_file():
            content = read_file(path, limit=MAX_BYTES) or b""
            return _of_file(name, content, Folder(path.parent), path.name)
        revision, colon, file = name.partition(":")
        commit, prefix, tree_at = self._commit(revision, name)
        if not colon:
            tree = tree_at(prefix)
            return _Side(
                name=name,
                kind="hub",
                state=State(project=replace(self._project, tree=tree), name=name, commit=commit),
            )
        *folder, last = [part for part in file.split("/") if part not in {"", "."}] or [""]
        tree = tree_at(tuple(folder))
        data = tree.read(last, limit=MAX_BYTES) if last else None
        if data is None:
            raise RuntimeFailure(
                f"there is no file {printable(file)} at {printable(revision)}",
                resolution="its path is seen from the root of the repository",
            )
        if last.endswith((".yaml", ".yml")):
            hub = replace(self._project, root=self._root(prefix).joinpath(*folder), hub_file=last, tree=tree)
            return _Side(name=name, kind="hub", state=State(project=hub, name=name, commit=commit))
        return _of_file(name, data, tree, last)

    def _root(self, prefix: tuple[str, ...]) -> Path:
        return self._project.root.parents[len(prefix) - 1] if prefix else self._project.root

    def _commit(self, revision: str, name: str) -> tuple[str, tuple[str, ...], _TreeAt]:
        """Return the commit of `revision`, where the project lies in it, and what has its files below a folder."""
        if self._trees is None:
            self._trees = self._open(name)
        return self._trees(revision)

    def _open(self, name: str) -> _Trees:
        try:
            repository = self._stack.enter_context(opened(self._project.root))
        except RuntimeFailure as failure:
            raise RuntimeFailure(
                f"there is no file {printable(name)}, and no repository with such a commit",
                detail=f"{failure.brief}\n{failure.detail}".strip(),
                resolution=_HINTS,
            ) from failure

        def trees(revision: str) -> tuple[str, tuple[str, ...], _TreeAt]:
            commit = repository.resolve(revision)
            return commit, repository.prefix, lambda folder: tree_of(repository, commit, folder)

        return trees


def _of_file(name: str, data: bytes, tree: Tree, path: str) -> _Side:
    """Return the plan or the lock that `data` is; raises RuntimeFailure for anything else."""
    if path.endswith(".lock"):
        # One with conflict markers is no JSON, and has more to say of it.
        return _Side(name=name, kind="lock", data=data, tree=tree, path=path)
    try:
        document: Any = decode(data)
    except (ValueError, RecursionError):
        document = None
    found = document.get("format") if isinstance(document, Mapping) else None
    if found == LOCK_FORMAT:
        return _Side(name=name, kind="lock", data=data, tree=tree, path=path)
    if found == PLAN_FORMAT:
        return _Side(name=name, kind="plan", data=data)
    shown = f"its format is {json.dumps(found)[:80]}" if found else "it is no JSON document of mcphub's"
    hub = path.endswith((".yaml", ".yml"))
    raise RuntimeFailure(
        f"{printable(name)} is neither a saved plan nor a lock",
        detail="a hub is compared as commits have it" if hub else shown,
        resolution=f"commit it, and run `mcphub diff HEAD~1:{printable(path)} HEAD:{printable(path)}`"
        if hub
        else _HINTS,
    )


def _show_files(before: _Side, after: _Side, manner: Manner) -> int:
    if after.kind == "plan":
        sides = _plan_side(before), _plan_side(after)
        was, now = servers_with_other_tools(*sides)
        return show_review(compare(*sides, (_of_plan(sides[0], was), _of_plan(sides[1], now))), manner)
    locks = _lock_of(before), _lock_of(after)
    for lock in locks:
        if lock.lock is None:
            show_diagnostics(lock.diagnostics, [lock.source])
    if locks[0].lock is None or locks[1].lock is None:
        return Exit.ERROR
    one, other = (
        side_of_lock(lock, name=side.name, definitions=_offers(side, lock, others))
        for side, lock, others in (
            (before, locks[0].lock, locks[1].lock),
            (after, locks[1].lock, locks[0].lock),
        )
    )
    was, now = servers_with_other_tools(one, other)
    found = _definitions(before, locks[0].lock, was), _definitions(after, locks[1].lock, now)
    return show_review(compare(one, other, found), manner)


def _plan_side(side: _Side) -> Side:
    plan = read_plan(side.data)
    if isinstance(plan, Unusable):
        raise RuntimeFailure(
            f"{printable(side.name)} cannot be used",
            detail=plan.reason,
            resolution="make it again with `mcphub plan -o`",
        )
    return side_of_desired(plan.desired, name=side.name, kind="plan")


def _of_plan(side: Side, servers: frozenset[str]) -> Definitions:
    """Return the definitions of the tools that a plan has them of: those that are served."""
    return {name: {tool.upstream: tool.definition for tool in side.servers[name].tools} for name in servers}


def _lock_of(side: _Side) -> LockFile:
    return open_lock(side.name, side.data)


def _offers(side: _Side, lock: Lock, other: Lock) -> dict[str, OfferDefinitions]:
    """Return the same of prompts and resources, of the servers that have others in the `other` lock."""
    folder = f"{side.path.removesuffix('.lock')}.tools"
    found: dict[str, OfferDefinitions] = {}
    for server, pins in lock.servers.items() if side.tree is not None else ():
        there = other.servers.get(server)
        if pins.offers and side.tree is not None and (there is None or there.offers != pins.offers):
            name = f"{folder}/{server}.offers.json"
            definitions, problems = read_offers(name, side.tree.read(name, limit=MAX_LOCK_BYTES), pins.offers)
            found |= {} if problems else {server: definitions}
    return found


def _definitions(side: _Side, lock: Lock, servers: frozenset[str]) -> Definitions:
    """Return the readable definitions that stand beside a lock, as far as they are there and fit it."""
    folder = f"{side.path.removesuffix('.lock')}.tools"
    found: dict[str, Mapping[str, Mapping[str, Any]]] = {}
    for server in sorted(servers) if side.tree is not None else ():
        data = side.tree.read(f"{folder}/{server}.json", limit=MAX_LOCK_BYTES) if side.tree is not None else None
        tools = lock.servers[server].tools
        definitions, problems = read_definitions(f"{folder}/{server}.json", data, tools)
        found[server] = {} if problems else definitions
    return found
