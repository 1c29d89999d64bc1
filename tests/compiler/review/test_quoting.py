"""Text of users in comments: whatever it is, it is code in one line, and nothing else."""

import re

from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.review.quoting import cell, code, said

_NASTY = st.text(st.sampled_from("`|*_[]()<>#@!~\\\n\r\t :/&;-+.1ax\u200b\u202e")) | st.text()


def _content(span: str) -> str:
    """Return what a whole code span shows (CommonMark 6.1); fails where it is none."""
    fence = re.match("`+", span)
    assert fence is not None
    inner = span[fence.end() :]
    assert inner.endswith(fence[0])
    inner = inner[: -fence.end()]
    # No run of the fence's own length ends the span early.
    assert fence[0] not in re.findall("`+", inner)
    return inner[1:-1] if inner.startswith(" ") and inner.endswith(" ") and inner.strip() else inner


@given(_NASTY)
def test_any_text_is_one_span_in_one_line(text: str) -> None:
    shown = code(text)
    assert len(shown.splitlines()) <= 1
    if shown:
        assert _content(shown).strip()
        assert not shown.endswith("\\")


@given(_NASTY)
def test_a_cell_has_no_pipe_that_ends_it(text: str) -> None:
    assert re.search(r"(?<!\\)\|", cell(code(text))) is None


@given(_NASTY, _NASTY)
def test_a_sentence_has_nothing_that_means_anything_outside_of_code(before: str, quoted: str) -> None:
    shown = said(f"{before} `{quoted}` ends.")
    assert len(shown.splitlines()) == 1
    outside = re.sub(r"(?<!`)(`+)(?!`)(?:.*?[^`])?\1(?!`)", "", shown)
    assert re.search(r"[<>@#\[\]*_~|\\!&]|https?:|www\.", outside) is None


def test_nothing_is_nothing() -> None:
    assert (code(""), code(" \n"), said("")) == ("", "", "")


def test_a_plain_sentence_stays_as_it_is() -> None:
    assert said("It is `x`, and no more.") == "It is `x`, and no more."
    assert said("See @team.") == "`See @team.`"
    assert said("- a list") == "`- a list`"
    assert said("One ` too many.") == "``One ` too many.``"
