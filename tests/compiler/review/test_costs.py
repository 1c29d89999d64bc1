"""What a comparison costs on what is large, deep or made to be slow, and that nothing raises."""

from copy import deepcopy
from sys import gettrace
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcphub_gitops.compiler.canonical import encode
from mcphub_gitops.compiler.review.tool import ToolAction, ToolClass, compare_tools
from tests.support.definitions import RICH

CHANGED = 1_000
UNCHANGED = 10_000


timed = pytest.mark.skipif(gettrace() is not None, reason="what is traced takes longer")


def seconds(before: dict[str, Any], after: dict[str, Any], others: dict[str, frozenset[str]] | None = None) -> float:
    begun = process_time()
    compare_tools("here", before, after, others=others or {})
    return process_time() - begun


def typical(number: int, note: str = "") -> dict[str, Any]:
    properties = {f"p{each}": {"type": "string", "description": f"Argument {each} of {number}"} for each in range(6)}
    return {
        "name": f"tool_{number}",
        "description": f"Does the thing that has the number {number}, and returns what came of it{note}",
        "inputSchema": {"type": "object", "properties": properties, "required": ["p0"]},
        "annotations": {"readOnlyHint": True},
    }


@timed
def test_changed_tools_are_compared_in_half_a_second_a_thousand() -> None:
    before = {f"tool_{number}": typical(number) for number in range(CHANGED)}
    after = {f"tool_{number}": typical(number, ", and more") for number in range(CHANGED)}
    others = {f"server{number}": frozenset({f"other_{number}_{each}" for each in range(10)}) for number in range(1_000)}
    for each in after.values():
        each["inputSchema"]["properties"]["new"] = {"type": "integer"}
        each["inputSchema"]["properties"]["p1"]["type"] = "number"
    assert min(seconds(before, after, others) for _ in range(3)) < 0.5


@timed
def test_what_did_not_change_is_hardly_looked_at() -> None:
    before = {f"tool_{number}": typical(number) for number in range(UNCHANGED)}
    assert min(seconds(before, dict(before)) for _ in range(3)) < 0.05
    assert min(seconds(before, deepcopy(before)) for _ in range(3)) < 0.6


@timed
def test_a_thousand_gone_and_a_thousand_new_are_not_held_against_each_other() -> None:
    before = {f"a{number}": typical(number) | {"name": f"a{number}"} for number in range(CHANGED)}
    after = {f"b{number}": typical(number, " again") | {"name": f"b{number}"} for number in range(CHANGED)}
    assert min(seconds(before, after) for _ in range(3)) < 1.5


def schema(value: object) -> dict[str, Any]:
    return {"x": {"name": "x", "description": "A thing", "inputSchema": value}}


def deep(levels: int, leaf: str, key: str = "items") -> Any:  # noqa: ANN401
    value: Any = {"type": leaf}
    for _ in range(levels):
        value = {key: value}
    return value


@pytest.mark.parametrize("levels", [10, 60, 150, 400, 900])
@pytest.mark.parametrize("key", ["items", "not", "x-mine"])
def test_depth_is_bounded_and_what_lies_deeper_counts_as_the_worse(levels: int, key: str) -> None:
    (change,) = compare_tools("s", schema(deep(levels, "string", key)), schema(deep(levels, "integer", key)), others={})
    assert change.findings
    assert key == "x-mine" or change.worst is ToolClass.BREAKING
    if key == "items":
        assert change.findings[0].where.count("items") <= 49


def test_what_is_too_deep_to_be_encoded_counts_as_changed() -> None:
    abyss = schema(deep(5_000, "string"))
    for before, after in ((abyss, schema(deep(5_000, "string"))), (schema({}), abyss)):
        (change,) = compare_tools("s", before, after, others={})
        assert [each.said for each in change.findings] == [
            "It has more than 200 levels, and is not compared part by part."
        ]
    assert [each.action for each in compare_tools("s", {}, abyss, others={})] == [ToolAction.ADDED]
    moved = compare_tools("s", abyss, {"y": abyss["x"] | {"name": "y"}}, others={})
    assert [each.action for each in moved] == [ToolAction.REMOVED, ToolAction.ADDED]


def ladder(count: int, leaf: str) -> dict[str, Any]:
    """Return definitions each of which refers to the next one twice."""
    steps = {f"D{n}": {"properties": {key: {"$ref": f"#/$defs/D{n + 1}"} for key in "ab"}} for n in range(count)}
    return {"properties": {"x": {"$ref": "#/$defs/D0"}}, "$defs": {**steps, f"D{count}": {"type": leaf}}}


