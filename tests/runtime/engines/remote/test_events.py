"""Streams of events, whole and in pieces."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.engines.remote.events import EventReader
from tests.support.gateway_hub import UNHURRIED

STREAM = (
    b"\xef\xbb\xbfdata: one\n\n: a comment\r\nid: 7\r\nevent: message\r\ndata:two\r\n\r\n"
    b"event: ping\rdata: not this\r\rid: 8\ndata\n\ndata: three\ndata: {\n\nretry: 1500\nunknown: x\ndata: unfinished\n"
)


def test_messages_are_found_with_all_three_line_breaks() -> None:
    events = EventReader(1000)
    assert events.feed(STREAM) == [b"one", b"two", b"three\n{"]
    assert (events.last_id, events.retry, events.overrun) == ("8", 1.5, False)


@UNHURRIED
@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_where_a_stream_is_cut_does_not_matter(cuts: list[int]) -> None:
    events = EventReader(1000)
    places = [0, *sorted(cuts), len(STREAM)]
    found = [data for begin, end in itertools.pairwise(places) for data in events.feed(STREAM[begin:end])]
    assert found == [b"one", b"two", b"three\n{"]
    assert events.last_id == "8"


def test_an_identifier_counts_once_its_event_is_whole() -> None:
    events = EventReader(1000)
    events.feed(b"id: 1\n\nid: 2\ndata: x\n")
    assert events.last_id == "1"
    events.feed(b"\n")
    assert events.last_id == "2"
    events.feed(b"id:\n\n")
    assert events.last_id == ""


@pytest.mark.parametrize("bad", [b"a\x00b", b"caf\xc3\xa9", b"x" * 1025, b"tab\there", b"end "])
def test_an_identifier_that_no_header_can_carry_is_left_out(bad: bytes) -> None:
    events = EventReader(1000)
    events.feed(b"id: 1\n\nid: " + bad + b"\ndata: x\n\n")
    assert events.last_id == "1"


@pytest.mark.parametrize("retry", [b"", b"-1", b"1.5", b"soon", b"9" * 10])
def test_a_pause_is_a_number_of_milliseconds(retry: bytes) -> None:
    events = EventReader(1000)
    events.feed(b"retry: " + retry + b"\n")
    assert events.retry is None


def test_an_event_of_just_the_limit_arrives() -> None:
    events = EventReader(100)
    assert events.feed(b"data: " + b"x" * 100 + b"\n\n") == [b"x" * 100]
    assert not events.overrun


@pytest.mark.parametrize(
    "flood",
    [
        b"data: " + b"x" * 101 + b"\n\n",
        b"data: " + b"x" * 60 + b"\ndata: " + b"x" * 60 + b"\n",
        b"data\n" * 102,
        b":" + b"x" * 200,
        b"x" * 200,
    ],
)
def test_an_event_over_the_limit_ends_the_stream(flood: bytes) -> None:
    events = EventReader(100)
    assert events.feed(b"data: before\n\n" + flood) == [b"before"]
    assert events.overrun
    assert events.feed(b"\n\ndata: after\n\n") == []


def test_a_stream_that_comes_byte_by_byte_is_read_in_linear_time() -> None:
    events = EventReader(4 * 1024**2)
    before = time.process_time()
    for _ in range(200_000):
        events.feed(b"x")
    assert time.process_time() - before < 2
