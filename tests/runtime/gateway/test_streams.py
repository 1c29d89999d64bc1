"""Bytes into lines, and the two streams: whatever kind of file they are, and whatever the other side does."""

import asyncio
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.gateway.streams import HIGH_WATER, READ_SIZE, Lines, Overlong, Sink, Source
from tests.support.gateway_hub import UNHURRIED, on_loop, until
from tests.support.gateway_streams import write_all

HERE = Path(__file__).read_bytes()


def cut(data: bytes, chunks: list[int], limit: int = 1000) -> list[bytes | Overlong]:
    """Return the lines of `data` when it comes in pieces of the given sizes, with what stands behind the last."""
    lines = Lines(limit)
    found: list[bytes | Overlong] = []
    for size in chunks:
        found += lines.feed(data[:size])
        data = data[size:]
    return [*found, *lines.feed(data), lines.rest()]


@UNHURRIED
@given(st.lists(st.binary(max_size=30)), st.lists(st.integers(0, 20)))
def test_lines_are_the_same_however_they_come(pieces: list[bytes], chunks: list[int]) -> None:
    data = b"\n".join(pieces)
    assert cut(data, chunks) == data.split(b"\n")


@pytest.mark.parametrize("chunk", [1, 7, 100_000])
def test_a_line_over_the_limit_is_left_out_and_the_next_one_is_not(chunk: int) -> None:
    data = b"a" * 1000 + b"\n" + b"b" * 1001 + b"\n" + b"c" * 50_000 + b"\nd"
    found = cut(data, [chunk] * (len(data) // chunk))
    assert found == [b"a" * 1000, Overlong(None), Overlong(None), b"d"]


@pytest.mark.parametrize(
    ("line", "identity"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"x":"%b"}}', b"7"),
        (b'{"method":"tools/call","params":{"x":"%b"},"jsonrpc":"2.0","id":"seven"}', b'"seven"'),
        (b'{"method":"tools/call","params":{"x":"%b", "id":7}}', None),
        (b'{"method":"tools/call","params":{"x":"%b\\",\\"id\\":7}"}}', None),
        (b'[{"jsonrpc":"2.0","id":7,"params":"%b"}]', None),
    ],
)
def test_the_id_of_an_endless_message_is_found_at_either_end(line: bytes, identity: bytes | None) -> None:
    long = line.replace(b"%b", b"x" * 100_000)
    for chunk in (999, 200_000):
        assert cut(long, [chunk] * (len(long) // chunk)) == [Overlong(identity)]


def test_an_endless_line_is_not_kept() -> None:
    lines = Lines(100_000)
    for _ in range(100):
        assert list(lines.feed(b"x" * READ_SIZE)) == []
        assert len(lines._begun) < 200_000  # noqa: SLF001  (what it holds is what this is about)
    assert list(lines.feed(b"\nnext\n")) == [Overlong(None), b"next"]


async def read_all(source: Source) -> bytes:
    async with asyncio.timeout(10):
        found = bytearray()
        while chunk := await source.read():
            found += chunk
    return bytes(found)


@on_loop
async def test_a_pipe_is_read_to_its_end() -> None:
    reader, writer = os.pipe()
    source = Source(reader)
    data = os.urandom(1_000_000)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(read_all(source))
        await asyncio.to_thread(write_all, writer, data)
        os.close(writer)
    assert reading.result() == data
    os.close(reader)


@on_loop
async def test_regular_files_and_devices_are_read_as_well() -> None:
    for path, expected in ((__file__, HERE), (os.devnull, b"")):
        descriptor = os.open(path, os.O_RDONLY)
        assert await read_all(Source(descriptor)) == expected
        os.close(descriptor)


@on_loop
async def test_what_cannot_be_read_is_at_its_end() -> None:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    assert await read_all(Source(descriptor)) == b""
    os.close(descriptor)


@on_loop
async def test_little_is_read_that_nobody_asks_for() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    source = Source(reader)
    sent = 0
    for _ in range(200):
        try:
            sent += os.write(writer, b"x" * READ_SIZE)
        except BlockingIOError:
            await asyncio.sleep(0.001)
    assert sent <= 6 * READ_SIZE
    os.close(writer)
    assert len(await read_all(source)) == sent
    os.close(reader)


@on_loop
async def test_what_is_written_goes_out_whole_and_in_order() -> None:
    reader, writer = os.pipe()
    sink = Sink(writer)
    pieces = [b"%d," % number * (number % 50 + 1) for number in range(2000)] + [b"y" * 300_000]
    for piece in pieces:
        sink.write(piece)
    data = b"".join(pieces)
    assert await asyncio.to_thread(read_exactly, reader, len(data)) == data
    async with asyncio.timeout(5):
        await sink.drain(0)
    sink.close()
    os.close(reader)
    os.close(writer)


def read_exactly(descriptor: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += os.read(descriptor, size - len(found))
    return found


@on_loop
async def test_whoever_writes_much_waits_until_it_is_read() -> None:
    reader, writer = os.pipe()
    sink = Sink(writer)
    sink.write(b"x" * HIGH_WATER)
    await sink.drain()
    sink.write(b"x" * 200_000)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await sink.drain()
    await asyncio.to_thread(read_exactly, reader, HIGH_WATER + 200_000)
    async with asyncio.timeout(5):
        await sink.drain()
    sink.close()
    os.close(reader)
    os.close(writer)


@on_loop
async def test_a_reader_that_goes_away_is_noticed_and_nothing_is_kept_for_it() -> None:
    reader, writer = os.pipe()
    sink = Sink(writer)
    sink.write(b"x" * 1_000_000)
    os.close(reader)
    async with asyncio.timeout(5):
        await sink.drain(0)
        await sink.deserted()
    assert sink.broken
    sink.write(b"y")
    sink.close()
    os.close(writer)


@on_loop
async def test_a_reader_that_goes_away_is_noticed_though_nothing_is_written() -> None:
    pair = socket.socketpair()
    (reader, writer), (far, near) = os.pipe(), (each.detach() for each in pair)
    for theirs, ours in ((reader, writer), (far, near)):
        sink = Sink(ours)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(sink.deserted())
            await asyncio.sleep(0.05)
            assert not waiting.done()
            os.close(theirs)
            async with asyncio.timeout(5):
                await waiting
        sink.close()
        os.close(ours)


@on_loop
async def test_a_file_is_written_and_what_is_written_last_is_written() -> None:
    descriptor = os.memfd_create("output")
    sink = Sink(descriptor)
    sink.write(b"one\n")
    sink.write(b"two\n")
    sink.close()
    await until(lambda: os.pread(descriptor, 100, 0) == b"one\ntwo\n")
    os.close(descriptor)


@on_loop
async def test_descriptors_stay_as_blocking_as_they_were() -> None:
    reader, writer = os.pipe()
    source, sink = Source(reader), Sink(writer)
    sink.write(b"x")
    assert await source.read() == b"x"
    assert os.get_blocking(reader)
    assert os.get_blocking(writer)
    sink.close()
    os.close(writer)
    assert await source.read() == b""
    os.close(reader)
