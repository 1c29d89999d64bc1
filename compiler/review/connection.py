"""Which of the clients that a hub declares connect where, before and after."""

from mcphub_gitops.compiler.resolve.profile import WHOLE
from mcphub_gitops.compiler.review.model import Connection, Connections, Reach
from mcphub_gitops.compiler.review.side import Side


def compare_connections(before: Side, after: Side, reach: tuple[Reach, ...]) -> Connections:
    """Return what becomes of the declared clients where `reach` is what changes at the paths."""
    was, now = _paths(before), _paths(after)
    names = sorted({*was, *now})
    differing = [name for name in names if was.get(name) != now.get(name)]
    moved = tuple(Connection(client=name, before=was.get(name, ""), after=now.get(name, "")) for name in differing)
    at = {each.path: tuple(name for name in names if now.get(name) == each.path) for each in reach}
    told = {*differing}.union(*at.values())
    return Connections(moved=moved, at=at, untouched=tuple(name for name in names if name not in told))


def _paths(side: Side) -> dict[str, str]:
    if side.written is None:
        return {}
    hub = side.written.hub
    paths = {each.name: each.path for each in hub.profiles}
    return {each.name: paths.get(each.profile, WHOLE) for each in hub.clients}
