"""What is encoded part by part is what is encoded whole."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.canonical import (
    digest,
    digest_parts,
    encode,
    encode_around,
    encode_text,
    list_parts,
    object_parts,
    quote,
    write,
)

TEXTS = st.text(st.characters(codec=None), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)


@given(OBJECTS)
def test_the_parts_of_an_object(value: dict[str, Any]) -> None:
    parts = list(object_parts({name: [encode(each)] for name, each in value.items()}))
    assert b"".join(parts) == encode(value)
    assert digest_parts(parts) == digest(encode(value))


@given(st.lists(VALUES, max_size=4))
def test_the_parts_of_a_list(values: list[Any]) -> None:
    assert b"".join(list_parts(map(encode, values))) == encode(values)


@given(OBJECTS, TEXTS, VALUES)
def test_an_object_around_what_is_encoded(value: dict[str, Any], name: str, member: object) -> None:
    value.pop(name, None)
    assert encode_around(value, name, encode(member)) == encode({**value, name: member})


@given(TEXTS)
def test_a_text_is_written_as_any_value(text: str) -> None:
    assert quote(text) == write(text)
    assert encode_text(quote(text)) == encode(text)
