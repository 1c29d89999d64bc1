"""Each kind of change of a definition, with the class that it has."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from mcphub_gitops.compiler.review.finding import Finding
from mcphub_gitops.compiler.review.tool import ToolClass, compare_tools

OTHERS = {"mail": frozenset({"send_email", "search", "deleteAll"}), "zoo": frozenset({"send_email"})}
S, B, W, T = ToolClass.SUSPICIOUS, ToolClass.BREAKING, ToolClass.WIDENING, ToolClass.WORDING


def findings(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Finding, ...]:
    changes = compare_tools("here", {"tool": before}, {"tool": after}, others=OTHERS)
    return changes[0].findings if changes else ()


def told(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[ToolClass, str, str]]:
    return [(each.cls, each.where, each.said) for each in findings(before, after)]


def tool(**parts: object) -> dict[str, Any]:
    return {"name": "tool", "description": "Do a thing", "inputSchema": {"type": "object"}, **parts}


def with_input(schema: object) -> dict[str, Any]:
    return tool(inputSchema=schema)


def obj(properties: object = None, **rest: object) -> dict[str, Any]:
    return {"type": "object", "properties": properties if properties is not None else {}, **rest}


STRING = {"type": "string"}
NODE = {"$defs": {"A": STRING, "B": STRING, "C": {"type": "integer"}, "D": {"$ref": "#/$defs/D"}}}


def prop(schema: object) -> dict[str, Any]:
    return obj({"x": schema})


INPUTS: list[tuple[str, Any, Any, list[tuple[ToolClass, str]] | None]] = [
    ("a parameter removed", prop(STRING), obj(), [(B, "properties.x")]),
    ("an optional parameter", obj(), prop(STRING), [(W, "properties.x")]),
    ("a required parameter", obj(), prop(STRING) | {"required": ["x"]}, [(B, "properties.x")]),
    ("a required parameter removed", prop(STRING) | {"required": ["x"]}, obj(required=[]), [(B, "properties.x")]),
    ("became required", prop(STRING), prop(STRING) | {"required": ["x"]}, [(B, "properties.x")]),
    ("became optional", prop(STRING) | {"required": ["x"]}, prop(STRING), [(W, "properties.x")]),
    ("an unknown one required", obj(), obj(required=["y"]), [(B, "properties.y")]),
    ("nothing required, said", obj(), obj(required=[]), [(T, "required")]),
    ("required twice", prop(STRING) | {"required": ["x"]}, prop(STRING) | {"required": ["x", "x"]}, [(T, "required")]),
    ("required is nonsense", obj(required=[]), obj(required="x"), [(B, "required")]),
    ("no properties, said", {"type": "object"}, obj(), [(T, "properties")]),
    ("properties are nonsense", obj(), obj([]), [(B, "properties")]),
    ("type narrowed", prop({"type": "number"}), prop({"type": "integer"}), [(B, "properties.x.type")]),
    ("type widened", prop({"type": "integer"}), prop({"type": "number"}), [(W, "properties.x.type")]),
    ("type among several", prop(STRING), prop({"type": ["string", "null"]}), [(W, "properties.x.type")]),
    ("type in a list", prop(STRING), prop({"type": ["string"]}), [(T, "properties.x.type")]),
    ("type changed", prop(STRING), prop({"type": "boolean"}), [(B, "properties.x.type")]),
    ("type new", prop({}), prop(STRING), [(B, "properties.x.type")]),
    ("type gone", prop(STRING), prop({}), [(W, "properties.x.type")]),
    ("type is nonsense", prop(STRING), prop({"type": "text"}), [(B, "properties.x.type")]),
    ("type is null", prop({}), prop({"type": None}), [(B, "properties.x.type")]),
    ("enum narrowed", prop({"enum": [1, 2]}), prop({"enum": [1]}), [(B, "properties.x.enum")]),
    ("enum widened", prop({"enum": [1]}), prop({"enum": [1, 2]}), [(W, "properties.x.enum")]),
    ("enum changed", prop({"enum": [1]}), prop({"enum": [True]}), [(B, "properties.x.enum")]),
    ("enum new", prop({}), prop({"enum": [1]}), [(B, "properties.x.enum")]),
    ("enum gone", prop({"enum": [1]}), prop({}), [(W, "properties.x.enum")]),
    ("enum twice", prop({"enum": [1]}), prop({"enum": [1, 1]}), [(T, "properties.x.enum")]),
    ("enum is nonsense", prop({"enum": [1]}), prop({"enum": 1}), [(B, "properties.x.enum")]),
    ("const new", prop({}), prop({"const": 1}), [(B, "properties.x.const")]),
    ("const gone", prop({"const": 1}), prop({}), [(W, "properties.x.const")]),
    ("const is an enum", prop({"const": 1}), prop({"enum": [1]}), [(T, "properties.x.const")]),
    ("const of an enum", prop({"enum": [1, 2]}), prop({"enum": [1, 2], "const": 2}), [(B, "properties.x.const")]),
    ("const of no enum", prop({"enum": [1]}), prop({"enum": [1], "const": 2}), [(B, "properties.x.const")]),
    ("minimum raised", prop({"minimum": 1}), prop({"minimum": 2}), [(B, "properties.x.minimum")]),
    ("minimum lowered", prop({"minimum": 2}), prop({"minimum": 1}), [(W, "properties.x.minimum")]),
    ("minimum written otherwise", prop({"minimum": 1}), prop({"minimum": 1.0}), [(T, "properties.x.minimum")]),
    ("minimum is nonsense", prop({"minimum": 1}), prop({"minimum": "2"}), [(B, "properties.x.minimum")]),
    ("minimum is true", prop({"minimum": 1}), prop({"minimum": True}), [(B, "properties.x.minimum")]),
    ("minimum new", prop({}), prop({"minimum": 1}), [(B, "properties.x.minimum")]),
    ("maximum lowered", prop({"maximum": 2}), prop({"maximum": 1}), [(B, "properties.x.maximum")]),
    ("maximum raised", prop({"maximum": 1}), prop({"maximum": 2}), [(W, "properties.x.maximum")]),
    ("maxLength gone", prop({"maxLength": 2}), prop({}), [(W, "properties.x.maxLength")]),
    ("multipleOf new", prop({}), prop({"multipleOf": 2}), [(B, "properties.x.multipleOf")]),
    ("multipleOf finer", prop({"multipleOf": 4}), prop({"multipleOf": 2}), [(W, "properties.x.multipleOf")]),
    ("multipleOf coarser", prop({"multipleOf": 2}), prop({"multipleOf": 4}), [(B, "properties.x.multipleOf")]),
    ("multipleOf other", prop({"multipleOf": 2}), prop({"multipleOf": 3}), [(B, "properties.x.multipleOf")]),
    ("multipleOf written", prop({"multipleOf": 2}), prop({"multipleOf": 2.0}), [(T, "properties.x.multipleOf")]),
    ("multipleOf nonsense", prop({"multipleOf": 2}), prop({"multipleOf": 0}), [(B, "properties.x.multipleOf")]),
    ("pattern new", prop({}), prop({"pattern": "a"}), [(B, "properties.x.pattern")]),
    ("pattern other", prop({"pattern": "a"}), prop({"pattern": "b"}), [(B, "properties.x.pattern")]),
    ("pattern gone", prop({"pattern": "a"}), prop({}), [(W, "properties.x.pattern")]),
    ("unique", prop({}), prop({"uniqueItems": True}), [(B, "properties.x.uniqueItems")]),
    ("not unique", prop({"uniqueItems": True}), prop({"uniqueItems": False}), [(W, "properties.x.uniqueItems")]),
    ("not unique, said", prop({}), prop({"uniqueItems": False}), [(T, "properties.x.uniqueItems")]),
    ("unique is nonsense", prop({}), prop({"uniqueItems": 1}), [(B, "properties.x.uniqueItems")]),
    ("nullable", prop({}), prop({"nullable": True}), [(W, "properties.x.nullable")]),
    ("not nullable", prop({"nullable": True}), prop({}), [(B, "properties.x.nullable")]),
    ("closed", obj(), obj(additionalProperties=False), [(B, "additionalProperties")]),
    ("opened", obj(additionalProperties=False), obj(additionalProperties=True), [(W, "additionalProperties")]),
    ("open, said", obj(), obj(additionalProperties=True), [(T, "additionalProperties")]),
    ("open, said as {}", obj(additionalProperties=True), obj(additionalProperties={}), [(T, "additionalProperties")]),
    ("half closed", obj(), obj(additionalProperties=STRING), [(B, "additionalProperties.type")]),
    ("half opened", obj(additionalProperties=False), obj(additionalProperties=STRING), [(W, "additionalProperties")]),
    ("no schema", obj(additionalProperties=False), obj(additionalProperties=7), [(B, "additionalProperties")]),
    ("no schema before", prop(7), prop(STRING), [(B, "properties.x")]),
    ("no schema now", prop(STRING), prop(None), [(B, "properties.x")]),
    ("items", prop({"items": STRING}), prop({"items": {"type": "integer"}}), [(B, "properties.x.items.type")]),
    ("items new", prop({}), prop({"items": STRING}), [(B, "properties.x.items.type")]),
    ("items as lists", prop({"items": [STRING]}), prop({"items": [{}]}), [(W, "properties.x.items.0.type")]),
    ("items as a list now", prop({"items": STRING}), prop({"items": [STRING]}), [(B, "properties.x.items")]),
    ("more items", prop({"prefixItems": [{}]}), prop({"prefixItems": [{}, {}]}), [(B, "properties.x.prefixItems")]),
    ("contains new", prop({}), prop({"contains": {}}), [(B, "properties.x.contains")]),
    ("contains gone", prop({"contains": {}}), prop({}), [(W, "properties.x.contains")]),
    ("contains", prop({"contains": {}}), prop({"contains": STRING}), [(B, "properties.x.contains.type")]),
    ("branch added", prop({"anyOf": [STRING]}), prop({"anyOf": [STRING, {}]}), [(W, "properties.x.anyOf.1")]),
    ("branch gone", prop({"anyOf": [STRING, {}]}), prop({"anyOf": [STRING]}), [(B, "properties.x.anyOf")]),
    (
        "branch changed",
        prop({"oneOf": [STRING, {"type": "null"}]}),
        prop({"oneOf": [{"type": "null"}, {"type": "integer"}]}),
        [(B, "properties.x.oneOf.1.type")],
    ),
    (
        "branch of a kind changed",
        prop({"oneOf": [STRING, {"type": "null"}]}),
        prop({"oneOf": [{"type": "null"}, {"type": "string", "maxLength": 1}, {"type": "array"}]}),
        [(B, "properties.x.oneOf.1.maxLength"), (W, "properties.x.oneOf.2")],
    ),
    ("branches that are no schemas", prop({"anyOf": [1]}), prop({"anyOf": [2]}), [(B, "properties.x.anyOf.0")]),
    ("branches are nonsense", prop({"anyOf": [{}]}), prop({"anyOf": {}}), [(B, "properties.x.anyOf")]),
    ("a union now", prop(STRING), prop({"anyOf": [STRING, {"type": "null"}]}), [(W, "properties.x")]),
    (
        "a union now, with words",
        prop(STRING | {"title": "X"}),
        prop({"anyOf": [STRING, {"type": "null"}], "default": None, "title": "Y"}),
        [(W, "properties.x"), (T, "properties.x.default"), (T, "properties.x.title")],
    ),
    ("no union now", prop({"anyOf": [STRING, {"type": "null"}]}), prop(STRING), [(B, "properties.x")]),
    (
        "a list of types as a union",
        prop({"type": ["string", "null"]}),
        prop({"anyOf": [STRING, {"type": "null"}]}),
        [(T, "properties.x")],
    ),
    (
        "another union now",
        prop(STRING),
        prop({"anyOf": [{"type": "null"}]}),
        [(B, "properties.x.anyOf"), (W, "properties.x.type")],
    ),
    ("a union of nonsense", prop(STRING), prop({"anyOf": [STRING, 1]}), [(W, "properties.x")]),
    ("condition added", prop({}), prop({"allOf": [STRING]}), [(B, "properties.x.allOf")]),
    ("condition in addition", prop({"allOf": [{}]}), prop({"allOf": [{}, STRING]}), [(B, "properties.x.allOf.1")]),
    ("condition gone", prop({"allOf": [{}, STRING]}), prop({"allOf": [{}]}), [(W, "properties.x.allOf")]),
    ("conditions gone", prop({"allOf": [STRING]}), prop({}), [(W, "properties.x.allOf")]),
    ("not", prop({"not": STRING}), prop({"not": {}}), [(B, "properties.x.not")]),
    ("mirrored", prop(STRING), prop(STRING | {"x-mcp-header": "X"}), [(B, "properties.x.x-mcp-header")]),
    ("default other", prop({"default": 1}), prop({"default": 2}), [(B, "properties.x.default")]),
    ("default null", prop({"default": None}), prop({}), [(B, "properties.x.default")]),
    ("default new", prop({}), prop({"default": None}), [(T, "properties.x.default")]),
    ("title", prop({"title": "X"}), prop({"title": "Y"}), [(T, "properties.x.title")]),
    ("examples", prop({"examples": [1, 2]}), prop({"examples": [1, 3]}), [(T, "properties.x.examples.1")]),
    ("deprecated", prop({}), prop({"deprecated": True}), [(T, "properties.x.deprecated")]),
    ("unknown keyword", prop({}), prop({"x-mine": 1}), [(T, "properties.x.x-mine")]),
    ("patterns", obj(patternProperties={}), obj(patternProperties={"a": STRING}), [(B, "patternProperties.a")]),
    (
        "a pattern's schema",
        obj(patternProperties={"a": STRING}),
        obj(patternProperties={"a": {}}),
        [(W, "patternProperties.a.type")],
    ),
    ("no patterns, said", obj(), obj(patternProperties={}), [(T, "patternProperties")]),
    (
        "patterns are nonsense",
        obj(),
        obj(patternProperties=1),
        [(B, "patternProperties.patternProperties"), (T, "patternProperties")],
    ),
    (
        "needs more",
        obj(dependentRequired={"a": ["b"]}),
        obj(dependentRequired={"a": ["b", "c"]}),
        [(B, "dependentRequired.a")],
    ),
    ("needs less", obj(dependentRequired={"a": ["b"]}), obj(dependentRequired={}), [(W, "dependentRequired.a")]),
    ("needs nonsense", obj(dependencies={"a": ["b"]}), obj(dependencies={"a": STRING}), [(B, "dependencies.a")]),
    ("dialect", obj(), obj(**{"$schema": "http://json-schema.org/draft-07/schema#"}), [(T, "$schema")]),
    ("dialect unknown", obj(), obj(**{"$schema": "urn:mine"}), [(B, "$schema")]),
    ("a schema's identity", obj(**{"$id": "a"}), obj(**{"$id": "b"}), [(T, "$id")]),
    ("definition", obj(**{"$defs": {"A": STRING}}), obj(**{"$defs": {"A": {}}}), [(W, "$defs.A.type")]),
    ("definition new", obj(), obj(**{"$defs": {"A": STRING}}), [(T, "$defs.A")]),
    ("definition gone", obj(definitions={"A": 1}), obj(definitions={}), [(T, "definitions.A")]),
    ("no definitions, said", obj(), obj(definitions={}), [(T, "definitions")]),
    (
        "definition missed",
        prop({"$ref": "#/$defs/A"}) | {"$defs": {"A": STRING}},
        prop({"$ref": "#/$defs/A"}),
        [(B, "$defs.A")],
    ),
    (
        "refers to the same",
        prop({"$ref": "#/$defs/A"}) | NODE,
        prop({"$ref": "#/$defs/B"}) | NODE,
        [(T, "properties.x.$ref")],
    ),
    (
        "refers to another",
        obj({"x": {"$ref": "#/$defs/A"}, "y": {"$ref": "#/$defs/A"}}) | NODE,
        obj({"x": {"$ref": "#/$defs/C"}, "y": {"$ref": "#/$defs/C"}}) | NODE,
        [(B, "properties.x.$ref"), (B, "properties.x.type"), (B, "properties.y.$ref")],
    ),
    (
        "refers to nothing",
        prop({"$ref": "#/$defs/A"}) | NODE,
        prop({"$ref": "#/$defs/Z"}) | NODE,
        [(B, "properties.x.$ref")],
    ),
    (
        "refers to a place in a list",
        prop({"$ref": "#/anyOf/0"}) | {"anyOf": [STRING]},
        prop(STRING) | {"anyOf": [STRING]},
        [(T, "properties.x")],
    ),
    (
        "refers to no place in a list",
        prop({"$ref": "#/anyOf/7"}) | {"anyOf": [STRING]},
        prop({"$ref": "#/anyOf/a"}) | {"anyOf": [STRING]},
        [(B, "properties.x.$ref")],
    ),
    ("refers into no mapping", prop({"$ref": "#/type/a"}), prop({"$ref": "#/type/b"}), [(B, "properties.x.$ref")]),
    ("refers elsewhere", prop({"$ref": "urn:a"}), prop({"$ref": "urn:b"}), [(B, "properties.x.$ref")]),
    ("refers to what stood there", prop(STRING) | NODE, prop({"$ref": "#/$defs/A"}) | NODE, [(T, "properties.x")]),
    (
        "refers to what is wider",
        prop({"type": "string", "maxLength": 1}) | NODE,
        prop({"$ref": "#/$defs/A"}) | NODE,
        [(W, "properties.x.maxLength")],
    ),
    ("refers to itself", prop(STRING) | NODE, prop({"$ref": "#/$defs/D"}) | NODE, None),
    ("refers to nonsense", prop(STRING), prop({"$ref": 1}), [(B, "properties.x.$ref"), (W, "properties.x.type")]),
    ("true", prop(schema=True), prop({}), [(T, "properties.x")]),
    ("no object", obj(), [], [(B, "")]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), [row[1:] for row in INPUTS], ids=[row[0] for row in INPUTS])
def test_what_a_tool_accepts(before: object, after: object, expected: list[tuple[ToolClass, str]] | None) -> None:
    found = [(each.cls, each.where) for each in findings(with_input(before), with_input(after))]
    if expected is None:
        assert found
    else:
        assert found == [(cls, f"inputSchema.{where}" if where else "inputSchema") for cls, where in expected]


OUTPUTS: list[tuple[str, Any, Any, list[tuple[ToolClass, str]]]] = [
    ("a field removed", prop(STRING), obj(), [(B, ".properties.x")]),
    ("a field added", obj(), prop(STRING), [(W, ".properties.x")]),
    ("a field that is always there", prop(STRING), prop(STRING) | {"required": ["x"]}, [(W, ".properties.x")]),
    ("a field that may be missing", prop(STRING) | {"required": ["x"]}, prop(STRING), [(B, ".properties.x")]),
    ("type widened", prop({"type": "integer"}), prop({"type": "number"}), [(B, ".properties.x.type")]),
    ("type narrowed", prop({"type": "number"}), prop({"type": "integer"}), [(W, ".properties.x.type")]),
    ("enum widened", prop({"enum": [1]}), prop({"enum": [1, 2]}), [(B, ".properties.x.enum")]),
    ("type changed", prop(STRING), prop({"type": "integer"}), [(B, ".properties.x.type")]),
    ("promised", ..., obj(), [(W, "")]),
    ("not promised", obj(), ..., [(B, "")]),
    ("promised nonsense", ..., None, [(B, "")]),
]


@pytest.mark.parametrize(("before", "after", "expected"), [row[1:] for row in OUTPUTS], ids=[row[0] for row in OUTPUTS])
def test_what_a_tool_returns(before: object, after: object, expected: list[tuple[ToolClass, str]]) -> None:
    sides = [tool() if each is ... else tool(outputSchema=each) for each in (before, after)]
    assert [(each.cls, each.where) for each in findings(*sides)] == [(cls, f"outputSchema{at}") for cls, at in expected]


def test_arguments_that_are_not_described_any_more_break() -> None:
    without = {"name": "tool", "description": "Do a thing"}
    assert told(tool(), without) == [(B, "inputSchema", "Its arguments are not described any more.")]
    assert told(without, tool()) == [(B, "inputSchema", "Its arguments are described now.")]


ORDERS: list[tuple[Any, Any]] = [
    ({"required": ["a", "b"]}, {"required": ["b", "a"]}),
    (prop({"enum": [1, "b"]}), prop({"enum": ["b", 1]})),
    (prop({"type": ["null", "string"]}), prop({"type": ["string", "null"]})),
    (prop({"anyOf": [STRING, {}]}), prop({"anyOf": [{}, STRING]})),
    (prop({"allOf": [STRING, {}]}), prop({"allOf": [{}, STRING]})),
    (prop({"examples": [1, 2]}), prop({"examples": [2, 1]})),
    ({"dependentRequired": {"a": ["b", "c"]}}, {"dependentRequired": {"a": ["c", "b"]}}),
]


@pytest.mark.parametrize(("before", "after"), ORDERS)
def test_an_order_that_means_nothing_is_no_change(before: object, after: object) -> None:
    assert told(with_input(before), with_input(after)) == []
    assert told(tool(icons=[{"src": "a"}, {"src": "b"}]), tool(icons=[{"src": "b"}, {"src": "a"}])) == []


HINTS: list[tuple[str, Any, Any, ToolClass]] = [
    ("readOnlyHint", True, False, S),
    ("readOnlyHint", True, ..., S),
    ("readOnlyHint", True, "yes", S),
    ("readOnlyHint", ..., True, W),
    ("readOnlyHint", False, True, S),
    ("readOnlyHint", ..., False, T),
    ("destructiveHint", False, True, S),
    ("destructiveHint", False, ..., S),
    ("destructiveHint", True, False, S),
    ("destructiveHint", ..., False, W),
    ("destructiveHint", True, ..., T),
    ("idempotentHint", True, ..., S),
    ("openWorldHint", False, True, S),
    ("title", "A", "B", T),
    ("mine", 1, 2, T),
]


@pytest.mark.parametrize(("key", "before", "after", "cls"), HINTS)
def test_what_a_tool_says_of_itself(key: str, before: object, after: object, cls: ToolClass) -> None:
    sides = [tool(annotations={} if each is ... else {key: each}) for each in (before, after)]
    assert [(each.cls, each.where) for each in findings(*sides)] == [(cls, f"annotations.{key}")]


def test_annotations_that_are_missing_promise_nothing() -> None:
    assert [each.cls for each in findings(tool(annotations={"readOnlyHint": True}), tool())] == [S]
    assert [each.cls for each in findings(tool(), tool(annotations={}))] == [T]
    assert [each.cls for each in findings(tool(annotations=1), tool(annotations=2))] == [T]
    assert {each.cls for each in findings(tool(annotations={"readOnlyHint": True}), tool(annotations=[]))} == {S, T}


EXECUTIONS: list[tuple[Any, Any, list[tuple[ToolClass, str]]]] = [
    ({}, {"taskSupport": "optional"}, [(W, ".taskSupport")]),
    ({"taskSupport": "optional"}, {"taskSupport": "required"}, [(B, ".taskSupport")]),
    ({"taskSupport": "forbidden"}, {}, [(T, ".taskSupport")]),
    ({}, {"taskSupport": 7}, [(B, ".taskSupport")]),
    ({"a": 1}, {"a": 2, "taskSupport": "optional"}, [(W, ".taskSupport"), (T, ".a")]),
    ({"a": 1}, {"a": 2}, [(T, ".a")]),
    (1, {"taskSupport": "required"}, [(B, ".taskSupport")]),
]


@pytest.mark.parametrize(("before", "after", "expected"), EXECUTIONS)
def test_whether_a_tool_is_called_or_made_a_task(
    before: object, after: object, expected: list[tuple[ToolClass, str]]
) -> None:
    found = findings(tool(execution=before), tool(execution=after))
    assert [(each.cls, each.where) for each in found] == [(cls, f"execution{at}") for cls, at in expected]


def test_words_are_wording() -> None:
    before = tool(title="A", icons=[{"src": "a.png"}], _meta={"a": {"b": [1]}, "c": None})
    after = tool(title="B", icons=[{"src": "b.png"}], _meta={"a": {"b": [2]}}, description="Do  a thing")
    assert told(before, after) == [
        (T, "_meta.a.b.0", "It is `2` now, `1` before."),
        (T, "_meta.c", "It is gone."),
        (T, "description", "Its whitespace alone differs."),
        (T, "icons.0.src", "Its words changed."),
        (T, "title", "Its words changed."),
    ]
    assert told(tool(), tool(_meta={"x": None})) == [(T, "_meta", "It is new.")]


def test_what_is_unknown_counts_as_the_worse() -> None:
    assert told(tool(), tool(mode=1)) == [
        (B, "mode", "`mode` is new: `1`: nothing is known of what that does."),
    ]
    assert [(each.cls, each.where) for each in findings(tool(), tool() | {"name": "else"})] == [(B, "name")]


def test_what_nobody_sees_is_not_in_what_is_said() -> None:
    found = told(with_input(obj()), with_input(obj({"a\u202e`b\n": STRING})))
    assert found[1] == (W, "inputSchema.properties.a<U+202E>`b<U+000A>", "`a<U+202E>'b<U+000A>` is new, and optional.")


def test_nothing_is_changed_by_being_compared() -> None:
    before, after = with_input(prop(STRING) | NODE), with_input(prop({"$ref": "#/$defs/C"}) | NODE)
    copies = deepcopy((before, after))
    assert findings(before, after)
    assert (before, after) == copies


def test_a_name_alone_becomes_a_definition_and_the_reverse() -> None:
    whole, bare = tool(annotations={"readOnlyHint": True}, description="See https://x.example/"), {"name": "tool"}
    assert told(bare, whole) == [
        (S, "description", "It names an address that it did not name before: `https://x.example/`."),
        (W, "", "Its definition is known now: before, its name was all that was known of it."),
    ]
    assert [(each.cls, each.where) for each in findings(whole, bare)] == [(S, "annotations.readOnlyHint"), (B, "")]
    assert compare_tools("here", {"tool": whole}, {"tool": bare}, others={})[0].names_only


def test_a_place_is_one_line() -> None:
    assert [each.where for each in findings(tool(), tool(_meta={"a\tb": 1}))] == ["_meta"]
    assert findings(tool(_meta={"a\tb": 1}), tool(_meta={"a\tb": 2}))[0].where == "_meta.a<U+0009>b"
