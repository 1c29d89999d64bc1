"""What comes of a change: what merging it does, what undoing it leaves, and what nobody has looked at."""

from collections.abc import Iterable, Iterator

from mcphub_gitops.compiler.enumeration import count, listed
from mcphub_gitops.compiler.plan.desired import DesiredServer
from mcphub_gitops.compiler.plan.plan import Action, Change
from mcphub_gitops.compiler.resolve.confinement import Mount
from mcphub_gitops.compiler.review.model import Permission, ReviewedTool
from mcphub_gitops.compiler.review.side import Side
from mcphub_gitops.compiler.review.tool import ToolChange

_NAMED = 12
_ACTIONS = (Action.CREATE, Action.REPLACE, Action.RENAME, Action.UPDATE, Action.DESTROY)


def describe_effects(before: Side, after: Side, changes: tuple[Change, ...]) -> Iterator[str]:
    """Yield what an apply does after merging, as sentences, where what is before is applied now."""
    if after.kind == "lock":
        yield "A lock alone changes nothing that runs: a hub that is applied with it does."
        return
    for action in _ACTIONS:
        names = [each.name for each in changes if each.action is action]
        if names:
            yield f"{count(len(names), 'server')} will be {action.past}: {_some(names)}."
    if not changes:
        yield "No server is touched."
    yield from _admission_effects(before, after)


def _admission_effects(before: Side, after: Side) -> Iterator[str]:
    if before.admission != after.admission and after.admission.tokens:
        tokens = _some([token.name for token in after.admission.tokens])
        yield f"A running gateway reads its tokens again, and goes on as before where one cannot be read: {tokens}."
    gone = {token.name for token in before.admission.tokens} - {token.name for token in after.admission.tokens}
    if gone:
        taken = _some(sorted(gone))
        yield f"Until a running gateway serves this, tokens that are taken away open what they did: {taken}."


def describe_undo(
    before: Side, after: Side, changes: tuple[Change, ...], permissions: tuple[Permission, ...]
) -> Iterator[str]:
    """Yield how to go back, and what does not come back with it, as sentences."""
    if after.kind == "lock" or not changes:
        return
    yield "Revert the commit (`git revert`) and apply: every server comes back as its pins say."
    lost = {
        "Volumes stay on the engine, with what was written to them meanwhile": _volumes(before, changes),
        "What it keeps in its private folder is lost with a server that is destroyed": _folders(before, changes),
        "What a container wrote to its own file system or memory is lost when it is made anew": _remade(
            before, changes
        ),
    }
    yield from (f"{said}: {_some(names)}." for said, names in lost.items() if names)
    told = sorted({each.server for each in permissions if each.kind == "secrets" and each.after})
    if told:
        yield f"A secret cannot be taken back from a server that had it: change its value as well ({_some(told)})."


def _volumes(before: Side, changes: tuple[Change, ...]) -> list[str]:
    mounts = (mount for each in changes for mount in _mounts(before.servers.get(each.old_name)))
    return sorted({mount.source for mount in mounts if mount.kind == "volume"})


def _mounts(server: DesiredServer | None) -> tuple[Mount, ...]:
    return tuple(mount for each in server.containers for mount in each.mounts) if server is not None else ()


def _folders(before: Side, changes: tuple[Change, ...]) -> list[str]:
    lost = (before.servers.get(each.name) for each in changes if each.action is Action.DESTROY)
    return [server.name for server in lost if server is not None and server.is_process]


def _remade(before: Side, changes: tuple[Change, ...]) -> list[str]:
    remade = [each for each in changes if each.action in {Action.REPLACE, Action.DESTROY}]
    return [each.name for each in remade if _is_container(before.servers.get(each.old_name))]


def _is_container(server: DesiredServer | None) -> bool:
    return server is not None and server.container is not None


def find_unchecked(before: Side, after: Side, tools: Iterable[ReviewedTool]) -> Iterator[str]:
    """Yield what the review does not know, as sentences; what is said of a side names it."""
    for side in (before, after):
        yield from (f"{side.name}: {note}" for note in side.notes)
        if side.uncompared:
            names = _some(sorted(side.uncompared))
            yield f"{side.name}: not understood there, and so taken for new where they are on the other side: {names}."
    yield from _unread(after, tools)
    yield from _standing(before, after)
    if after.kind == "lock":
        yield "The hubs that the locks belong to: permissions, profiles and policies stand there."
    else:
        yield from _out_of_sight(before, after)


def _out_of_sight(before: Side, after: Side) -> Iterator[str]:
    """Yield what a hub and its lock do not say of what they lead to."""
    optional = sorted(
        name for name, server in after.servers.items() if server.optional and _differs(before, after, name)
    )
    if optional:
        yield f"Whether servers answer that may be missing (`optional`): {_some(optional)}."
    yield "What runs now, and how it differs from what was applied: `mcphub plan` and `mcphub drift` say."
    yield "The values of secrets, and what is behind their references."
    if any(server.containers for server in after.servers.values()):
        yield "What is in the images: their digests say that it is the same everywhere, not that it is harmless."


def _unread(after: Side, tools: Iterable[ReviewedTool]) -> Iterator[str]:
    known = [each.change for each in tools]
    bare = {each.server for each in known if each.names_only and each.after is not None and not is_unread(each)}
    unread = sorted({each.server for each in known if is_unread(each)})
    if bare | after.names_only:
        names = _some(sorted(bare | after.names_only))
        yield (
            "What the tools of these servers take and say: a catalog names them, and they are held to no more"
            f" than their names (neither arguments nor changes of words are checked): {names}."
        )
    if unread:
        yield f"What changed in tools whose readable definitions are not at hand: {_some(unread)}."


def _standing(before: Side, after: Side) -> Iterator[str]:
    """Yield of what two saved plans have digests alone that differ."""
    if after.kind == "plan":
        differing = [said for name, said in _STANDING.items() if before.standing.get(name) != after.standing.get(name)]
        if differing:
            yield f"How these differ, of which a saved plan has digests alone: {listed(differing, len(_STANDING))}."


_STANDING = {"policy": "policies", "lock": "the lock", "provenance": "owners and catalog entries"}


def is_unread(change: ToolChange) -> bool:
    """Tell whether a definition is not at hand, and stands in `change` as its fingerprint alone."""
    sides = (change.before, change.after)
    return any(side is not None and set(side) == {"name", "_meta"} for side in sides)


def _differs(before: Side, after: Side, name: str) -> bool:
    return before.facts.get(name) != after.facts.get(name)


def _some(names: list[str]) -> str:
    return listed(names, _NAMED)
