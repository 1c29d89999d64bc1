"""Rules over facts: what is looked at, what is tagged, what breaks which rule."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from mcphub_gitops.compiler.policy.condition import Condition, Scope, Undecided
from mcphub_gitops.compiler.policy.model import Given, GivenServer, Rule, Tag
from mcphub_gitops.compiler.policy.vocabulary import Kind, completed, flatten

HUB = "hub"
"""The subject of rules over the whole hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A rule that `subject` breaks, or that could not be decided for it: `undecided` says why."""

    rule: Rule
    subject: str
    server: str = ""
    undecided: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thing:
    subject: str
    server: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """A server with its tags and its tools': `facts` are flat, by whole names."""

    name: str
    facts: Mapping[str, Any]
    nested: Mapping[str, Any]
    tools: tuple[Mapping[str, Any], ...]


class _Tags:
    """The tags of one kind, and the facts that they ask for."""

    def __init__(self, kind: Kind, tags: Sequence[Tag]) -> None:
        self._kind = kind
        self._tags = [tag for tag in tags if tag.kind == kind]
        self._names = _names(*(tag.when for tag in self._tags))
        self._own = _own(kind, self._names) if kind == "tool" else []

    def of(self, above: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[str]:
        """Yield the tags of a thing with `facts`, and those `above` it. A tag that cannot be decided is given."""
        if not self._tags:
            return
        seen = {name: above[name] for name in self._names & above.keys()}
        seen |= {whole: facts[short] for whole, short in self._own}
        scope = Scope(self._kind, seen, derived=False)
        yield from (tag.tag for tag in self._tags if scope.decide(tag.when) is not False)


def find_breaches(given: Given, rules: Sequence[Rule], tags: Sequence[Tag]) -> tuple[Breach, ...]:
    """Return what of `given` breaks which of `rules`, in the order of the rules, then of the things."""
    hub = dict(flatten("hub", given.hub))
    by_kind: dict[Kind, _Tags] = {"server": _Tags("server", tags), "tool": _Tags("tool", tags)}
    servers = [_tagged(server, hub, by_kind) for server in _sharing(given.servers)]
    whole = {**hub, **_summary(servers)}
    breaches: list[Breach] = []
    for kind in dict.fromkeys(rule.kind for rule in rules):
        wanted = [rule for rule in rules if rule.kind == kind]
        names = _names(*(rule.deny for rule in wanted), *(rule.when for rule in wanted))
        for thing in _things(kind, whole, servers, names):
            breaches.extend(_broken(wanted, thing, Scope(kind, thing.facts)))
    order = {rule.name: place for place, rule in enumerate(rules)}
    return tuple(sorted(breaches, key=lambda each: order[each.rule.name]))


def _broken(rules: Iterable[Rule], thing: _Thing, scope: Scope) -> Iterator[Breach]:
    for rule in rules:
        found = _judge(rule, thing, scope)
        if found is not None:
            yield found


def _judge(rule: Rule, thing: _Thing, scope: Scope) -> Breach | None:
    for condition in (rule.when, rule.deny):
        found = scope.decide(condition) if condition is not None else True
        if isinstance(found, Undecided):
            return Breach(rule=rule, subject=thing.subject, server=thing.server, undecided=found.reason)
        if not found:
            return None
    return Breach(rule=rule, subject=thing.subject, server=thing.server)


def _names(*conditions: Condition | None) -> frozenset[str]:
    """Return the facts that any of `conditions` speaks of: others are not handed over, which takes most of the time."""
    return frozenset().union(*(each.names for each in conditions if each is not None))


def _things(kind: Kind, hub: Mapping[str, Any], servers: Iterable[_Server], names: frozenset[str]) -> Iterator[_Thing]:
    """Yield the things of `kind`, each with those of its facts that are in `names`."""
    of_hub = {name: hub[name] for name in names & hub.keys()}
    if kind == "hub":
        yield _Thing(subject=HUB, server="", facts=of_hub)
        return
    own = _own(kind, names)
    for server in servers:
        seen = {**of_hub, **{name: server.facts[name] for name in names & server.facts.keys()}}
        if kind == "server":
            yield _Thing(subject=server.name, server=server.name, facts=seen)
            continue
        for name, facts in _parts(kind, server):
            found = {whole: facts[short] for whole, short in own}
            yield _Thing(subject=f"{server.name}/{name}", server=server.name, facts={**seen, **found})


def _own(kind: Kind, names: frozenset[str]) -> list[tuple[str, str]]:
    """Return those of `names` that are of the thing itself, whole and as its facts have them."""
    return [(name, name.partition(".")[2]) for name in sorted(names) if name.startswith(f"{kind}.")]


def _parts(kind: Kind, server: _Server) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the things of `kind` that belong to `server`, by the names that waivers use."""
    nested = server.nested
    if kind == "tool":
        yield from ((tool["name"], tool) for tool in server.tools)
    elif kind == "image":
        images = (nested["image"], *nested["toolImages"])
        yield from ((each["repository"], each) for each in images if each["repository"])
    else:
        key, field = {"secret": ("secrets", "variable"), "mount": ("mounts", "target"), "host": ("hosts", "name")}[kind]
        yield from ((each[field], each) for each in nested[key])


def _tagged(server: GivenServer, hub: Mapping[str, Any], tags: Mapping[Kind, _Tags]) -> _Server:
    """Return `server` with the tags that hold for it and its tools."""
    facts = dict(flatten("server", server.facts))
    above = {**hub, **facts}
    own = {*server.facts["tags"], *tags["server"].of(above, {})}
    tools = [{**tool, "tags": sorted({*own, *tool["tags"], *tags["tool"].of(above, tool)})} for tool in server.tools]
    facts |= {
        "server.tags": sorted(own.union(*(tool["tags"] for tool in tools))),
        "server.toolCount": len(tools),
        "server.tokens": sum(tool["tokens"] for tool in tools),
    }
    return _Server(name=facts["server.name"], facts=facts, nested=server.facts, tools=tuple(tools))


def _sharing(servers: Sequence[GivenServer]) -> list[GivenServer]:
    """Return `servers` with each secret knowing which of them are given the same reference."""
    sharing: dict[str, dict[str, None]] = {}
    for server in servers:
        for secret in server.facts["secrets"]:
            sharing.setdefault(secret["reference"], {})[server.facts["name"]] = None
    return [replace(server, facts={**server.facts, "secrets": _shared(server, sharing)}) for server in servers]


def _shared(server: GivenServer, sharing: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
    return [{**each, "servers": list(sharing[each["reference"]])} for each in server.facts["secrets"]]


def _summary(servers: Sequence[_Server]) -> dict[str, Any]:
    tools = [completed("toolSummary", {**tool, "server": server.name}) for server in servers for tool in server.tools]
    return {
        "hub.servers": [_short(server) for server in servers],
        "hub.tools": tools,
        "hub.serverCount": len(servers),
        "hub.toolCount": len(tools),
        "hub.tokens": sum(server.facts["server.tokens"] for server in servers),
        "hub.tags": sorted(set(chain.from_iterable(server.facts["server.tags"] for server in servers))),
        "hub.stores": sorted({each["store"] for server in servers for each in server.nested["secrets"]}),
    }


def _short(server: _Server) -> dict[str, Any]:
    return completed("serverSummary", {name.removeprefix("server."): found for name, found in server.facts.items()})
