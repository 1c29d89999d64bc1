import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.diagnostic import sort
from mcphub_gitops.compiler.read.spelling import respell
from mcphub_gitops.compiler.repair import repair
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.compiler.validation import open_document

GOOD = 'apiVersion: mcphub/v1\nname: acme\nservers:\n  time: {package: "pypi:mcp-server-time@1", run: process}\n'


def mended(text: str) -> str:
    document = open_document("mcp-hub.yaml", text.encode())
    return repair(document.source, sort(document.diagnostics)).text


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("servers:", "severs:"),
        ("'package':", "'pakage':"),
        ("process", "proces"),
        ('"process"', '"procss"'),
        ("'process'", "'procss'"),
    ],
)
def test_a_misspelt_word_is_written_right_in_its_own_quotes(right: str, wrong: str) -> None:
    expected = GOOD.replace(right.strip("'\":"), right.rstrip(":"))
    assert mended(expected.replace(right, wrong)) == expected


@pytest.mark.parametrize(
    "change",
    [
        ("mcphub/v1", "mcphub/v2"),
        ("run: process", "run: docker"),
        ("servers:", "zervices:"),
        ("run: process", "reed: process"),
        ("run: process", 'run: "p\\x72oces"'),
        ("run: process", "run: &a proces"),
        ("run: process", "run: ! proces"),
        ("run: process", "! rnu: process"),
        ("servers:", "! severs:"),
        ("name: acme", "name: &a 7"),
        ("name: acme", "name: !!str 7"),
        ("run: process", "run: process, rnu: process"),
        ("run: process", "arsg: [], agrs: []"),
    ],
    ids=lambda change: change[1],
)
def test_what_is_not_certain_is_left(change: tuple[str, str]) -> None:
    text = GOOD.replace(*change)
    assert mended(text) == text


def test_two_close_words_leave_a_doubt() -> None:
    source = Source("a", "serve")
    assert respell("serve", source.span(0, 5), ["server", "serves"]) is None
    assert respell("serve", source.span(0, 5), ["server"]) is not None


@pytest.mark.parametrize("meant", ["true", "a: b", "Null", "it's"])
def test_a_word_that_would_need_quotes_is_left(meant: str) -> None:
    word = meant[:-1] + "x" if len(meant) > 4 else meant + "x"
    assert respell(word, Source("a", word).span(0, len(word)), [meant]) is None


@pytest.mark.parametrize(("given", "expected"), [("7", '"7"'), ("true", '"true"'), ("1.50", '"1.50"')])
def test_a_number_becomes_a_string(given: str, expected: str) -> None:
    assert mended(GOOD.replace("acme", given)) == GOOD.replace("acme", expected)


def test_a_secret_is_not_told_by_its_fix() -> None:
    text = GOOD.replace("run: process", "run: process, secrets: {KEY: 12345}")
    assert mended(text) == text


@given(
    st.lists(
        st.tuples(st.integers(0, len(GOOD) - 1), st.sampled_from("xq \n\r:\"'\u202e\N{GRINNING FACE}")), max_size=4
    )
)
def test_mending_comes_to_an_end(damage: list[tuple[int, str]]) -> None:
    text = GOOD
    for place, char in damage:
        text = text[:place] + char + text[place + 1 :]
    for _ in range(20):
        before, text = text, mended(text)
        if text == before:
            return
    raise AssertionError(text)


def test_a_direction_character_is_deleted() -> None:
    assert mended(GOOD.replace("acme", "ac\N{RIGHT-TO-LEFT OVERRIDE}me")) == GOOD
    assert mended("\N{BYTE ORDER MARK}" + GOOD) == GOOD
