import os
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.engines.lines import LineSplitter, Tail

chunks = st.lists(st.binary(max_size=20).map(lambda chunk: chunk.replace(b"\x00", b"\n")), max_size=20)


def split(splitter: LineSplitter, pieces: list[bytes]) -> list[bytes]:
    return [line for piece in pieces for line in splitter.feed(piece)]


@given(chunks)
def test_lines_are_those_of_the_whole_stream_however_it_is_cut(pieces: list[bytes]) -> None:
    splitter = LineSplitter()
    lines = split(splitter, pieces)
    assert [*lines, splitter.rest()] == b"".join(pieces).split(b"\n")
    assert not splitter.overrun


@given(chunks, st.integers(min_value=0, max_value=30))
def test_a_line_over_the_limit_ends_the_stream_before_it(pieces: list[bytes], limit: int) -> None:
    splitter = LineSplitter(limit)
    lines = split(splitter, pieces)
    expected = b"".join(pieces).split(b"\n")
    too_long = next((index for index, line in enumerate(expected) if len(line) > limit), None)
    assert splitter.overrun == (too_long is not None)
    if too_long is None:
        assert [*lines, splitter.rest()] == expected
    else:
        assert lines == expected[:too_long]
        assert splitter.rest() == b""
        assert splitter.feed(b"more\n") == []


def seconds_for(size: int, piece: int) -> float:
    splitter = LineSplitter(size)
    chunk = b"x" * piece
    began = time.perf_counter()
    for _ in range(size // piece):
        assert splitter.feed(chunk) == []
    assert splitter.feed(b"\n") == [b"x" * size]
    return time.perf_counter() - began


def test_a_long_line_takes_linear_time() -> None:
    small = min(seconds_for(2**19, 64) for _ in range(3))
    large = min(seconds_for(2**22, 64) for _ in range(3))
    assert large < 8 * small * 3


def test_a_line_that_comes_byte_by_byte_takes_no_more_memory_than_its_bytes() -> None:
    splitter = LineSplitter()
    tracemalloc.start()
    try:
        for number in range(50_000):
            splitter.feed(b"%d" % (number % 10))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * 50_000


@given(chunks, st.integers(min_value=1, max_value=40))
def test_a_tail_is_the_end_of_the_stream_from_a_line_on(pieces: list[bytes], size: int) -> None:
    tail = Tail(size)
    for piece in pieces:
        tail.feed(piece.replace(b"\r", b"x"))
    whole = b"".join(pieces).replace(b"\r", b"x")
    kept = whole[-size:]
    if len(whole) > size and b"\n" in kept:
        kept = kept.partition(b"\n")[2]
    text = kept.decode("utf-8", "replace")
    assert tail.text() == "".join(mark if mark.isprintable() or mark in "\n\t" else "\ufffd" for mark in text)


def test_a_tail_of_a_flood_stays_small() -> None:
    tail = Tail(1000)
    tracemalloc.start()
    try:
        for _ in range(10_000):
            tail.feed(b"0123456789" * 10)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 4000
    assert len(tail.text()) == 1000


def text_of(said: str, *secrets: str, size: int = 1000) -> str:
    tail = Tail(size)
    tail.feed(os.fsencode(said))
    return tail.text(secrets)


def test_what_could_move_a_cursor_or_turn_the_writing_direction_is_replaced() -> None:
    assert text_of("a\x1b[2Jb\r\u202ec\td\u00e9\n") == "a\ufffd[2Jb\ufffd\ufffdc\td\u00e9\n"


@pytest.mark.parametrize(
    ("said", "secrets", "shown"),
    [
        ("key=s3cr3t!", ["s3cr3t"], "key=[secret]!"),
        ("s3cr3ts3cr3t", ["s3cr3t"], "[secret][secret]"),
        ("long-one one", ["one", "long-one"], "[secret] one"),
        ("abc", ["abc"], "abc"),
        ("caf\u00e9", ["caf\u00e9"], "[secret]"),
        ("\udcff\udcfe\udcfd\udcfc!", ["\udcff\udcfe\udcfd\udcfc"], "[secret]!"),
        ('{"key": "a\\"b\\nc"}', ['a"b\nc'], '{"key": "[secret]"}'),
        ("BEGIN\nfirst-line\nsecond-line\n", ["first-line\nsecond-line\nthird-line"], "BEGIN\n[secret]\n[secret]\n"),
        ("cut off: s3cr", ["s3cr3t-value"], "cut off: [secret]"),
        ("cut off: s3c", ["s3cr3t-value"], "cut off: s3c"),
        ("nothing to hide", [], "nothing to hide"),
    ],
)
def test_secrets_are_masked(said: str, secrets: list[str], shown: str) -> None:
    assert text_of(said, *secrets) == shown


def test_half_a_secret_at_the_cut_does_not_slip_past_the_mask() -> None:
    value = "0123456789abcdef"
    assert "abcdef" not in text_of(f"{value} and more", value, size=15)
    assert text_of(f"{value}\nnext line", value, size=18) == "next line"


def test_the_rest_of_a_secret_of_several_lines_is_masked_after_the_cut() -> None:
    key = "\n".join(["-----BEGIN KEY-----", "A" * 64, "B" * 64, "-----END KEY-----"])
    assert text_of(f"{key}\nfailed", key, size=120) == "[secret]\n[secret]\nfailed"
