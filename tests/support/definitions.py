"""Tool definitions to change: real ones, and one that uses every keyword; and what changes each leaf of them."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from mcphub_gitops.compiler.resolve.catalog import read_catalog
from tests.support.shared import REQUIRED, SHARED

ROOT = Path(__file__).parents[2]

RICH: dict[str, Any] = {
    "name": "query",
    "title": "Query",
    "description": "Runs a query.\n\nSee https://docs.example.com/query for its language.",
    "inputSchema": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "query",
        "type": "object",
        "title": "Arguments",
        "$comment": "made by hand",
        "additionalProperties": False,
        "required": ["text", "mode"],
        "minProperties": 1,
        "dependentRequired": {"limit": ["mode", "text"]},
        "patternProperties": {"^x-": {"type": "string"}},
        "properties": {
            "text": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[a-z]+$", "description": "What"},
            "mode": {"enum": ["fast", "slow", 3], "default": "fast", "description": "How quickly"},
            "limit": {"type": ["integer", "null"], "minimum": 0, "exclusiveMaximum": 10, "multipleOf": 2},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "uniqueItems": True, "maxItems": 4},
            "range": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}]},
            "where": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"x": True}}, {"type": "null"}]},
            "kind": {"oneOf": [{"const": "a", "title": "A"}, {"const": "b", "title": "B"}], "examples": ["a", "b"]},
            "both": {"allOf": [{"minimum": 1}, {"maximum": 9}], "not": {"const": 5}, "deprecated": True},
            "when": {"type": "string", "format": "date-time", "nullable": True, "x-mcp-header": "When"},
        },
        "$defs": {"tag": {"type": "string", "maxLength": 8}, "unused": {"type": "null"}},
    },
    "outputSchema": {
        "type": "object",
        "required": ["rows"],
        "properties": {
            "rows": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}},
            "more": {"type": "boolean"},
        },
    },
    "annotations": {
        "title": "Query",
        "readOnlyHint": True,
        "destructiveHint": False,
        "idempotentHint": True,
        "openWorldHint": False,
    },
    "execution": {"taskSupport": "optional"},
    "icons": [{"src": "https://docs.example.com/a.png", "mimeType": "image/png", "sizes": ["48x48", "any"]}],
    "_meta": {"example.com/group": {"order": 1, "beta": None, "words": "of the team"}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One change of a definition: `place` are the keys that lead to what changed, `kind` says how."""

    kind: str
    place: tuple[str | int, ...]
    before: Any
    after: Any


def real_definitions() -> list[dict[str, Any]]:
    """Return the definitions that this repository's own hub is locked to, and the one with every keyword."""
    files = sorted((ROOT / "mcp-hub.tools").glob("*.json"))
    return [*(each for file in files for each in json.loads(file.read_bytes()).values()), RICH]


def published_definitions() -> list[dict[str, Any]]:
    """Return the tools of which a published catalog tells what they take; none where the shared data is absent."""
    if not SHARED.is_dir() and not REQUIRED:
        return []
    catalog = read_catalog("catalog", (SHARED / "docker-mcp-catalog.yaml").read_bytes())[0]
    assert catalog is not None
    servers = (server for server in map(catalog.get, catalog.names) if server is not None)
    return [tool.definition for server in servers for tool in server.tools if tool.parameters]


def mutations(definition: dict[str, Any]) -> Iterator[Mutation]:
    """Yield each change of one leaf or branch: another value, none, and null; and one more key in each mapping."""
    for place, value in list(_places(definition)):
        if place[0] == "name":
            continue
        if not isinstance(value, dict | list):
            yield _changed("leaf", definition, place, _other(value))
        if value is not None:
            yield _changed("null", definition, place, None)
        if isinstance(place[-1], str):
            yield _removed(definition, place)
        if isinstance(value, dict):
            yield _changed("key", definition, place, {**value, "zzz": {"type": "string"}})
        if isinstance(value, list) and value:
            yield _changed("shorter", definition, place, value[1:])


def reordered(value: Any, random: Random) -> Any:  # noqa: ANN401
    """Return `value` with its keys, and those of its lists whose order means nothing, in another order."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda _: random.random())
        return {key: _shuffled(key, reordered(value[key], random), random) for key in keys}
    return [reordered(each, random) for each in value] if isinstance(value, list) else value


_UNORDERED = {"required", "enum", "type", "anyOf", "oneOf", "allOf", "examples", "limit"}


def _shuffled(key: str, value: Any, random: Random) -> Any:  # noqa: ANN401
    return random.sample(value, len(value)) if key in _UNORDERED and isinstance(value, list) else value


def _places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:  # noqa: ANN401
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*place, key), inner
        yield from _places(inner, (*place, key))


def _other(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value} changed"
    return 1 if value is None else value + 1


def _changed(kind: str, definition: dict[str, Any], place: tuple[str | int, ...], value: Any) -> Mutation:  # noqa: ANN401
    after = deepcopy(definition)
    _parent(after, place)[place[-1]] = value
    return Mutation(kind=kind, place=place, before=definition, after=after)


def _removed(definition: dict[str, Any], place: tuple[str | int, ...]) -> Mutation:
    after = deepcopy(definition)
    del _parent(after, place)[place[-1]]
    return Mutation(kind="gone", place=place, before=definition, after=after)


def _parent(value: Any, place: tuple[str | int, ...]) -> Any:  # noqa: ANN401
    for key in place[:-1]:
        value = value[key]
    return value
