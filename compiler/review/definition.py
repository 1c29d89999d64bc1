"""One tool's definition before and after, part by part."""

from collections.abc import Iterator, Mapping
from typing import Any

from mcphub_gitops.compiler.review.annotations import compare_annotations
from mcphub_gitops.compiler.review.constraint import Effect, compared, told
from mcphub_gitops.compiler.review.course import Direction
from mcphub_gitops.compiler.review.finding import MISSING, Finding, Json, ToolClass, below, is_order, is_same
from mcphub_gitops.compiler.review.schema import compare_schemas
from mcphub_gitops.compiler.review.wording import compare_plain

Definition = Mapping[str, Any]
"""A tool's definition as its server gave it, or ``{"name": X}`` alone where no more is known."""

_DEEPEST = 200
"""Levels of JSON in a definition that is compared part by part."""

_WORDS = frozenset({"_meta", "description", "icons", "title"})
_DIRECTIONS = {"inputSchema": Direction.INPUT, "outputSchema": Direction.OUTPUT}
_MODES = {"forbidden": frozenset({"call"}), "optional": frozenset({"call", "task"}), "required": frozenset({"task"})}


def is_bare(definition: Definition) -> bool:
    """Tell whether its name is all that is known of a tool."""
    return definition.keys() <= {"name"}


def compare_definitions(before: Definition, after: Definition) -> Iterator[Finding]:
    """Yield what changed between two definitions that are both known; nothing where their order alone differs."""
    if is_deep(before) or is_deep(after):
        said = f"It has more than {_DEEPEST} levels, and is not compared part by part."
        yield Finding(cls=ToolClass.BREAKING, where="", said=said)
        return
    for key in sorted({*before, *after}):
        old, new = before.get(key, MISSING), after.get(key, MISSING)
        if not is_same(old, new):
            yield from _part(key, old, new)


def is_deep(definition: Definition) -> bool:
    """Tell whether a definition has more levels than are compared."""
    level: list[Any] = [definition]
    for _ in range(_DEEPEST):
        level = [inner for each in level for inner in _inner(each) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inner(value: Json) -> Json:
    return value.values() if isinstance(value, Mapping) else value


def _part(key: str, before: Json, after: Json) -> Iterator[Finding]:
    if key in _DIRECTIONS:
        yield from compare_schemas(key, before, after, _DIRECTIONS[key])
    elif key == "annotations":
        yield from compare_annotations(key, before, after)
    elif key == "execution":
        yield from _execution(key, before, after)
    elif key in _WORDS:
        # Which icon stands first is nobody's choice: clients take the one that fits.
        if key != "icons" or not is_order(before, after):
            yield from compare_plain(key, before, after)
    else:
        said = f"{told(key, before, after)[:-1]}: nothing is known of what that does."
        yield Finding(cls=ToolClass.BREAKING, where=below("", key), said=said)


def _execution(where: str, before: Json, after: Json) -> Iterator[Finding]:
    """Yield what changed in whether the tool is called, or made a task (MCP 2025-11-25, ToolExecution)."""
    old, new = (each.get("taskSupport", MISSING) if isinstance(each, Mapping) else MISSING for each in (before, after))
    if is_same(old, new):
        yield from compare_plain(where, before, after)
        return
    first, second = (_modes(each) for each in (old, new))
    effect = Effect.UNCLEAR if first is None or second is None else compared(first, second)
    classes = {Effect.WIDENED: ToolClass.WIDENING, Effect.NONE: ToolClass.WORDING}
    said = told("taskSupport", old, new)
    yield Finding(cls=classes.get(effect, ToolClass.BREAKING), where=below(where, "taskSupport"), said=said)
    yield from compare_plain(where, _rest(before), _rest(after))


def _rest(value: Json) -> dict[str, Any]:
    return {key: each for key, each in value.items() if key != "taskSupport"} if isinstance(value, Mapping) else {}


def _modes(value: object) -> frozenset[str] | None:
    if value is MISSING:
        return _MODES["forbidden"]
    return _MODES.get(value) if isinstance(value, str) else None
