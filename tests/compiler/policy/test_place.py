import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.policy.place import offset_of, place_of
from mcphub_gitops.compiler.read.syntax import parse
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.nodes import child, text

WORD = st.text(alphabet="ab.'\"|&=()[]é😀", min_size=1, max_size=6)


def text_of(document: str) -> tuple[Text, list[str]]:
    parsed = parse("p.yaml", document.encode())
    assert parsed.root is not None, parsed.diagnostics
    found = text(child(parsed.root, "deny"))
    assert found is not None
    return found, document.split("\n")


def single(words: list[str]) -> str:
    return "deny: '" + " ".join(words).replace("'", "''") + "'\n"


def double(words: list[str]) -> str:
    return 'deny: "' + " ".join(words).replace('"', "x") + '"\n'


def plain(words: list[str]) -> str:
    return "deny: x" + "\n   ".join(words) + "\n"


def literal(words: list[str]) -> str:
    return "deny: |\n  x" + "\n  ".join(words) + "\n"


def folded(words: list[str]) -> str:
    return "deny: >-\n  x" + "\n  ".join(words) + "\n"


@pytest.mark.parametrize("write", [single, double, plain, literal, folded])
@given(words=st.lists(WORD, min_size=1, max_size=4))
def test_each_code_point_is_found_where_it_stands(write: object, words: list[str]) -> None:
    assert callable(write)
    found, lines = text_of(write(words))
    source = parse("p.yaml", "\n".join(lines).encode()).source
    for offset, char in enumerate(found.value):
        if char not in " \n'":
            span = place_of(found, source, offset)
            start = span.start
            assert (span.end.line, span.end.column) == (start.line, start.column + 1)
            assert lines[start.line - 1][start.column - 1] == char


def test_the_end_is_after_the_last() -> None:
    found, lines = text_of("deny: 'a =='\n")
    source = parse("p.yaml", "\n".join(lines).encode()).source
    assert place_of(found, source, 4).start.column == 12
    assert place_of(found, source, 99).start.column == 12


def test_escapes_have_the_place_of_the_whole() -> None:
    found, lines = text_of('deny: "a\\n == b"\n')
    source = parse("p.yaml", "\n".join(lines).encode()).source
    assert place_of(found, source, 2) == found.span


def test_what_is_not_in_the_text_has_the_place_of_the_whole() -> None:
    found, lines = text_of("deny: a\n")
    source = parse("p.yaml", "\n".join(lines).encode()).source
    other = Text(value="other", span=found.span)
    assert place_of(other, source, 2) == found.span


def test_offsets_of_lines_and_columns() -> None:
    assert offset_of("ab\ncd", 1, 2) == 1
    assert offset_of("ab\ncd", 2, 1) == 3
