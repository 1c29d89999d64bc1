"""Whom a change touches: paths that clients connect to, what they cost, and where a new secret can go."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from mcphub_gitops.compiler.plan.desired import DesiredServer
from mcphub_gitops.compiler.plan.tool import Tool
from mcphub_gitops.compiler.resolve.location import references_in
from mcphub_gitops.compiler.resolve.profile import WHOLE
from mcphub_gitops.compiler.review.model import Cost, Permission, Reach, Travel
from mcphub_gitops.compiler.review.side import Side
from mcphub_gitops.compiler.review.tokens import count_all
from mcphub_gitops.compiler.url import hide_query

_Profiles = dict[str, tuple[str, dict[str, tuple[str, ...]]]]
"""Path, and the tools by server, of each profile; the whole gateway is the one without a name."""

_Key = tuple[str, str, str]
"""What decides what a tool costs: its name for clients, its fingerprint, and the hub's own description."""

_NOBODY: frozenset[str] = frozenset()
_NOWHERE: tuple[str, dict[str, tuple[str, ...]]] = ("", {})

_NETWORKS = {
    "none": "it has no network: it can tell it in what its tools answer",
    "bridge": "its egress is not limited: every address that the engine's bridge reaches",
    "host": "its egress is not limited: it has the host's own network",
}


def compare_reach(before: Side, after: Side, changed: Collection[str]) -> tuple[tuple[Reach, ...], tuple[str, ...]]:
    """Return what clients notice path by path, and the profiles that nothing touches; `changed` are servers."""
    one, other = _profiles(before), _profiles(after)
    facts = _tool_facts(before), _tool_facts(after)
    was, now = _holders(before, after)
    found, untouched = [], []
    for name in sorted({*one, *other}):
        reach = replace(
            _reach(name, one.get(name, _NOWHERE), other.get(name, _NOWHERE), facts, changed),
            admitted=tuple(sorted(now.get(name, _NOBODY) - was.get(name, _NOBODY))),
            shut_out=tuple(sorted(was.get(name, _NOBODY) - now.get(name, _NOBODY))),
        )
        is_moved = one.get(name, _NOWHERE)[0] != other.get(name, _NOWHERE)[0]
        if is_moved or any((reach.servers, reach.gained, reach.lost, reach.admitted, reach.shut_out)):
            found.append(reach)
        elif name:
            untouched.append(name)
    return tuple(found), tuple(untouched)


def compare_costs(before: Side, after: Side) -> tuple[Cost, ...]:
    """Return what each path costs, of those where that changes, and of the whole gateway; nothing where none does.

    Counting is dear: what both sides have is counted once, and nothing where no tool differs.
    """
    one, other = _profiles(before), _profiles(after)
    if one == other and _tool_facts(before) == _tool_facts(after):
        return ()
    counts = _count({_key(tool): tool for side in (before, after) for tool in _tools(side)})
    was, now = _costs(before, one, counts), _costs(after, other, counts)
    paths = {name: path for name, (path, _) in {**one, **other}.items()}
    costs = (Cost(name=name, path=paths[name], before=was.get(name), after=now.get(name)) for name in sorted(paths))
    return tuple(each for each in costs if not each.name or each.before != each.after)


def _count(tools: Mapping[_Key, Tool]) -> dict[_Key, int]:
    return dict(zip(tools, count_all(tool.exposed for tool in tools.values()), strict=True))


def _tools(side: Side) -> Iterator[Tool]:
    for server in side.servers.values():
        yield from server.tools


def _key(tool: Tool) -> _Key:
    return tool.name, tool.hash, tool.description


def travels_of(after: Side, permissions: Collection[Permission]) -> tuple[Travel, ...]:
    """Return where each secret can go that a server gets."""
    given = [each for each in permissions if each.kind == "secrets" and each.after and each.server in after.servers]
    return tuple(
        _travel(after, each, after.servers[each.server]) for each in given if not each.fact.startswith("store.")
    )


