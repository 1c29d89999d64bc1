import asyncio
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
import uvloop

from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.runtime.engines.children import child_processes, open_descriptors

T = TypeVar("T")


class Run(Protocol):
    """Runs a coroutine on a loop of its own."""

    def __call__(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` returns."""


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a folder that every user can walk into and read, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="mcphub-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def settle(work: Awaitable[T]) -> T | RuntimeFailure:
    try:
        return await work
    except RuntimeFailure as failure:
        return failure


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Return a runner on one of both loops, which fails when a descriptor or a child is left."""

    def run_on_loop(work: Coroutine[Any, Any, T]) -> T:
        if sys.platform != "linux":
            pytest.skip("process servers need Linux")
        with asyncio.Runner(loop_factory=request.param) as runner:
            # uvloop's first loop opens descriptors that the process keeps.
            runner.run(asyncio.sleep(0))
        descriptors, children = open_descriptors(), child_processes()
        with asyncio.Runner(loop_factory=request.param) as runner:
            outcome = runner.run(settle(asyncio.wait_for(work, 30)))
        assert open_descriptors().keys() == descriptors.keys()
        assert child_processes() <= children
        if isinstance(outcome, RuntimeFailure):
            raise outcome
        return outcome

    return run_on_loop
