import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.read.roundtrip import UnfitError, find_places, write_flow, write_scalar
from mcphub_gitops.compiler.read.syntax import MAX_INT, MIN_INT, parse, plain
from tests.support.yaml_texts import DATA

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(MIN_INT, MAX_INT) | st.floats(allow_nan=False, allow_infinity=False)


def read(text: str) -> object:
    parsed = parse("t.yaml", text.encode())
    assert parsed.root is not None
    assert parsed.diagnostics == ()
    return plain(parsed.root)


@given(SCALARS | TEXT, st.sampled_from(["", "'", '"']))
def test_a_scalar_is_read_as_what_was_written(value: bool | float | str | None, style: str) -> None:  # noqa: FBT001
    for flow, frame in ((False, "k: {}\n"), (True, "{{k: {}}}\n")):
        written = write_scalar(value, flow=flow, style=style)
        assert "\n" not in written
        found = read(frame.format(written))
        assert found == {"k": value}
        assert isinstance(found, dict)
        assert type(found["k"]) is type(value)


@given(DATA)
def test_data_in_brackets_is_read_as_what_was_written(value: object) -> None:
    assert read(f"k: {write_flow(value)}") == {"k": value}


@pytest.mark.parametrize(
    ("value", "style", "written"),
    [
        ("x", "", "x"),
        ("x", "'", "'x'"),
        ("x", '"', '"x"'),
        ("no", "", "no"),
        ("1", "", "'1'"),
        ("a\nb", "'", '"a\\nb"'),
    ],
)
def test_strings_are_as_plain_as_they_can_be(value: str, style: str, written: str) -> None:
    assert write_scalar(value, style=style) == written


@pytest.mark.parametrize(
    "text", ["a: !x 1\n", "a: &x 1\n", "a: *x\n", "\x01", ": 1\n", "a: 1\n: 2\n", "[a]: 1\n", "a: ["]
)
def test_texts_that_are_no_right_documents_have_no_places(text: str) -> None:
    with pytest.raises(UnfitError):
        find_places(text)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        write_flow({1, 2})
