"""What keeps a condition's cost within bounds, found in its tree before it is ever evaluated.

The engine ends an evaluation after 10,000 iterations and its regular expressions take linear time; but within those
iterations a value could double again and again, as ``[1].map(a, [a, a]).map(a, [a, a])…`` does. So a condition makes
no values: lists hold constants, `map` and `filter` give back fields or variables, nothing but numbers is added. Then
whatever a variable is bound to stands in the facts or in the text, and no value is larger than both.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from mcphub_gitops.compiler.policy.tree import Tree
from mcphub_gitops.compiler.policy.vocabulary import Fact, facts_of
from mcphub_gitops.compiler.read.shape import suggest

MAX_PATTERN = 200
"""Longest regular expression, in code points."""

MAX_REPETITIONS = 100
"""How often a part of a regular expression may be repeated by counts: each makes it that much larger to match with."""

_COUNT = re.compile(r"\{(?:\d+,)?(\d+),?\}")
_FUNCTIONS = frozenset(
    {
        *("_&&_", "_||_", "!_", "_?_:_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_[_]"),
        *("_+_", "_-_", "_*_", "_/_", "_%_", "-_", "@not_strictly_false"),
        *("size", "contains", "startsWith", "endsWith", "matches", "string", "int", "double"),
    }
)
_NUMBERS = frozenset({"add_int64", "add_uint64", "add_double"})
_RESULT = "@result"
_PLAIN = frozenset({"constant", "name", "select"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """Something that a condition may not do: its place in code points, and why in a sentence; `unknown` is a name."""

    offset: int
    detail: str
    help: str = ""
    unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a condition was found to hold: breaches, its regular expressions with their places, and names of facts."""

    breaches: tuple[Breach, ...]
    patterns: tuple[tuple[int, str], ...]
    names: frozenset[str]


def find_bounds(tree: Tree, variables: Mapping[str, Fact]) -> Bounds:
    """Return what `tree` does that it may not, given the facts it may speak of."""
    walk = _Walk(variables=variables)
    breaches = tuple(walk.breaches(tree, {}))
    return Bounds(breaches=breaches, patterns=tuple(walk.patterns), names=frozenset(_names(tree) & variables.keys()))


