import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.engines.docker.attach import FrameError, Frames

STREAMS = st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=40)), max_size=12)


def frame(stream: int, payload: bytes) -> bytes:
    return bytes((stream, 0, 0, 0)) + len(payload).to_bytes(4, "big") + payload


@given(STREAMS, st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_streams_are_the_same_however_they_are_cut(parts: list[tuple[int, bytes]], cuts: list[int]) -> None:
    wire = b"".join(frame(*part) for part in parts)
    frames, stdout, stderr, turn = Frames(), b"", b"", 0
    while wire:
        size = cuts[turn % len(cuts)]
        said = frames.feed(wire[:size])
        stdout, stderr, wire, turn = stdout + said.stdout, stderr + said.stderr, wire[size:], turn + 1
    assert stdout == b"".join(payload for stream, payload in parts if stream == 1)
    assert stderr == b"".join(payload for stream, payload in parts if stream in (2, 3))


def test_a_frame_is_passed_on_before_it_is_whole() -> None:
    frames = Frames()
    said = frames.feed(b"\1\0\0\0\xff\xff\xff\xffbegin")
    assert said.stdout == b"begin"
    assert frames.feed(b"x" * 10).stdout == b"x" * 10


@pytest.mark.parametrize("begin", [b"\4\0\0\0", b"\1\1\0\0", b"HTTP", b"plain te"])
def test_what_is_no_frame_is_refused(begin: bytes) -> None:
    with pytest.raises(FrameError):
        Frames().feed(begin + b"\0\0\0\1x")


def test_many_small_frames_and_one_that_comes_byte_by_byte_take_linear_time() -> None:
    small, large = frame(1, b"x") * 100_000, frame(1, b"y" * 100_000)
    began = time.process_time()
    frames = Frames()
    assert len(frames.feed(small).stdout) == 100_000
    assert sum(len(frames.feed(large[place : place + 1]).stdout) for place in range(len(large))) == 100_000
    assert time.process_time() - began < 5
