"""Counts and lists within sentences."""

import pytest

from mcphub_gitops.compiler.enumeration import count, listed, quoted


@pytest.mark.parametrize(("number", "said"), [(0, "0 servers"), (1, "1 server"), (2, "2 servers")])
def test_one_thing_has_no_plural(number: int, said: str) -> None:
    assert count(number, "server") == said


def test_what_is_left_out_is_counted() -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert quoted(map(str, range(2_002)), 2) == "`0`, `1` and 2,000 more"