def _names(tree: Tree) -> set[str]:
    found = {tree.name} if tree.kind == "name" else set()
    return found.union(*map(_names, tree.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    variables: Mapping[str, Fact]
    patterns: list[tuple[int, str]] = field(default_factory=list)

    def breaches(self, tree: Tree, records: Mapping[str, str]) -> Iterator[Breach]:
        """Yield what is wrong below `tree`; `records` are the variables that stand for records, and of which kind."""
        if tree.kind == "comprehension":
            yield from self._comprehension(tree, records)
            return
        if tree.kind == "struct":
            yield Breach(offset=tree.offset, detail="A condition makes no maps.")
        elif tree.kind == "list":
            yield from self._list(tree)
        elif tree.kind == "call":
            yield from self._call(tree)
        elif tree.kind == "select":
            yield from self._select(tree, records)
        for part in tree.parts:
            yield from self.breaches(part, records)

    def _comprehension(self, tree: Tree, records: Mapping[str, str]) -> Iterator[Breach]:
        source, *_, condition, step, result = tree.parts
        yield from self.breaches(source, records)
        record = self._record(source, records)
        inner = {name: kind for name, kind in records.items() if name != tree.name}
        if record:
            inner[tree.name] = record
        for part in (condition, result):
            yield from self.breaches(part, inner)
        yield from self._step(step, inner)

    def _step(self, tree: Tree, records: Mapping[str, str]) -> Iterator[Breach]:
        """Yield what is wrong with what is done for each element: that of `map` and `filter` makes a list."""
        if tree.kind == "call" and tree.name == "_?_:_":
            condition, *branches = tree.parts
            yield from self.breaches(condition, records)
            for branch in branches:
                yield from self._step(branch, records)
        elif _adds_element(tree):
            (element,) = tree.parts[1].parts
            if element.kind not in _PLAIN:
                detail = "`map` gives back a field, a variable or a constant, and nothing that is made of them."
                yield Breach(offset=element.offset, detail=detail)
            else:
                yield from self.breaches(element, records)
        else:
            yield from self.breaches(tree, records)

    def _list(self, tree: Tree) -> Iterator[Breach]:
        for element in tree.parts:
            if element.kind not in {"constant", "list"}:
                detail = "A list in a condition holds constants: a list of lists that are made can double without end."
                yield Breach(offset=element.offset, detail=detail)

    def _call(self, tree: Tree) -> Iterator[Breach]:
        if tree.name not in _FUNCTIONS:
            yield Breach(offset=tree.offset, detail=f"`{tree.name}` is no function of conditions.")
        elif tree.name == "_+_" and not tree.overloads <= _NUMBERS:
            yield Breach(
                offset=tree.offset, detail="`+` adds what is known to be numbers, and joins neither text nor lists."
            )
        elif tree.name == "matches":
            yield from self._matches(tree)

    def _matches(self, tree: Tree) -> Iterator[Breach]:
        pattern = tree.parts[-1]
        if pattern.text is None:
            yield Breach(offset=pattern.offset, detail="A regular expression stands in the condition as it is.")
        elif len(pattern.text) > MAX_PATTERN:
            detail = f"A regular expression has at most {MAX_PATTERN} characters; this one has {len(pattern.text)}."
            yield Breach(offset=pattern.offset, detail=detail)
        elif _repetitions(pattern.text) > MAX_REPETITIONS:
            detail = (
                f"The counts of a regular expression come to at most {MAX_REPETITIONS}, multiplied with each other."
            )
            yield Breach(offset=pattern.offset, detail=detail)
        else:
            self.patterns.append((pattern.offset, pattern.text))

    def _select(self, tree: Tree, records: Mapping[str, str]) -> Iterator[Breach]:
        (operand,) = tree.parts
        record = self._element(operand, records)
        known = [fact.name for fact in facts_of(record)] if record else []
        if record and tree.name not in known:
            detail = f"What stands before it has no `{tree.name}`."
            yield Breach(offset=tree.offset, detail=detail, help=suggest(tree.name, known), unknown=True)

    def _element(self, tree: Tree, records: Mapping[str, str]) -> str:
        """Return the kind of record that `tree` is, empty where it is none or cannot be told."""
        if tree.kind == "name":
            return records.get(tree.name, "")
        if tree.kind == "call" and tree.name == "_[_]":
            return self._record(tree.parts[0], records)
        return ""

    def _record(self, tree: Tree, records: Mapping[str, str]) -> str:
        """Return the kind of record that the list `tree` holds, empty where it holds none or it cannot be told."""
        if tree.kind == "name" and tree.name in self.variables:
            return self.variables[tree.name].record
        if tree.kind != "comprehension":
            return ""
        added = next((each for each in _branches(tree.parts[3]) if _adds_element(each)), None)
        source = self._record(tree.parts[0], records)
        is_filter = added is not None and added.parts[1].parts[0] == _variable(added, tree.name)
        return source if is_filter else ""


def _repetitions(pattern: str) -> int:
    return prod(max(1, int(count[:9])) for count in _COUNT.findall(pattern))


def _branches(tree: Tree) -> tuple[Tree, ...]:
    return tree.parts[1:] if tree.kind == "call" and tree.name == "_?_:_" else (tree,)


def _variable(added: Tree, name: str) -> Tree:
    return Tree(kind="name", offset=added.parts[1].parts[0].offset, name=name)


def _adds_element(tree: Tree) -> bool:
    """Tell whether `tree` is what `map` and `filter` do with an element: no text of a user can name the result."""
    if tree.kind != "call" or tree.name != "_+_":
        return False
    first, second = tree.parts
    return first.kind == "name" and first.name == _RESULT and second.kind == "list" and len(second.parts) == 1
