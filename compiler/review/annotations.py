"""What a tool says of itself: hints, of which what is not stated counts as the worse."""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

from mcphub_gitops.compiler.review.finding import MISSING, Finding, Json, ToolClass, below, is_same, quoted
from mcphub_gitops.compiler.review.wording import compare_plain

_SAFE: Final[Mapping[str, tuple[bool, str]]] = {
    "destructiveHint": (False, "that it destroys nothing"),
    "idempotentHint": (True, "that calling it twice is calling it once"),
    "openWorldHint": (False, "that it reaches nothing but what is known beforehand"),
    "readOnlyHint": (True, "that it changes nothing"),
}
"""The value of each hint that promises something, and what it promises (MCP 2026-07-28, ToolAnnotations).

Each one's default is the other value.
"""


class _Stated(Enum):
    PROMISE = "promise"
    WARNING = "warning"
    NOTHING = "nothing"


def compare_annotations(where: str, before: Json, after: Json) -> Iterator[Finding]:
    """Yield what changed in a tool's annotations."""
    old = before if isinstance(before, Mapping) else {}
    new = after if isinstance(after, Mapping) else {}
    is_told = False
    for key in sorted({*old, *new}):
        values = old.get(key, MISSING), new.get(key, MISSING)
        if is_same(*values):
            continue
        is_told = True
        if key in _SAFE:
            yield _hint(below(where, key), key, *values)
        else:
            yield from compare_plain(below(where, key), *values)
    if not is_told or not all(isinstance(each, Mapping) or each is MISSING for each in (before, after)):
        yield from compare_plain(where, before, after)


def _hint(where: str, key: str, before: object, after: object) -> Finding:
    _, promise = _SAFE[key]
    old, new = _stated(key, before), _stated(key, after)
    if old is _Stated.PROMISE:
        cls, said = ToolClass.SUSPICIOUS, f"It does not say any more {promise}: count on the opposite."
    elif old is _Stated.WARNING and new is _Stated.PROMISE:
        cls, said = ToolClass.SUSPICIOUS, f"It says now {promise}, where it warned of that before."
    elif new is _Stated.PROMISE:
        cls, said = ToolClass.WIDENING, f"It says now {promise}: clients may ask less before they call it."
    else:
        cls, said = ToolClass.WORDING, f"It says of {quoted(key)} in other words what was to be counted on anyway."
    return Finding(cls=cls, where=where, said=said)


def _stated(key: str, value: object) -> _Stated:
    if not isinstance(value, bool):
        return _Stated.NOTHING
    return _Stated.PROMISE if value is _SAFE[key][0] else _Stated.WARNING
