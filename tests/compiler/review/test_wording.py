from itertools import pairwise
from time import process_time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.review.finding import MISSING, Word
from mcphub_gitops.compiler.review.wording import compare_plain, compare_words

texts = st.lists(st.sampled_from(["a", "b", "the", "cat", "sat", " ", "\n", "\t", "\u200b", "."]), max_size=40).map(
    "".join
)


def marked(before: str, after: str) -> list[tuple[str, str]]:
    return [(word.mark, word.text) for word in compare_words(before, after)]


def test_the_words_that_differ_are_marked() -> None:
    assert marked("Read the file now", "Read the whole file then") == [
        (" ", "Read the "),
        ("+", "whole "),
        (" ", "file "),
        ("-", "now"),
        ("+", "then"),
    ]
    assert marked("", "") == []
    assert marked("a", "a") == [(" ", "a")]
    assert marked("", "new words") == [("+", "new words")]
    assert marked("a b", "a  b") == [("-", "a "), ("+", "a  "), (" ", "b")]


def test_words_are_aligned_by_those_that_stand_once_on_both_sides() -> None:
    assert marked("x x one y y two", "x one x y two y") == [
        (" ", "x "),
        ("-", "x "),
        (" ", "one "),
        ("+", "x "),
        (" ", "y "),
        ("-", "y two"),
        ("+", "two y"),
    ]


@given(texts, texts)
def test_no_character_is_lost_and_marks_alternate(before: str, after: str) -> None:
    words = compare_words(before, after)
    assert "".join(word.text for word in words if word.mark != "+") == before
    assert "".join(word.text for word in words if word.mark != "-") == after
    assert all(word.text for word in words)
    assert all(one.mark != two.mark for one, two in pairwise(words))
    if before == after:
        assert {word.mark for word in words} <= {" "}


def test_long_texts_are_compared_in_bounded_time() -> None:
    same = "lorem ipsum dolor " * 6_000
    unlike = ("a b " * 25_000, "b b a " * 17_000)
    unique = (" ".join(map(str, range(20_000))), " ".join(map(str, range(19_999, -1, -1))))
    begun = process_time()
    assert compare_words(same, f"{same}end")[-1] == Word(text="end", mark="+")
    assert compare_words(f"begin {same}", same)[0] == Word(text="begin ", mark="-")
    for before, after in (unlike, unique):
        words = compare_words(before, after)
        assert "".join(word.text for word in words if word.mark != "-") == after
    assert process_time() - begun < 3


def plain(before: Any, after: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401
    return [(each.where, each.said, each.cls.value) for each in compare_plain("x", before, after)]


def test_what_decides_nothing_is_compared_to_the_leaf() -> None:
    assert plain({"a": [1, {"b": "c"}]}, {"a": [1, {"b": "d"}]}) == [("x.a.1.b", "Its words changed.", "wording")]
    assert plain([1], [1, 2]) == [("x", "It is `[1,2]` now, `[1]` before.", "wording")]
    assert plain("a", None) == [("x", 'It is `null` now, `"a"` before.', "wording")]
    assert plain(MISSING, None) == [("x", "It is new.", "wording")]
    assert plain("a", MISSING) == [("x", "It is gone.", "wording")]
    assert plain("a b", "a\n b ") == [("x", "Its whitespace alone differs.", "wording")]
    assert plain(1, 1) == []
    assert plain([1], [True]) == [("x.0", "It is `true` now, `1` before.", "wording")]


def test_what_lies_deep_is_compared_as_a_whole() -> None:
    before: Any = 1
    after: Any = 2
    for _ in range(100):
        before, after = {"a": before}, [after]
    deep = (before, {"a": after})
    assert len(plain(*deep)) == 1
    for _ in range(100):
        before, after = {"a": before}, {"a": after}
    assert [where.count("a") for where, _, _ in plain(before, after)] == [32]


def test_words_that_stand_side_by_side_on_both_sides_are_one_run() -> None:
    assert marked("one a b two", "three a b four") == [
        ("-", "one "),
        ("+", "three "),
        (" ", "a b "),
        ("-", "two"),
        ("+", "four"),
    ]
