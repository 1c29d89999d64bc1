import socket
import time
from collections.abc import Mapping
from typing import Any

import pytest

from mcphub_gitops.compiler.read.foreign import MAX_MATCHING, MAX_PATTERNS, MAX_SCHEMA, MAX_WORK, why_not_checked
from mcphub_gitops.compiler.read.shape import check_foreign
from mcphub_gitops.compiler.read.syntax import Node, parse, plain
from mcphub_gitops.compiler.resolve.binding import bind
from mcphub_gitops.compiler.resolve.catalog import read_catalog

REFERENCE = "references to other schemas are never followed"


def node_of(text: str) -> Node:
    root = parse("t", text.encode()).root
    assert root is not None
    return root


@pytest.mark.parametrize(
    ("schema", "document", "why"),
    [
        ({"type": "string"}, "a", ""),
        ({"$ref": "http://127.0.0.1:1/x"}, 1, f"has `$ref: http://127.0.0.1:1/x`; {REFERENCE}"),
        ({"items": {"$ref": "other.json"}}, 1, f"has `$ref: other.json`; {REFERENCE}"),
        ({"anyOf": [{"$ref": "file:///etc/passwd"}]}, 1, f"has `$ref: file:///etc/passwd`; {REFERENCE}"),
        ({"$ref": "#"}, 1, f"has `$ref: #`; {REFERENCE}"),
        ({"$dynamicRef": "#a"}, 1, f"has `$dynamicRef: #a`; {REFERENCE}"),
        ({"properties": {"": {"type": "string"}}}, {}, "has an empty name"),
        ({"properties": {"$ref": {"type": "string"}}}, {"$ref": "x"}, ""),
        ({"enum": list(range(MAX_SCHEMA))}, 1, "is too large"),
        ({"enum": ["x" * 16 * MAX_SCHEMA]}, 1, "is too large"),
        ({"items": {"enum": list(range(1000))}}, [1] * 2000, "is too large for so many settings"),
        ({"anyOf": [{"pattern": "a"}] * (MAX_PATTERNS + 1)}, "", f"has {MAX_PATTERNS + 1} patterns; 64 are allowed"),
        ({"anyOf": [{"pattern": "a"}] * MAX_PATTERNS}, "", ""),
        ({"pattern": "a"}, "x" * (MAX_MATCHING + 1), "has too many patterns for texts that long"),
        ({"pattern": "a"}, "x" * MAX_MATCHING, ""),
        ({"properties": {"pattern": {"type": "string"}}}, {"pattern": "x" * (MAX_MATCHING + 1)}, ""),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_what_is_not_held_against_a_schema(schema: Mapping[str, Any], document: object, why: str) -> None:
    assert why_not_checked(schema, document) == why


@pytest.mark.parametrize(
    ("schema", "detail"),
    [
        (
            {"oneOf": [{"type": "integer"}, {"type": "boolean"}]},
            "`a` fits not exactly one of the 2 forms that it may have.",
        ),
        (
            {"oneOf": [{"type": "string"}, {"minLength": 1}]},
            "`a` fits not exactly one of the 2 forms that it may have.",
        ),
        ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "`a` fits none of the 2 forms that it may have."),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, None),
    ],
)
def test_alternatives_of_a_scalar_are_checked(schema: Mapping[str, Any], detail: str | None) -> None:
    found = check_foreign(node_of("a: b\n"), {"properties": {"a": schema}})
    assert [each.detail for each in found] == ([detail] if detail else [])


@pytest.mark.parametrize(
    "key",
    [
        "0",
        "00",
        "007",
        "+7",
        "-0",
        "7",
        "18446744073709551616",
        "0" * 500,
        "+" + "0" * 30 + "7",
        "+",
        "++1",
        "\u0667",
        "a/b",
        "~1",
    ],
)
def test_keys_like_numbers_are_found(key: str) -> None:
    found = check_foreign(node_of(f'a: 1\n"{key}": 1\n'), {"properties": {key: {"type": "string"}}})
    assert [(each.code.name, str(each.span)) for each in found] == [("MH202", f"t:2:{len(key) + 5}")]
    found = check_foreign(node_of(f'"{key}": {{}}\n'), {"properties": {key: {"required": ["b"]}}})
    assert [(each.code.name, str(each.span)) for each in found] == [("MH203", "t:1:1")]
    found = check_foreign(
        node_of(f'a: [{{"{key}": [1]}}]\n'),
        {"properties": {"a": {"items": {"additionalProperties": {"items": {"enum": [2]}}}}}},
    )
    assert [each.code.name for each in found] == ["MH204"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('"": 1\n', "t:1:1"),
        ('"": {a: 1}\n', "t:1:9"),
        ('"": {"": [1]}\n', "t:1:11"),
        ('"": {"": 1}\n', "t:1:1"),
        ('b: x\n"": {a: 1}\n', "t:2:9"),
    ],
)
def test_an_empty_key_is_no_trouble(text: str, place: str) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(text.count("{") + text.count("[")):
        schema = {"additionalProperties": schema, "items": schema}
    found = check_foreign(node_of(text), {"additionalProperties": {"anyOf": [schema]}, "required": ["c"]})
    assert {each.code.name for each in found} <= {"MH202", "MH203", "MH204"}
    found = check_foreign(node_of(text), {"additionalProperties": schema})
    assert [str(each.span) for each in found][-1:] == [place]


