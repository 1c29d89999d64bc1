"""JSON Schemas of others: what may be checked against them, so that nobody's schema takes long or much memory.

There is no reference, so each keyword meets each value at most once: the product of both sizes bounds the work, and
is counted before it is done. Patterns are matched by an engine that takes time linear in the text, and refuses what it
cannot match so. docs/decisions/0013-foreign-schemas.md has the figures.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema_rs import RegexOptions

MAX_SCHEMA = 2_000
"""Weight of a schema: its keys and values, and a sixteenth of their characters."""

MAX_WORK = 200_000
"""Weight of a schema times that of what is held against it."""

MAX_PATTERNS = 64
MAX_MATCHING = 25_000
"""Patterns times characters that they may be matched against."""

PATTERNS = RegexOptions(size_limit=1 << 18, dfa_size_limit=1 << 20)
"""The linear engine. `size_limit` are the bytes of a compiled pattern, `dfa_size_limit` those of its cache."""

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_CHARACTERS = 16
_SHOWN = 80


def why_not_checked(schema: Mapping[str, Any], document: object) -> str:
    """Return why `document` is not held against `schema`, in words that follow "The schema"; empty when it can be."""
    fault = next(_faults(schema), "")
    if fault:
        return fault
    weight, _ = _measure(schema, MAX_SCHEMA)
    if weight > MAX_SCHEMA:
        return "is too large"
    patterns = sum(1 for key, value in _members(schema) if key == "pattern" and isinstance(value, str))
    if patterns > MAX_PATTERNS:
        return f"has {patterns} patterns; {MAX_PATTERNS} are allowed"
    size, characters = _measure(document, MAX_WORK // max(1, weight))
    if size * weight > MAX_WORK:
        return "is too large for so many settings"
    if characters * patterns > MAX_MATCHING:
        return "has too many patterns for texts that long"
    return ""


def _faults(schema: object) -> Iterator[str]:
    for key, value in _members(schema):
        if key in _REFERENCES and isinstance(value, str):
            yield f"has `{key}: {value[:_SHOWN]}`; references to other schemas are never followed"
        elif not key:
            yield "has an empty name"


def _members(value: object) -> Iterator[tuple[str, Any]]:
    rest = [value]
    while rest:
        each = rest.pop()
        if isinstance(each, Mapping):
            yield from each.items()
            rest.extend(each.values())
        elif isinstance(each, list):
            rest.extend(each)


def _measure(value: object, limit: int) -> tuple[int, int]:
    """Return the weight of `value` and its characters; both stop to be counted beyond `limit`.

    A value that stands in it several times is counted each time, as it would be checked each time.
    """
    weight = characters = 0
    rest = [value]
    while rest and weight <= limit:
        each = rest.pop()
        weight += 1
        if isinstance(each, str):
            characters += len(each)
            weight += len(each) // _CHARACTERS
        elif isinstance(each, Mapping):
            rest.extend(each)
            rest.extend(each.values())
        elif isinstance(each, list):
            rest.extend(each)
    return weight, characters
