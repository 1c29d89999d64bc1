from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.source import Source, redacted

TEXT = "".join(f"line {number}: value\n" for number in range(12))
PLACES = st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, len(TEXT))).map(sorted), max_size=6)


@given(PLACES, st.integers(1, 14))
def test_what_is_hidden_on_a_line_is_found_wherever_it_begins_and_ends(places: list[list[int]], number: int) -> None:
    plain = Source("f", TEXT)
    hidden = tuple(plain.span(start, end) for start, end in places)
    source = Source("f", TEXT, hidden=hidden)
    expected = [span for span in hidden if span.start.line <= number <= span.end.line]
    assert list(source.hidden_on(number)) == sorted(expected)


def test_a_line_is_shown_whole_but_for_what_is_hidden() -> None:
    long = "x" * 500 + "secret" + "\tend\x1b"
    source = Source("f", f"{long}\n")
    source = Source("f", source.text, hidden=(source.span(500, 506),))
    assert redacted(source, 1) == "x" * 500 + "****\tend<U+001B>"


def test_the_lines_of_a_text() -> None:
    assert Source("f", "a\r\nb\n\nc").lines == ("a", "b", "", "c")
    assert Source("f", "a\n").lines == ("a",)
    assert Source("f", "").lines == ()
