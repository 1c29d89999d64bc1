"""What is made later is what would have been made at once, and is made once."""

from collections.abc import Iterator

from mcphub_gitops.compiler.later import Later


def test_items_are_made_once_and_when_they_are_looked_at() -> None:
    made = []

    def make() -> Iterator[int]:
        made.append("made")
        yield from (3, 1, 2)

    later = Later(make)
    assert made == []
    assert len(later) == 3
    assert later[0] == 3
    assert later[1:] == (1, 2)
    assert list(later) == [3, 1, 2]
    assert 2 in later
    assert made == ["made"]


def test_it_is_what_its_items_are() -> None:
    later = Later(lambda: [1, 2])
    assert later == (1, 2)
    assert later == Later(lambda: (1, 2))
    assert later != (1,)
    assert later != {1, 2}
    assert hash(later) == hash((1, 2))
    assert repr(later) == "(1, 2)"
    assert not Later(tuple)