def _travel(after: Side, given: Permission, server: DesiredServer) -> Travel:
    reference = given.after or ""
    own = {*references_in(reference)}
    sharing = (name for name, other in after.servers.items() if name != server.name and own & _held(other))
    reaching = (profile.name for profile in after.profiles if profile.tools.get(server.name))
    return Travel(
        server=server.name,
        variable=given.fact.partition(".")[2],
        reference=reference,
        ways=tuple(_ways(server, as_file=given.fact.startswith("secretFiles."))),
        sharing=tuple(sorted(sharing)),
        profiles=tuple(sorted(reaching)),
    )


def _held(server: DesiredServer) -> set[str]:
    """Return the references of all that `server` is given, also where a header is composed of them."""
    files = server.container.secret_files.values() if server.container is not None else ()
    return {each for reference in (*server.secrets.values(), *files) for each in references_in(reference)}


def _ways(server: DesiredServer, *, as_file: bool) -> Iterator[str]:
    container = server.container
    if server.endpoint is not None:
        yield f"it is sent to {hide_query(server.endpoint.url)} with each request"
        return
    if container is None:
        yield "its egress is not limited: a process reaches what this machine reaches"
        yield from (f"it may write to {path}" for path in server.write)
        return
    yield _NETWORKS[container.network]
    yield from (
        f"it may write to {each.source}, mounted at {each.target}" for each in container.mounts if not each.read_only
    )
    if not as_file:
        yield "it is a variable: whoever may ask the engine can read it"


def _profiles(side: Side) -> _Profiles:
    """Return the paths of `side`; those of what was not there, and of locks, are none."""
    if not side.servers:
        return {}
    whole = {name: tuple(tool.name for tool in server.tools) for name, server in side.servers.items()}
    named = {profile.name: (profile.path, dict(profile.tools)) for profile in side.profiles}
    return {"": (WHOLE, whole), **named}


def _tool_facts(side: Side) -> dict[str, tuple[str, str]]:
    """Return what each tool is, by the name that clients see."""
    return {tool.name: (tool.fact, tool.description) for server in side.servers.values() for tool in server.tools}


def _reach(
    name: str,
    was: tuple[str, Mapping[str, tuple[str, ...]]],
    now: tuple[str, Mapping[str, tuple[str, ...]]],
    facts: tuple[Mapping[str, tuple[str, str]], Mapping[str, tuple[str, str]]],
    changed: Collection[str],
) -> Reach:
    # Only tools of servers that change can have come, gone or changed, or those of a selection that did.
    differing = [each for each in {*was[1], *now[1]} if each in changed or was[1].get(each) != now[1].get(each)]
    one, other = ({*chain.from_iterable(each.get(server, ()) for server in differing)} for each in (was[1], now[1]))
    return Reach(
        name=name,
        path=now[0] or was[0],
        was=was[0] if was[0] != now[0] else "",
        gained=tuple(sorted(other - one)),
        lost=tuple(sorted(one - other)),
        changed=tuple(sorted(tool for tool in one & other if facts[0].get(tool) != facts[1].get(tool))),
        servers=tuple(sorted({*was[1], *now[1]}.intersection(changed))),
    )


def _holders(before: Side, after: Side) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """Return who reaches each path of both sides, by the profile's name; the whole gateway is the one without a name.

    Nothing is told where neither has tokens: all that there is is open to the gateway's own, and that goes without
    saying.
    """
    if not (before.admission.tokens or after.admission.tokens):
        return {}, {}
    return _reaching(before), _reaching(after)


def _reaching(side: Side) -> dict[str, frozenset[str]]:
    if not side.servers:
        return {}
    groups = {"": side.admission.groups, **{profile.name: profile.groups for profile in side.profiles}}
    return {name: frozenset(side.admission.reaching(each)) for name, each in groups.items()}


def _costs(side: Side, profiles: _Profiles, counts: Mapping[_Key, int]) -> dict[str, int]:
    costs = {tool.name: counts[_key(tool)] for tool in _tools(side)}
    return {
        name: sum(costs[tool] for tools in servers.values() for tool in tools)
        for name, (_, servers) in profiles.items()
    }
