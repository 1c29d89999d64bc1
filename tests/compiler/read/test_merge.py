import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.read.merge import merge, overlay
from mcphub_gitops.compiler.read.syntax import Node, parse, plain


def node(text: str) -> Node:
    root = parse("a", text.encode()).root
    assert root is not None
    return root


def joined(*texts: str) -> tuple[object, list[str]]:
    merged = merge([node(text) for text in texts])
    return plain(merged.root), [each.detail for each in merged.diagnostics]


def laid(base: str, over: str) -> tuple[object, list[str]]:
    merged = overlay(node(base), node(over))
    return plain(merged.root), [each.detail for each in merged.diagnostics]


def test_mappings_merge_at_any_depth_and_each_file_says_its_version() -> None:
    assert joined("{apiVersion: v1, a: {b: {c: 1}}}", "{apiVersion: v1, a: {b: {d: 2}, e: 3}}") == (
        {"apiVersion": "v1", "a": {"b": {"c": 1, "d": 2}, "e": 3}},
        [],
    )


def test_what_two_files_set_is_told_and_the_first_stays() -> None:
    for other in ("{a: 1}", "{a: {b: 1}}", "{a: [1]}"):
        assert joined("{a: 2, b: 3}", other)[0] == {"a": 2, "b": 3}
        assert len(joined("{a: 2, b: 3}", other)[1]) == 1
    assert joined("{a: [1]}", "{a: [2]}") == ({"a": [1]}, ["`a` is set here, and in a."])
    assert joined("{a: 1}", "[1]") == ({"a": 1}, ["This is no mapping."])


def test_items_with_names_merge_by_them() -> None:
    assert joined("[{name: a, x: 1}, {name: b}]", "[{name: c}, {name: a, y: 2}]") == (
        [{"name": "a", "x": 1, "y": 2}, {"name": "b"}, {"name": "c"}],
        [],
    )
    assert laid("[{name: a, x: 1}]", "[{name: a, x: null}]") == ([{"name": "a"}], [])


def test_lists_that_have_no_names_or_have_one_twice_are_whole() -> None:
    assert laid("[{name: a}, {name: a}]", "[{name: a}]") == ([{"name": "a"}], [])
    assert laid("[{name: a}, {other: a}]", "[{name: b}]") == ([{"name": "b"}], [])
    assert laid("[1, 2]", "[3]") == ([3], [])


def test_an_environment_overrides_and_deletes() -> None:
    assert laid("{a: 1, b: {c: 2, d: 3}, e: [1]}", "{a: [x], b: {c: null, f: 4}, e: null}") == (
        {"a": ["x"], "b": {"d": 3, "f": 4}},
        [],
    )
    assert laid("{a: {b: 1}}", "{a: {c: null}}") == (
        {"a": {"b": 1}},
        ["Nothing sets `a.c`, so there is nothing to delete."],
    )


def test_a_value_keeps_the_place_where_it_stands() -> None:
    root = overlay(node("{a: 1, b: {c: 2}}"), parse("env", b"b:\n  c: 3\n").root or node("{}")).root
    found = json.dumps([str(entry.key_span) for entry in root.entries[1].value.entries])  # type: ignore[union-attr]
    assert found == '["env:2:3"]'


VALUES = st.recursive(
    st.integers(-9, 9),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, min_size=1, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.sampled_from("abcd"), VALUES)


def expected(base: Any, over: Any) -> Any:  # noqa: ANN401  (any JSON value)
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return {**base, **{key: expected(base[key], each) if key in base else each for key, each in over.items()}}


@given(DOCUMENTS, DOCUMENTS)
def test_an_overlay_is_what_a_deep_update_is(base: dict[str, Any], over: dict[str, Any]) -> None:
    assert laid(json.dumps(base), json.dumps(over)) == (expected(base, over), [])


@given(DOCUMENTS, st.sets(st.sampled_from("abcd")))
def test_a_document_cut_into_two_files_is_the_same_document(document: dict[str, Any], keys: set[str]) -> None:
    parts = [{key: each for key, each in document.items() if (key in keys) is side} for side in (True, False)]
    assert joined(*map(json.dumps, parts)) == (document, [])
