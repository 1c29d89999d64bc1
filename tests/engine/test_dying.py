"""Engines that are killed, restarted and stopped in their tracks, each of them private to these tests."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from mcphub_gitops.runtime.engines.docker.container import LOST
from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.engine.conftest import Hub, started
from tests.runtime.engines.children import Record
from tests.runtime.engines.conftest import Run
from tests.support.engine import Engine, PrivateEngine, busybox_layer, private_engine

pytestmark = pytest.mark.parametrize("run", [uvloop.new_event_loop], indirect=True, ids=["uvloop"])

COUNT = 'count=0; while read -r line; do count=$((count+1)); echo "$line $count"; done'


@pytest.fixture(scope="module")
def mortal() -> Iterator[PrivateEngine]:
    """An engine whose containers survive it, as production has it."""
    with private_engine("--live-restore") as found:
        yield found


@pytest.fixture
def hub(mortal: PrivateEngine, tmp_path: Path) -> Iterator[Hub]:
    raw = Engine(socket=mortal.socket, registry="")
    image = raw.load("shell", busybox_layer(), 'ENTRYPOINT ["/bin/sh", "-c"]')
    found = Hub(raw, image, tmp_path / "leases")
    yield found
    found.clear()


def test_an_engine_that_dies_ends_the_child_and_is_found_again(run: Run, hub: Hub, mortal: PrivateEngine) -> None:
    spec = hub.spec(COUNT)

    async def lose() -> str:
        child, record = await started(hub, spec)
        child.write(b"a\n")
        assert await record.line() == b"a 1"
        mortal.kill()
        assert await record.end() == LOST
        await child.stop()
        with pytest.raises(RuntimeFailure, match="cannot be reached") as raised:
            await hub.engine().spawn(spec, Record())
        assert raised.value.retryable
        return child.stderr_tail()

    async def go_on() -> None:
        record = Record()
        child = await hub.engine().spawn(spec, record)
        child.write(b"b\n")
        assert await record.line() == b"b 2"
        await child.stop(grace=0.1)

    assert mortal.socket in run(lose())
    mortal.start()
    run(go_on())


@pytest.mark.parametrize("moment", [0.05, 0.3])
def test_starts_that_an_engine_did_not_survive_are_healed(
    run: Run, hub: Hub, mortal: PrivateEngine, moment: float
) -> None:
    specs = [hub.spec(server=f"s{number}") for number in range(3)]

    async def interrupt() -> None:
        starts = [asyncio.ensure_future(started(hub, spec)) for spec in specs]
        await asyncio.wait(starts, timeout=moment)
        mortal.kill()
        for outcome in await asyncio.gather(*starts, return_exceptions=True):
            if isinstance(outcome, BaseException):
                assert isinstance(outcome, RuntimeFailure), outcome
            else:
                await outcome[1].end()

    async def heal() -> None:
        engine = hub.engine()
        await engine.observe(hub.labels, specs)
        for spec in specs:
            child, record = await started(hub, spec)
            child.write(b"a\n")
            assert await record.line() == b"a"
            await child.stop(grace=0.1)

    run(interrupt())
    mortal.start()
    run(heal())


def test_an_engine_that_hangs_is_not_waited_for(run: Run, hub: Hub, mortal: PrivateEngine) -> None:
    async def ask() -> None:
        child, record = await started(hub, hub.spec(), patience=0.5)
        assert mortal.process is not None
        os.kill(mortal.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(RuntimeFailure, match="does not answer") as raised:
                await hub.engine(patience=0.3).observe(hub.labels, ())
        finally:
            os.kill(mortal.process.pid, signal.SIGCONT)
        assert raised.value.retryable
        assert mortal.socket in raised.value.detail
        await child.stop(grace=0.1)
        assert record.statuses

    run(ask())
