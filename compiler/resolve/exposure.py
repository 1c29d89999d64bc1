"""Under which names clients see the tools of a hub: a pure function of the hub and of the tools that servers have."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple, Self

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.resolve.glob import Globs, matches_any
from mcphub_gitops.compiler.resolve.model import Hub, Server, Text
from mcphub_gitops.compiler.source import Span

_SERVABLE = re.compile(r"[A-Za-z0-9_.-]{1,128}")
"""What a tool may be called (MCP 2026-07-28, "Tools")."""

_ACCEPTED = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What every client accepts: the models' own limit on the names of functions."""

_LONGEST_QUALIFIED = 64
"""The same limit, for clients that put the server's name before the tool's."""

_MANY = 100
"""More tools of one server than this are more than a model chooses well among, and most of a client's limit of 128."""

_SHOWN = 160
_MOST_LISTED = 12


class Exposed(NamedTuple):
    """A tool that clients see as `name`; `span` is the place where it is known from.

    Where all of a hub are looked at there are many, and a tuple is made in half the time of a dataclass.
    """

    server: Server
    tool: str
    name: str
    span: Span

    @property
    def shown(self) -> str:
        """The name fit for a message."""
        return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in self.name[:_SHOWN])


@dataclass(frozen=True, slots=True)
class KnownTools:
    """The tools of one server that are known, by its own names; `spans` are their places, one for each or one for all.

    A hub has too many tools to make something of each that nobody looks at: what has all of a server is one value.
    """

    names: Sequence[str]
    spans: Sequence[Span]

    @classmethod
    def of(cls, texts: Sequence[Text]) -> Self:
        """Return the tools that `texts` name, each at its place."""
        return cls([text.value for text in texts], [text.span for text in texts])


Known = Mapping[str, KnownTools]
"""The tools of each server by its name; a server that is missing has unknown tools, not none."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """The tools of `server` that clients see: `tools` by its own names, `names` those for clients, in one order.

    `spans` are as those of `KnownTools`. Each by itself is made when it is looked at.
    """

    server: Server
    tools: Sequence[str]
    names: Sequence[str]
    spans: Sequence[Span]

    @classmethod
    def of(cls, server: Server, exposed: Sequence[Exposed]) -> Self:
        """Return what `exposed`, all of `server`, comes to."""
        return cls(
            server, [each.tool for each in exposed], [each.name for each in exposed], [each.span for each in exposed]
        )

    def __iter__(self) -> Iterator[Exposed]:
        spans = repeat(self.spans[0]) if len(self.spans) == 1 else self.spans
        return map(Exposed, repeat(self.server), self.tools, self.names, spans)

    def without(self, tools: Collection[str]) -> "Exposure":
        """Return the same without `tools`, by the server's own names."""
        return Exposure.of(self.server, [each for each in self if each.tool not in tools]) if tools else self


def expose(hub: Hub, known: Known) -> tuple[tuple[Exposure, ...], tuple[Diagnostic, ...]]:
    """Return the tools that are served with their names for clients, of each server, in order, and what is wrong."""
    problems: list[Diagnostic] = []
    found: list[Exposure] = []
    for server in hub.servers:
        if server.enabled and server.name in known:
            selected = _selected(server, known[server.name])
            problems.extend(_selection_problems(selected, known[server.name]))
            found.append(selected)
    resolved = _resolve(hub.on_conflict, found, problems)
    for exposure in resolved:
        if not _are_accepted(exposure):
            problems.extend(problem for each in exposure if not _is_accepted(each) for problem in _name_problems(each))
    return tuple(resolved), tuple(problems)


def _selected(server: Server, known: KnownTools) -> Exposure:
    whole = Exposure(server, known.names, known.names, known.spans)
    if not (server.allow or server.deny or server.renames or server.prefix):
        # Of most servers nothing is said.
        return whole
    left = left_by_filters(server, known.names)
    return Exposure.of(server, [_named(server, each) for each in whole if each.tool in left])


def left_by_filters(server: Server, tools: Collection[str]) -> frozenset[str]:
    """Return those of `tools` that the filters of `server` leave."""
    allow, deny = (Globs.of(glob.value for glob in globs) for globs in (server.allow, server.deny))
    return frozenset(tool for tool in tools if (not allow or allow.match(tool)) and not deny.match(tool))


