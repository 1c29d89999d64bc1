"""Two states of a hub to a review: what differs, whom it touches, what comes of it, and what could not be looked at."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from mcphub_gitops.compiler.lock.movement import Movement, find_movements
from mcphub_gitops.compiler.plan.plan import Action, Change
from mcphub_gitops.compiler.plan.reconcile import compare_servers
from mcphub_gitops.compiler.policy.model import Verdict
from mcphub_gitops.compiler.review.connection import compare_connections
from mcphub_gitops.compiler.review.consequence import describe_effects, describe_undo, find_unchecked, is_unread
from mcphub_gitops.compiler.review.guard import compare_guards
from mcphub_gitops.compiler.review.headline import write_headline, write_quiet_headline
from mcphub_gitops.compiler.review.model import Exposure, Judged, Permission, Review, ReviewedTool, Summary
from mcphub_gitops.compiler.review.offer import compare_offers
from mcphub_gitops.compiler.review.permission import compare_permissions, gateway_changes, unchanged_kinds
from mcphub_gitops.compiler.review.reach import compare_costs, compare_reach, travels_of
from mcphub_gitops.compiler.review.setting import Told, compare_settings
from mcphub_gitops.compiler.review.side import Side
from mcphub_gitops.compiler.review.tool import Definition, Finding, ToolAction, ToolChange, ToolClass, compare_tools

Definitions = Mapping[str, Mapping[str, Definition]]
"""The readable definitions of servers, by server and by the tool's own name."""

_UNKNOWN: Mapping[str, Definition] = MappingProxyType({})


def servers_with_other_tools(before: Side, after: Side) -> tuple[frozenset[str], frozenset[str]]:
    """Return the servers of each side whose tools differ from the other's: their definitions are to be read."""
    renames = find_renames(before, after)
    now = {name for name, tools in after.offered.items() if before.offered.get(renames.get(name, name)) != tools}
    was = {renames.get(name, name) for name in now} | (before.offered.keys() - after.offered.keys())
    return frozenset(was & before.offered.keys()) - _kept(renames, now), frozenset(now)


def _kept(renames: Mapping[str, str], differing: set[str]) -> frozenset[str]:
    return frozenset(old for new, old in renames.items() if new not in differing)


def find_renames(before: Side, after: Side) -> dict[str, str]:
    """Return the old name of each server that was renamed between the sides, by its new one."""
    return {
        new: old
        for new, old in after.moves.items()
        if old in before.facts and new not in before.facts and old not in after.facts and new in after.facts
    }


def compare(before: Side, after: Side, definitions: tuple[Definitions, Definitions]) -> Review:
    """Return what changes from `before` to `after`, which are of one kind.

    `definitions` are those of the servers that `servers_with_other_tools` names, before and after; where one is
    missing, its tools are known by name alone.
    """
    renames = find_renames(before, after)
    changes = tuple(_reworded(each, after) for each in compare_servers(before.facts, after.facts, renames))
    permissions = compare_permissions(before, after, changes)
    tools = tuple(_tools(before, after, renames, definitions))
    exposures = tuple(_exposures(before, after, renames, {(each.change.server, each.change.tool) for each in tools}))
    offers = compare_offers(before, after, renames)
    changed = {each.name for each in changes} | {each.server for each in offers}
    changed |= {each.change.server for each in tools} | {*renames.values()}
    reach, untouched = compare_reach(before, after, changed)
    guards = compare_guards(before.policies, after.policies)
    connections = compare_connections(before, after, reach)
    told = Told(
        servers=_by_name(changes),
        clients=frozenset(each.client for each in connections.moved),
        profiles=frozenset(each.name for each in reach),
        stores=_stores(permissions),
        renames=renames,
        admission=any(each.kind == "admission" for each in permissions),
    )
    settings, pins = compare_settings(before, after, told), tuple(_pins(before, after, changes))
    headline = write_headline(permissions, tools, exposures, changes, guards, offers=offers)
    return Review(
        before=before,
        after=after,
        headline=headline or write_quiet_headline(settings, has_pins=bool(pins), is_same=before.review == after.review),
        permissions=permissions,
        unchanged=unchanged_kinds(permissions, after),
        travels=travels_of(after, permissions),
        reach=reach,
        untouched=untouched,
        connections=connections,
        tools=tools,
        exposures=exposures,
        offers=offers,
        costs=compare_costs(before, after),
        guards=guards,
        verdicts=tuple(_verdicts(before.verdicts, after.verdicts)),
        servers=changes,
        gateway=gateway_changes(before, after),
        settings=settings,
        pins=pins,
        effects=tuple(describe_effects(before, after, changes)),
        undo=tuple(describe_undo(before, after, changes, permissions)),
        unchecked=tuple(find_unchecked(before, after, tools)),
        summary=_summarise(after, renames, changes, tools),
    )


def _by_name(changes: tuple[Change, ...]) -> dict[str, Change]:
    return {each.address.partition(".")[2]: each for each in changes}


def _stores(permissions: tuple[Permission, ...]) -> frozenset[str]:
    kinds = ("store.", "tokenStore.")
    return frozenset(each.fact.partition(".")[2] for each in permissions if each.fact.startswith(kinds))


_BESIDE_FACTS = frozenset({"dependencies", "era", "platforms", "target", "user"})
"""What a lock has of a server that is no fact of it."""


