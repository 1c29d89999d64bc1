import json
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcphub_gitops.compiler.sourcing import validate
from mcphub_gitops.schemas import load_schema
from tests.support.fuzzing import CATALOG, HUB, TARGETS, TOKENS, check_catalog, check_hub, check_lock


def keys_of(schema: object) -> set[str]:
    if isinstance(schema, list):
        return {key for each in schema for key in keys_of(each)}
    if not isinstance(schema, dict):
        return set()
    return {*schema.get("properties", {}), *(key for each in schema.values() for key in keys_of(each))}


def document(schema: str, *words: str) -> st.SearchStrategy[object]:
    """Return documents of the schema's own keys, and of values that mean something in it or nearly do."""
    keys = st.sampled_from([*sorted(keys_of(load_schema(schema))), *words, "", "0", "007"])
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(TOKENS) | st.text() | keys
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=25
    )


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[str, ...]) -> bytes:
    text = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        text = text[:at] + draw(st.sampled_from(["", *TOKENS]) | st.text(max_size=3)) + text[at + length :]
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(("check", "seeds"), TARGETS.values(), ids=list(TARGETS))
def test_the_seeds_hold(check: Callable[[bytes], None], seeds: tuple[str, ...]) -> None:
    for seed in seeds:
        check(seed.encode())


def test_the_seeds_are_right() -> None:
    assert validate("h", HUB.encode(), {"catalog.yaml": CATALOG.encode()}).diagnostics == ()


@pytest.mark.parametrize(("check", "seeds"), TARGETS.values(), ids=list(TARGETS))
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_bytes_and_any_change_of_what_is_right(
    check: Callable[[bytes], None], seeds: tuple[str, ...], data: st.DataObject
) -> None:
    check(data.draw(mutated(seeds) | st.binary(max_size=100)))


@given(document("hub.v1", "search", "notes", "mine"))
@settings(max_examples=100, deadline=None)
def test_any_structure_is_a_hub_or_told_why_not(value: object) -> None:
    check_hub(json.dumps(value).encode())
    check_hub(json.dumps({"apiVersion": "mcphub/v1", "name": "acme", "servers": {"a": value, "b": value}}).encode())


@given(document("catalog.v1", "search"))
@settings(max_examples=100, deadline=None)
def test_any_structure_is_a_catalog_or_told_why_not(value: object) -> None:
    check_catalog(json.dumps({"registry": {"search": value}}).encode())
    config = [{"name": "search", "properties": {"where": value}}]
    check_catalog(json.dumps({"registry": {"search": {"image": "a", "config": config}}}).encode())


@given(document("lock.v1", "notes"))
@settings(max_examples=60, deadline=None)
@example(1)
def test_any_structure_is_a_lock_or_told_why_not(value: object) -> None:
    check_lock(json.dumps(value).encode())
    check_lock(json.dumps({"format": "mcphub.lock/v1", "servers": {"notes": value}}).encode())