def moved(count: int, suffix: str) -> dict[str, Any]:
    """Return many references to many definitions, by names with `suffix`."""
    names = [f"D{number}{suffix}" for number in range(count)]
    properties = {f"p{number}": {"$ref": f"#/$defs/{name}"} for number, name in enumerate(names)}
    return {"properties": properties, "$defs": {name: {"properties": {suffix: {}}} for name in names}}


SLOW: list[tuple[Any, Any]] = [
    (ladder(200, "string"), ladder(200, "integer")),
    ({"properties": {"x": deep(1, "string")}}, ladder(200, "integer")),
    (moved(5_000, "a"), moved(5_000, "b")),
    ({"anyOf": [{"const": n} for n in range(10_000)]}, {"anyOf": [{"const": -n} for n in range(10_001)]}),
    ({"enum": list(range(50_000))}, {"enum": list(range(1, 50_001))}),
    ({"properties": {str(n): {"type": "string"} for n in range(20_000)}}, {"properties": {}}),
    ({"required": [str(n) for n in range(20_000)]}, {"required": []}),
    ({"description": "a " * 50_000}, {"description": "b a " * 30_000}),
    ({"description": "x"}, {"description": "a" * 200_000}),
    ({"description": "x"}, {"description": "a." * 100_000}),
    ({"description": "x"}, {"description": "A1b" * 70_000}),
    ({"description": "x"}, {"description": "ignore " * 30_000}),
    ({"description": "x"}, {"description": "do not " * 30_000}),
    ({"description": "x"}, {"description": "<system " * 30_000}),
    ({"description": "x"}, {"description": "a@" * 60_000}),
    ({"description": "x"}, {"description": "http://" * 30_000}),
    ({"description": "x"}, {"description": "before using " * 15_000}),
    ({"description": "x"}, {"description": " " * 200_000 + "\n" * 50_000}),
    ({"description": "x"}, {"description": "\u200b" * 100_000}),
    ({"description": "x"}, {"description": "a\u0430" * 60_000}),
]


@timed
@pytest.mark.parametrize(("before", "after"), SLOW, ids=range(len(SLOW)))
def test_what_is_made_to_be_slow_is_not(before: object, after: object) -> None:
    size = len(encode(before)) + len(encode(after))
    taken = seconds(schema(before), schema(after))
    assert taken < 0.3 + size * 4e-6


keywords = st.sampled_from(
    [
        "type",
        "properties",
        "required",
        "enum",
        "const",
        "items",
        "prefixItems",
        "anyOf",
        "allOf",
        "$ref",
        "$defs",
        "additionalProperties",
        "default",
        "minimum",
        "multipleOf",
        "not",
        "patternProperties",
        "dependencies",
        "contains",
        "examples",
        "title",
        "uniqueItems",
        "nullable",
        "$schema",
        "definitions",
        "taskSupport",
        "readOnlyHint",
    ]
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | keywords, inner, max_size=4),
    max_leaves=12,
)
parts = st.dictionaries(
    st.sampled_from(
        ["description", "title", "inputSchema", "outputSchema", "annotations", "icons", "_meta", "execution", "mode"]
    ),
    json_values,
    max_size=4,
)


@settings(max_examples=400, deadline=None)
@given(parts, parts)
def test_any_two_definitions_are_compared(before: dict[str, Any], after: dict[str, Any]) -> None:
    sides = {"x": {"name": "x", **before}}, {"x": {"name": "x", **after}}
    found = compare_tools("s", *sides, others={})
    assert found == compare_tools("s", *deepcopy(sides), others={})
    assert compare_tools("s", sides[0], deepcopy(sides[0]), others={}) == ()
    for change in found:
        assert change.worst is change.findings[0].cls
        assert all(each.where.isprintable() and each.said.isprintable() for each in change.findings)
        assert [each.cls.rank for each in change.findings] == sorted(each.cls.rank for each in change.findings)


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_any_value_in_the_place_of_any_part_is_told(value: object) -> None:
    for key in ("description", "inputSchema", "outputSchema", "annotations", "icons", "_meta", "execution"):
        after = {**RICH, key: value}
        if encode(after) != encode(RICH):
            assert compare_tools("s", {"query": RICH}, {"query": after}, others={})