def _pins(before: Side, after: Side, changes: tuple[Change, ...]) -> Iterator[Movement]:
    """Yield what moved in the lock of a hub and is no fact of a server: of catalogs, and of servers on both sides."""
    if before.lock is None or after.lock is None:
        return
    common, changed = before.facts.keys() & after.facts.keys(), _by_name(changes)
    for moved in find_movements(before.lock, after.lock):
        is_pin = moved.kind in _BESIDE_FACTS or (moved.kind == "declaration" and moved.owner not in changed)
        if moved.kind == "catalog" or (moved.owner in common and is_pin):
            yield moved


def _reworded(change: Change, after: Side) -> Change:
    """Return `change` of a lock in a lock's words: nothing is applied of that alone."""
    if after.kind != "lock" or change.action is not Action.REPLACE:
        return change
    return Change(address=change.address, action=Action.UPDATE, cause="its pins changed", fields=change.fields)


def _tools(
    before: Side, after: Side, renames: Mapping[str, str], definitions: tuple[Definitions, Definitions]
) -> Iterator[ReviewedTool]:
    was, now = servers_with_other_tools(before, after)
    names = {server: frozenset(tools) for server, tools in after.offered.items()}
    for server in sorted({*now, *(was - {*renames.values()})}):
        old = renames.get(server, server)
        others = {name: tools for name, tools in names.items() if name != server}
        one = _defined(before, old, definitions[0])
        other = _defined(after, server, definitions[1])
        served = before.served(old), after.served(server)
        for change in compare_tools(server, one, other, others=others):
            name = served[1].get(change.tool) or served[0].get(change.was or change.tool, "")
            yield ReviewedTool(change=_admitted(change), name=name, by_catalog=_is_by_catalog(after, server))


def _is_by_catalog(side: Side, server: str) -> bool:
    bound = side.servers.get(server)
    return bool(bound.by_name) if bound is not None else server in side.names_only


def _admitted(change: ToolChange) -> ToolChange:
    """Return `change` as all that can be said of it where a definition is not at hand: what is unknown is the worse."""
    if not is_unread(change) or change.action is not ToolAction.CHANGED:
        return change
    said = "Its definition changed, and what changed in it is not at hand."
    return replace(change, findings=(Finding(cls=ToolClass.BREAKING, where="", said=said),))


def _defined(side: Side, server: str, definitions: Definitions) -> dict[str, Definition]:
    """Return the definition of each tool of a server; one that is not at hand is told apart by its fingerprint.

    The fingerprint makes sure that a change is seen, and ``_meta`` is a place that decides nothing.
    """
    known = definitions.get(server, _UNKNOWN)
    return {
        tool: known.get(tool) or {"name": tool, "_meta": {"fingerprint": hash_}}
        for tool, hash_ in side.offered.get(server, {}).items()
    }


def _exposures(before: Side, after: Side, renames: Mapping[str, str], told: set[tuple[str, str]]) -> Iterator[Exposure]:
    for server in sorted(after.servers):
        old = renames.get(server, server)
        if old not in before.servers or before.facts[old] == after.facts[server]:
            continue
        was, now = before.served(old), after.served(server)
        for tool in sorted({*was, *now}):
            if was.get(tool) != now.get(tool) and (server, tool) not in told:
                yield Exposure(server=server, tool=tool, before=was.get(tool, ""), after=now.get(tool, ""))


def _verdicts(before: tuple[Verdict, ...], after: tuple[Verdict, ...]) -> Iterator[Judged]:
    """Yield what is denied, warned or waived now, and what is no longer; the order is that of the rules."""
    was = {(each.rule.name, each.subject): each for each in before}
    now = {(each.rule.name, each.subject): each for each in after}
    for key, verdict in now.items():
        yield Judged(verdict=verdict, was=was[key].outcome if key in was else "")
    for key, verdict in was.items():
        if key not in now:
            yield Judged(verdict=verdict, was=verdict.outcome, gone=True)


def _summarise(
    after: Side, renames: Mapping[str, str], changes: tuple[Change, ...], tools: tuple[ReviewedTool, ...]
) -> Summary:
    added, removed = _named(changes, Action.CREATE), _named(changes, Action.DESTROY)
    on_one_side = {*added, *removed}
    staying = {each.change.server for each in tools} - on_one_side
    images = {each.name for each in changes if each.name in after.facts and _has_other_image(each)} - on_one_side
    actions = Counter(each.change.action for each in tools if each.change.server in staying)
    return Summary(
        added=added,
        removed=removed,
        renamed=MappingProxyType(dict(renames)),
        changed=len({each.name for each in changes} - on_one_side | staying),
        common=len(after.facts) - len(added),
        other_image=len(images),
        other_tools=len(staying),
        other_tools_same_image=len(staying - images),
        tools_added=actions[ToolAction.ADDED],
        tools_removed=actions[ToolAction.REMOVED],
        tools_changed=actions.total() - actions[ToolAction.ADDED] - actions[ToolAction.REMOVED],
    )


def _named(changes: tuple[Change, ...], action: Action) -> tuple[str, ...]:
    return tuple(sorted(each.name for each in changes if each.action is action))


def _has_other_image(change: Change) -> bool:
    return any(field.name == "image" for field in change.fields)
