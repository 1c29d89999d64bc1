import asyncio
import fcntl
import os
from collections.abc import Callable

import pytest

from mcphub_gitops.runtime.engines.pipes import HIGH_WATER, Inlet, Outlet
from tests.runtime.engines.conftest import Run


class Reader:
    """An Inlet on a pipe whose other end is at hand."""

    def __init__(self) -> None:
        self.far, near = os.pipe()[::-1]
        self.chunks: list[bytes] = []
        self.ends = 0
        self.changed = asyncio.Event()
        self.inlet = Inlet(asyncio.get_running_loop(), near, on_chunk=self.heard, on_end=self.ended)

    def heard(self, chunk: bytes) -> None:
        self.chunks.append(chunk)
        self.changed.set()

    def ended(self) -> None:
        self.ends += 1
        self.changed.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not reached():
                self.changed.clear()
                await self.changed.wait()


def test_an_inlet_reads_until_the_end_and_closes(run: Run) -> None:
    async def read() -> None:
        reader = Reader()
        reader.inlet.resume()
        os.write(reader.far, b"one")
        await reader.until(lambda: reader.chunks == [b"one"])
        os.write(reader.far, b"two")
        os.close(reader.far)
        await reader.until(lambda: reader.ends == 1)
        assert reader.chunks == [b"one", b"two"]
        assert reader.inlet.closed
        reader.inlet.resume()
        reader.inlet.close()
        assert reader.ends == 1

    run(read())


def test_a_paused_inlet_leaves_what_comes_in_the_pipe(run: Run) -> None:
    async def read() -> None:
        reader = Reader()
        reader.inlet.resume()
        reader.inlet.pause()
        os.write(reader.far, b"one")
        await asyncio.sleep(0.02)
        assert reader.chunks == []
        reader.inlet.resume()
        await reader.until(lambda: reader.chunks == [b"one"])
        reader.inlet.close()
        os.close(reader.far)
        assert reader.ends == 0

    run(read())


@pytest.mark.parametrize("writer_stays", [True, False])
def test_an_exhausted_inlet_has_read_all_that_a_pipe_can_hold(run: Run, *, writer_stays: bool) -> None:
    async def read() -> None:
        reader = Reader()
        size = fcntl.fcntl(reader.far, fcntl.F_SETPIPE_SZ, 1024**2)
        os.write(reader.far, b"x" * size)
        if not writer_stays:
            os.close(reader.far)
        reader.inlet.exhaust()
        assert sum(map(len, reader.chunks)) == size
        assert reader.ends == 1
        assert reader.inlet.closed
        if writer_stays:
            os.close(reader.far)

    run(read())


def test_an_inlet_can_be_closed_from_its_own_chunk(run: Run) -> None:
    async def read() -> None:
        near, far = os.pipe()
        os.write(far, b"x")
        ends: list[bool] = []
        inlet = Inlet(
            asyncio.get_running_loop(), near, on_chunk=lambda _: inlet.close(), on_end=lambda: ends.append(True)
        )
        inlet.exhaust()
        assert inlet.closed
        assert ends == []
        os.close(far)

    run(read())


class Writer:
    """An Outlet on a pipe whose other end is at hand."""

    def __init__(self) -> None:
        self.far, near = os.pipe()
        self.outlet = Outlet(asyncio.get_running_loop(), near)

    async def read(self, size: int) -> bytes:
        data = b""
        os.set_blocking(self.far, False)
        async with asyncio.timeout(5):
            while len(data) < size:
                await asyncio.sleep(0)
                try:
                    data += os.read(self.far, size - len(data))
                except BlockingIOError:
                    continue
        return data


def test_what_is_written_in_one_turn_goes_out_together_and_in_order(run: Run) -> None:
    async def write() -> None:
        writer = Writer()
        for number in range(1000):
            writer.outlet.write(b"%03d" % number)
        await asyncio.sleep(0)
        assert os.read(writer.far, 10_000) == b"".join(b"%03d" % number for number in range(1000))
        writer.outlet.close()
        os.close(writer.far)

    run(write())


def test_a_full_pipe_is_waited_for(run: Run) -> None:
    async def write() -> None:
        writer = Writer()
        pieces = [bytes([number % 256]) * 1000 for number in range(1000)]
        for piece in pieces:
            writer.outlet.write(piece)
        drained = asyncio.ensure_future(writer.outlet.drain())
        also_drained = asyncio.ensure_future(writer.outlet.drain())
        await asyncio.sleep(0.01)
        assert not drained.done()
        assert await writer.read(1_000_000) == b"".join(pieces)
        await asyncio.gather(drained, also_drained)
        writer.outlet.finish()
        assert writer.outlet.closed
        assert os.read(writer.far, 1) == b""
        os.close(writer.far)

    run(write())


def test_a_finished_outlet_closes_after_what_is_queued_and_takes_nothing_more(run: Run) -> None:
    async def write() -> None:
        writer = Writer()
        data = b"x" * HIGH_WATER
        writer.outlet.write(data)
        writer.outlet.finish()
        writer.outlet.write(b"too late")
        assert await writer.read(len(data)) == data
        await asyncio.sleep(0.01)
        assert writer.outlet.closed
        assert os.read(writer.far, 1) == b""
        os.close(writer.far)

    run(write())


@pytest.mark.parametrize("how", ["reader goes", "closed"])
def test_drain_returns_when_the_pipe_is_gone(run: Run, how: str) -> None:
    async def write() -> None:
        writer = Writer()
        writer.outlet.write(b"x" * HIGH_WATER * 2)
        drained = asyncio.ensure_future(writer.outlet.drain())
        await asyncio.sleep(0.01)
        assert not drained.done()
        if how == "closed":
            writer.outlet.close()
        os.close(writer.far)
        async with asyncio.timeout(5):
            await drained
        assert writer.outlet.closed
        writer.outlet.write(b"dropped")
        await writer.outlet.drain()

    run(write())


def test_a_cancelled_drain_does_not_disturb_another(run: Run) -> None:
    async def write() -> None:
        writer = Writer()
        writer.outlet.write(b"x" * HIGH_WATER * 2)
        first, second = (asyncio.ensure_future(writer.outlet.drain()) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        await writer.read(HIGH_WATER * 2)
        async with asyncio.timeout(5):
            await second
        writer.outlet.close()
        os.close(writer.far)

    run(write())
