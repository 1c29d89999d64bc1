"""Work side by side, bounded."""

import asyncio
from collections.abc import Awaitable, Callable

from mcphub_gitops.runtime.engines.remote.lane import Lane
from tests.runtime.engines.conftest import Run


class Works:
    """Work that goes on until it is told to end."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self.moves = 0
        self.ends: dict[int, asyncio.Event] = {}

    def moved(self) -> None:
        self.moves += 1

    def put(self, lane: Lane, number: int, size: int = 1) -> None:
        self.ends[number] = asyncio.Event()

        async def work() -> None:
            self.begun.append(number)
            try:
                await self.ends[number].wait()
            except asyncio.CancelledError:
                self.cancelled.append(number)
                raise

        lane.put(b"%d" % number, work, size)


async def turn() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


def in_lane(run: Run, scenario: Callable[[Lane, Works], Awaitable[None]], *, width: int = 2) -> Works:
    works = Works()

    async def body() -> None:
        async with asyncio.TaskGroup() as group:
            lane = Lane(group, width=width, moved=works.moved)
            await scenario(lane, works)
            lane.close()

    run(body())
    return works


def test_no_more_than_the_width_runs_and_the_rest_keeps_its_order(run: Run) -> None:
    async def scenario(lane: Lane, works: Works) -> None:
        for number in range(5):
            works.put(lane, number, size=10)
        await turn()
        assert works.begun == [0, 1]
        assert lane.waiting == 30
        works.ends[1].set()
        await turn()
        assert works.begun == [0, 1, 2]
        assert lane.waiting == 20
        assert lane.begun(b"2")
        assert not lane.begun(b"3")

    works = in_lane(run, scenario)
    assert works.cancelled == [0, 2]
    assert works.begun == [0, 1, 2]


def test_what_waits_can_be_taken_back_and_what_runs_is_cancelled(run: Run) -> None:
    async def scenario(lane: Lane, works: Works) -> None:
        for number in range(3):
            works.put(lane, number)
        await turn()
        assert lane.drop(b"2")
        assert lane.waiting == 0
        assert lane.drop(b"0")
        await turn()
        assert works.cancelled == [0]
        assert not lane.drop(b"0")
        assert not lane.drop(b"9")

    assert in_lane(run, scenario).begun == [0, 1]


def test_a_held_lane_begins_nothing(run: Run) -> None:
    async def scenario(lane: Lane, works: Works) -> None:
        lane.hold()
        works.put(lane, 0)
        await turn()
        assert works.begun == []
        lane.release()
        await turn()
        assert works.begun == [0]

    in_lane(run, scenario)


def test_a_closed_lane_forgets_what_waits(run: Run) -> None:
    async def scenario(lane: Lane, works: Works) -> None:
        for number in range(4):
            works.put(lane, number)
        await turn()
        before = works.moves
        lane.close()
        assert lane.waiting == 0
        assert works.moves > before

    works = in_lane(run, scenario)
    assert works.begun == works.cancelled == [0, 1]