def unmatched_filters(server: Server, tools: Collection[str], whose: str) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each filter or name of `server` that is none of `tools`; `whose` ends "tools that …"."""
    for glob in (*server.allow, *server.deny):
        if not matches_any(glob.value, tools):
            yield _unmatched(glob, tools, whose)
    for name in dict.fromkeys((*server.renames, *server.descriptions)):
        if name.value not in tools:
            yield _unmatched(name, tools, whose)


def _unmatched(glob: Text, tools: Collection[str], whose: str) -> Diagnostic:
    detail = f"`{glob.value}` matches none of the {len(tools)} tools that {whose}."
    return Diagnostic(code=codes.FILTER, detail=detail, span=glob.span, help=suggest(glob.value, tools))


def _named(server: Server, known: Exposed) -> Exposed:
    given = _given_name(server, known.tool)
    return known._replace(name=given or (f"{server.prefix}_{known.tool}" if server.prefix else known.tool))


def _given_name(server: Server, tool: str) -> str:
    return next((name.value for own, name in server.renames.items() if own.value == tool), "")


def _resolve(on_conflict: str, found: list[Exposure], problems: list[Diagnostic]) -> list[Exposure]:
    """Return `found` with the names that several would have given to one of them, or told."""
    if len({name for each in found for name in each.names}) == sum(len(each.names) for each in found):
        return found
    told_apart: dict[str, list[Exposed]] = {each.server.name: [] for each in found}
    for one in _told_apart(on_conflict, [one for each in found for one in each], problems):
        told_apart[one.server.name].append(one)
    return [Exposure.of(each.server, told_apart[each.server.name]) for each in found]


def _told_apart(on_conflict: str, found: list[Exposed], problems: list[Diagnostic]) -> list[Exposed]:
    groups = _by_name(found)
    if on_conflict == "first":
        return [each for each in found if groups[each.name][0] is each]
    if on_conflict == "prefix":
        found = [_prefixed(each) if len(groups[each.name]) > 1 else each for each in found]
        groups = _by_name(found)
    problems.extend(_collision(group) for group in groups.values() if len(group) > 1)
    return found


def _by_name(found: list[Exposed]) -> dict[str, list[Exposed]]:
    groups: dict[str, list[Exposed]] = {}
    for each in found:
        groups.setdefault(each.name, []).append(each)
    return groups


def _prefixed(exposed: Exposed) -> Exposed:
    is_given = _given_name(exposed.server, exposed.tool)
    return exposed if is_given else exposed._replace(name=f"{exposed.server.name}_{exposed.tool}")


def _collision(group: list[Exposed]) -> Diagnostic:
    if len({each.span for each in group}) < len(group):
        # Two servers of one catalog's entry are told apart where the hub declares them.
        group = [each._replace(span=each.server.span) for each in group]
    first, *others = group
    return Diagnostic(
        code=codes.COLLISION,
        detail=f"{_listed(group)} would {'all' if others[1:] else 'both'} serve `{first.shown}`.",
        span=others[0].span,
        notes=tuple(
            Note(message=f"`{each.server.name}` has it too", span=each.span)
            for each in (first, *others[1:])[:_MOST_LISTED]
        ),
        help=(
            f"give one of them a `prefix`, deny the tool (`tools: {{deny: [{others[0].tool}]}}`), "
            "or say `gateway: {onConflict: prefix}`"
        ),
    )


def _listed(group: list[Exposed]) -> str:
    names = [f"`{each.server.name}`" for each in group]
    if len(names) > _MOST_LISTED:
        return f"{', '.join(names[:_MOST_LISTED])} and {len(names) - _MOST_LISTED:,} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _selection_problems(selected: Exposure, known: KnownTools) -> Iterator[Diagnostic]:
    server = selected.server
    if known.names and not selected.names:
        detail = f"The filters of `{server.name}` leave none of its {len(known.names)} tools."
        help_ = "serve at least one, or set `enabled: false`"
        yield Diagnostic(code=codes.FILTER, detail=detail, span=server.span, help=help_)
    if len(selected.names) > _MANY:
        detail = f"`{server.name}` would serve {len(selected.names)} tools."
        help_ = "name those that are needed under `tools: {allow: […]}`"
        yield Diagnostic(code=codes.MANY_TOOLS, detail=detail, span=selected.spans[0], help=help_)


def _are_accepted(exposure: Exposure) -> bool:
    """Whether every client takes each of the names, alone and after the server's."""
    given = (name.value for name in exposure.server.renames.values())
    longest = max(map(len, (*exposure.tools, *given)), default=0)
    fits = len(f"{exposure.server.name}__") + longest <= _LONGEST_QUALIFIED
    return fits and all(map(_ACCEPTED.fullmatch, exposure.names))


def _is_accepted(exposed: Exposed) -> bool:
    """Whether every client takes the name, alone and after the server's."""
    return _ACCEPTED.fullmatch(exposed.name) is not None and len(_qualified(exposed)) <= _LONGEST_QUALIFIED


def _qualified(exposed: Exposed) -> str:
    return f"{exposed.server.name}__{_given_name(exposed.server, exposed.tool) or exposed.tool}"


def _name_problems(exposed: Exposed) -> Iterator[Diagnostic]:
    if not _SERVABLE.fullmatch(exposed.name):
        detail = f"`{exposed.server.name}` would serve a tool called `{exposed.shown}`."
        help_ = "deny or rename it under `tools`, or choose a shorter `prefix`"
        yield Diagnostic(code=codes.TOOL_NAME, detail=detail, span=exposed.span, help=help_)
    elif not _ACCEPTED.fullmatch(exposed.name):
        detail = f"`{exposed.shown}` of `{exposed.server.name}` has {_why_refused(exposed.name)}."
        help_ = "rename it under `tools: {rename: …}`"
        yield Diagnostic(code=codes.CLIENT_NAME, detail=detail, span=exposed.span, help=help_)
    else:
        qualified = _qualified(exposed)
        detail = f"`{qualified}` has {len(qualified)} characters."
        help_ = "rename the tool or the server, if it is to be used with such a client"
        yield Diagnostic(code=codes.CLIENT_NAME, detail=detail, span=exposed.span, help=help_)


def _why_refused(name: str) -> str:
    return "a dot in its name" if "." in name else f"{len(name)} characters"
