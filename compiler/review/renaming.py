"""Which of the tools that are gone came back by another name: told by what their definitions say, never by names."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mcphub_gitops.compiler.canonical import encode
from mcphub_gitops.compiler.review.definition import Definition, is_bare, is_deep
from mcphub_gitops.compiler.review.finding import Json

Definitions = Mapping[str, Definition]

_MOST_PAIRS = 4_000
"""Pairs of one server's tools that are held against each other; more are not, and the answer says so."""

_ALIKE = 0.7
"""How alike two tools are that are taken for one, of 1, in arguments and words together."""

_LEAST_ALIKE = 0.4
"""How alike they are in each of both."""

_ALIKE_IN_WORDS = 0.85
"""How alike they are in words, where neither has arguments."""

_MOST_WORDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamings:
    """The old name by the new one; with `is_whole` every pair was looked at that could be one."""

    was: Mapping[str, str]
    is_whole: bool


def find_renamings(gone: Definitions, added: Definitions) -> Renamings:
    """Return which of `added` are tools of `gone`, each at most once, the most alike first.

    A definition that is a name alone is like no other. Equal schemas are found in time that grows with the number of
    tools; the others are compared pair by pair, up to a bound.
    """
    old, new = _traits(gone), _traits(added)
    same = dict(_same(old, new))
    for after, before in same.items():
        del old[before], new[after]
    pairs, is_whole = _candidates(old, new)
    return Renamings(was={**same, **_alike(old, new, pairs)}, is_whole=is_whole)


def _traits(definitions: Definitions) -> dict[str, "_Traits"]:
    known = {name: each for name, each in definitions.items() if not is_bare(each) and not is_deep(each)}
    return {name: _Traits.of(each) for name, each in sorted(known.items())}


def _alike(
    old: Mapping[str, "_Traits"], new: Mapping[str, "_Traits"], pairs: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """Return the old name by the new one of those that are alike enough, the most alike first."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for score, before, after in sorted((-_likeness(old[before], new[after]), before, after) for before, after in pairs):
        if score <= -_ALIKE and before not in taken and after not in found:
            found[after] = before
            taken.add(before)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traits:
    """What of a definition is compared: `all` but its name as JSON, its arguments, its words; each with its count."""

    all: bytes
    arguments: Counter[str]
    words: Counter[str]

    @classmethod
    def of(cls, definition: Definition) -> "_Traits":
        description = definition.get("description")
        words = description.lower().split()[:_MOST_WORDS] if isinstance(description, str) else []
        rest = {key: value for key, value in definition.items() if key != "name"}
        return cls(all=encode(rest), arguments=Counter(_arguments(definition.get("inputSchema"))), words=Counter(words))

    @property
    def form(self) -> frozenset[str]:
        return frozenset(self.arguments)


def _arguments(schema: Json) -> Iterator[str]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if isinstance(properties, Mapping):
        for name, each in list(properties.items())[:_MOST_WORDS]:
            kind = each.get("type") if isinstance(each, Mapping) else None
            yield f"{name}:{kind if isinstance(kind, str) else ''}"


def _same(old: Mapping[str, _Traits], new: Mapping[str, _Traits]) -> Iterator[tuple[str, str]]:
    """Yield those that are the same but for their names, in the order of names."""
    by_all: dict[bytes, list[str]] = {}
    for name in sorted(old, reverse=True):
        by_all.setdefault(old[name].all, []).append(name)
    for name, each in new.items():
        if (each.words or each.arguments) and (names := by_all.get(each.all)):
            yield name, names.pop()


def _candidates(old: Mapping[str, _Traits], new: Mapping[str, _Traits]) -> tuple[list[tuple[str, str]], bool]:
    """Return the pairs to look at, and whether they are all: where they are too many, those with the same arguments."""
    if len(old) * len(new) <= _MOST_PAIRS:
        return [(before, after) for before in old for after in new], True
    by_form: dict[frozenset[str], list[str]] = {}
    for name, each in old.items():
        by_form.setdefault(each.form, []).append(name)
    found: list[tuple[str, str]] = []
    for name, each in new.items():
        rivals = by_form.get(each.form, [])
        found += [(before, name) for before in rivals[: max(0, _MOST_PAIRS - len(found))]]
    return found, False


def _likeness(before: _Traits, after: _Traits) -> float:
    """Return how alike two tools are, from 0 to 1."""
    words = _shared(before.words, after.words)
    if not before.arguments and not after.arguments:
        return words if words >= _ALIKE_IN_WORDS else 0.0
    arguments = _shared(before.arguments, after.arguments)
    if not before.words and not after.words:
        return arguments if arguments == 1 and len(before.arguments) > 1 else 0.0
    return (words + arguments) / 2 if min(words, arguments) >= _LEAST_ALIKE else 0.0


def _shared(before: Counter[str], after: Counter[str]) -> float:
    """Return the share of what both have in what either has (Dice's coefficient)."""
    total = before.total() + after.total()
    return 2 * (before & after).total() / total if total else 0.0