def test_a_default_that_is_filled_in_often_is_counted_each_time() -> None:
    default = ["x"] * 1000
    document = [{"a": default}] * 1000
    assert why_not_checked({"items": {"properties": {"a": {"default": default}}}}, document) != ""


def test_no_reference_of_a_schema_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        schema = {"$ref": f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"}
        with pytest.raises(ValueError, match="is not present in a registry"):
            check_foreign(node_of("a: 1\n"), schema)
        with pytest.raises(TimeoutError):
            server.accept()


HOSTILE_PATTERNS = [
    "^(a+)+$",
    "^(a|a)*$",
    "^(a|aa)+$",
    "(a*)*b",
    "(x+x+)+[yz]",
    "(.*a){20}b",
    "(?:a?){200}a{200}[^a]",
    r"(\w*\d)*\W",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
]


@pytest.mark.parametrize("pattern", HOSTILE_PATTERNS)
@pytest.mark.parametrize(
    "text", ["a" * (MAX_MATCHING - 1), "ab1" * (MAX_MATCHING // 3 - 1), "x" * (MAX_MATCHING - 2) + "!"]
)
def test_no_pattern_takes_more_than_linear_time(pattern: str, text: str) -> None:
    schema = {"properties": {"a": {"pattern": pattern}}}
    assert why_not_checked(schema, {"a": text}) == ""
    node = node_of(f"a: {text}\n")
    began = time.process_time()
    check_foreign(node, schema)
    assert time.process_time() - began < 5


def tree(keyword: str, height: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(height):
        schema = {keyword: [schema, schema]}
    return schema


def chain(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"items": tree("anyOf", 8)}, "[" + "1, " * 124 + "1]"),
        ({"items": tree("oneOf", 8)}, "[" + "1, " * 124 + "1]"),
        (chain(60), "[" * 60 + "1" + "]" * 60),
        ({"items": {"enum": [str(number) for number in range(1900)]}}, "[" + "x, " * 50 + "x]"),
        ({"items": {"enum": [str(number) for number in range(100)]}}, "[" + "x, " * 900 + "x]"),
        ({"uniqueItems": True}, "[" + ", ".join(f"{{a: {number}}}" for number in range(9000)) + "]"),
    ],
    ids=["anyOf", "oneOf", "deep", "large enum", "many items", "unique"],
)
def test_the_worst_that_is_let_through_is_cheap(schema: dict[str, Any], text: str) -> None:
    node = node_of(text)
    began = time.process_time()
    assert why_not_checked(schema, plain(node)) == ""
    check_foreign(node, schema)
    assert time.process_time() - began < 5


def test_a_hostile_catalog_is_refused_in_no_time() -> None:
    names = "\n".join(f"            n{number}: {{type: string}}" for number in range(12000))
    braces = "{{x}}" * 13000
    texts = f"    command: ['{braces}', '{braces}']\n"
    head = "registry:\n  a:\n    image: a\n"
    config = f"    config:\n      - name: a\n        properties:\n{names}\n"
    for text, code in ((head + texts + config, "MH111"), (head + texts, "MH301")):
        catalog, _, problems = read_catalog("c", text.encode())
        assert problems == ()
        server = catalog.get("a") if catalog is not None else None
        assert server is not None
        began = time.process_time()
        assert {each.code.name for each in bind(server, {})[1]} == {code}
        assert time.process_time() - began < 5


def test_the_product_is_what_is_bounded() -> None:
    assert MAX_WORK // MAX_SCHEMA >= 100
