"""Alternatives of a schema: which of them are alike before and after."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mcphub_gitops.compiler.canonical import encode

UNIONS: Final = frozenset({"anyOf", "oneOf"})
NOTES: Final = frozenset({"$comment", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"})
"""Keywords that accept and refuse nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Those that differ: `alike` with their place after, `added` with theirs, and `gone`."""

    alike: tuple[tuple[int, Any, Any], ...]
    added: tuple[tuple[int, Any], ...]
    gone: tuple[Any, ...]


def pair_branches(before: Sequence[Any], after: Sequence[Any]) -> Paired:
    """Return which of the branches that are not on both sides belong together.

    First those of one kind, then, if as many are left on both sides, in their order.
    """
    old, new = _without(before, after), _without(after, before)
    by_kind: dict[tuple[bytes, ...], list[int]] = {}
    for place in reversed(new):
        by_kind.setdefault(_kind(new[place]), []).append(place)
    alike: list[tuple[int, Any, Any]] = []
    for place, branch in list(old.items()):
        if places := by_kind.get(_kind(branch)):
            found = places.pop()
            alike.append((found, old.pop(place), new.pop(found)))
    if len(old) == len(new):
        alike += [(place, first, second) for first, (place, second) in zip(old.values(), new.items(), strict=True)]
        old, new = {}, {}
    return Paired(alike=tuple(alike), added=tuple(new.items()), gone=tuple(old.values()))


def alternatives(schema: Mapping[str, Any]) -> dict[bytes, Any]:
    """Return what `schema` accepts as alternatives, by their JSON, without what accepts and refuses nothing."""
    return {encode(each): each for each in _alternatives(_core(schema))}


def _alternatives(core: Mapping[str, Any]) -> Iterator[Any]:
    if len(core) == 1 and isinstance(branches := next(iter(core.values())), list) and core.keys() <= UNIONS:
        yield from (_core(each) if isinstance(each, Mapping) else each for each in branches)
    elif isinstance(types := core.get("type"), list):
        yield from ({**core, "type": each} for each in types)
    else:
        yield core


def _core(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in schema.items() if key not in NOTES and key != "default"}


def _without(branches: Sequence[Any], others: Sequence[Any]) -> dict[int, Any]:
    """Return those of `branches`, by their place, that are not in `others` as often."""
    left: dict[bytes, int] = {}
    for each in others:
        encoded = encode(each)
        left[encoded] = left.get(encoded, 0) + 1
    found = {}
    for place, each in enumerate(branches):
        encoded = encode(each)
        left[encoded] = left.get(encoded, 0) - 1
        if left[encoded] < 0:
            found[place] = each
    return found


def _kind(branch: object) -> tuple[bytes, ...]:
    """Return what tells a branch from others of its list."""
    if not isinstance(branch, Mapping):
        return (encode(branch),)
    return tuple(encode(branch.get(key)) for key in ("type", "$ref", "title", "const"))
