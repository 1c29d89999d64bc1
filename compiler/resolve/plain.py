"""Plain data held against a schema of others: what is wrong, by paths in the data, which has no places in a text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.codes import Code
from mcphub_gitops.compiler.diagnostic import Diagnostic, sort
from mcphub_gitops.compiler.read import shape
from mcphub_gitops.compiler.read.syntax import Entry, ListNode, MapNode, Node, ScalarNode
from mcphub_gitops.compiler.source import Position, Span

NO_PATTERN = "A pattern of the catalog is no regular expression, or none that is matched in linear time."
"""What is wrong with a schema that nothing can be held against, where its shape leaves only a pattern."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """One value that is not as the schema says, and the path that leads to it; it may name what is not there."""

    code: Code
    detail: str
    path: Path
    help: str = ""


def find_misfits(name: str, value: object, schema: Mapping[str, Any]) -> tuple[Misfit, ...]:
    """Return how `value`, which is called `name` in what is said, differs from `schema`, which `foreign` let through.

    A text with U+0000 in it is a misfit, too: no program can be told it. Raises ValueError where the schema has a
    pattern that is none (`NO_PATTERN`), TypeError where `value` is no JSON.
    """
    places = _Places()
    document = places.node({name: value}, ())
    found = shape.check_foreign(document, {"type": "object", "properties": {name: schema}})
    return (*map(places.misfit, sort(found)), *places.broken())


def with_defaults(settings: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return `settings` with the defaults of `schema` where one is not given, and within those that are."""
    declared = schema.get("properties", {})
    given = {name: _completed(each, declared.get(name, {})) for name, each in settings.items()}
    return {**{name: each["default"] for name, each in declared.items() if "default" in each}, **given}


def _completed(value: object, schema: Mapping[str, Any]) -> object:
    if isinstance(value, list):
        return [_completed(item, schema.get("items", {})) for item in value]
    return with_defaults(value, schema) if isinstance(value, Mapping) else value


@dataclass(frozen=True, slots=True)
class _Places:
    """Nodes made of plain data, with paths for places: line N of them stands for path N; `nuls` are bad texts."""

    paths: list[Path] = field(default_factory=list)
    nuls: list[Path] = field(default_factory=list)

    def node(self, value: object, path: Path) -> Node:
        span = self._span(path)
        if isinstance(value, Mapping):
            entries = (
                Entry(key=key, key_span=self._span((*path, key)), value=self.node(each, (*path, key)))
                for key, each in value.items()
            )
            return MapNode(entries=tuple(entries), span=span)
        if isinstance(value, list):
            return ListNode(items=tuple(self.node(each, (*path, n)) for n, each in enumerate(value)), span=span)
        if isinstance(value, str) and "\0" in value:
            self.nuls.append(path)
        if value is None or isinstance(value, (str, bool, int, float)):
            return ScalarNode(value=value, span=span)
        raise TypeError(f"{type(value).__name__} is not JSON")

    def misfit(self, found: Diagnostic) -> Misfit:
        path = self.paths[found.span.start.line - 1]
        return Misfit(code=found.code, detail=found.detail, path=path, help=found.help)

    def broken(self) -> tuple[Misfit, ...]:
        detail = "No program can be told a text with U+0000 in it."
        return tuple(Misfit(code=codes.BAD_VALUE, detail=detail, path=path) for path in self.nuls)

    def _span(self, path: Path) -> Span:
        self.paths.append(path)
        place = Position(line=len(self.paths), column=1)
        return Span.between("", place, place)
