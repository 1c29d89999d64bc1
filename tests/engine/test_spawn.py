"""The ways to a server in a container, and who may go them, seen on a real engine."""

import asyncio
import pickle
import subprocess
import sys
from contextlib import suppress

import pytest
import uvloop

from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.engine.conftest import LASTING, Hub, started
from tests.runtime.engines.children import Record, wait_until
from tests.runtime.engines.conftest import Run

pytestmark = pytest.mark.parametrize("run", [uvloop.new_event_loop], indirect=True, ids=["uvloop"])


def test_one_gateway_at_a_time_speaks_to_a_container(run: Run, hub: Hub) -> None:
    async def two() -> None:
        spec = hub.spec()
        child, _ = await started(hub, spec)
        with pytest.raises(RuntimeFailure, match="is in use") as raised:
            await hub.engine().spawn(spec, Record())
        assert raised.value.retryable
        await child.leave()
        again = await hub.engine().spawn(spec, Record())
        await again.stop(grace=0.1)

    run(two())


def test_who_is_told_of_the_end_may_start_it_again(run: Run, hub: Hub) -> None:
    class Again(Record):
        def child_exited(self, status: int) -> None:
            super().child_exited(status)
            self.next = asyncio.ensure_future(hub.engine().spawn(spec, second))

    spec, second = hub.spec("read -r line; echo $line"), Record()

    async def start_again() -> None:
        engine, first = hub.engine(), Again()
        await engine.create(spec)
        child = await engine.spawn(spec, first)
        child.write(b"a\n")
        await first.end()
        (await first.next).write(b"b\n")
        assert await second.end() == 0

    run(start_again())
    assert second.lines == [b"b"]


def test_a_container_that_is_gone_or_another_is_not_spoken_to(run: Run, hub: Hub) -> None:
    with pytest.raises(RuntimeFailure, match="is gone") as raised:
        run(hub.engine().spawn(hub.spec(), Record()))
    assert raised.value.resolution == "run `mcphub apply`"
    run(hub.engine().create(hub.spec(digest="sha256:1")))
    with pytest.raises(RuntimeFailure, match="was made from something else"):
        run(hub.engine().spawn(hub.spec(digest="sha256:2"), Record()))
    assert hub.state()["Status"] == "created"


@LASTING
def test_a_container_that_cannot_start_is_told_in_the_engines_words(run: Run, hub: Hub, lasting: bool) -> None:  # noqa: FBT001
    with pytest.raises(RuntimeFailure, match="cannot start") as raised:
        run(started(hub, hub.spec(user="nobody-of-that-name", lasting=lasting)))
    assert "nobody-of-that-name" in raised.value.detail
    assert hub.has() is lasting


@LASTING
def test_a_program_that_cannot_run_ends_with_the_reason(run: Run, hub: Hub, lasting: bool) -> None:  # noqa: FBT001
    async def end() -> tuple[int, str]:
        child, record = await started(hub, hub.spec(entrypoint=("/nothing",), lasting=lasting))
        return await record.end(), child.stderr_tail()

    status, tail = run(end())
    assert status == 127
    assert "/nothing" in tail


def test_a_passing_container_takes_the_place_of_one_that_was_lost(run: Run, hub: Hub) -> None:
    spec = hub.spec(lasting=False)
    run(hub.engine().create(spec))
    first = hub.inspect()["Id"]

    async def talk() -> None:
        child, record = await started(hub, spec)
        child.write(b"a\n")
        assert await record.line() == b"a"
        assert hub.inspect()["Id"] != first
        await child.leave()
        assert record.statuses

    run(talk())
    assert not hub.has()
    assert list(hub.leases.iterdir()) == []


@pytest.mark.parametrize("moment", [0.0, 0.01, 0.03, 0.08, 0.2])
def test_a_cancelled_start_leaves_no_passing_container(run: Run, hub: Hub, moment: float) -> None:
    async def cancel() -> None:
        engine, record = hub.engine(), Record()
        starting = asyncio.ensure_future(engine.spawn(hub.spec(lasting=False), record))
        await asyncio.wait((starting,), timeout=moment)
        if starting.cancel():
            with suppress(asyncio.CancelledError):
                await starting
        else:
            await (await starting).stop(grace=0.1)

    run(cancel())
    assert not hub.has()


GATEWAY = """
import asyncio, pathlib, pickle, sys
from mcphub_gitops.runtime.engines.docker.engine import DockerEngine
from tests.runtime.engines.children import Record

async def main(socket, leases, spec):
    record = Record()
    child = await DockerEngine(socket, leases=pathlib.Path(leases)).spawn(spec, record)
    child.write(b"up\\n")
    print((await record.line()).decode(), flush=True)
    await record.end()

asyncio.run(main(*pickle.load(sys.stdin.buffer)))
"""


@LASTING
def test_a_gateway_that_is_killed_leaves_only_what_lasts(run: Run, hub: Hub, lasting: bool) -> None:  # noqa: FBT001
    spec = hub.spec(lasting=lasting)
    if lasting:
        run(hub.engine().create(spec))
    gateway = subprocess.Popen([sys.executable, "-c", GATEWAY], stdin=-1, stdout=-1)
    with gateway:
        assert gateway.stdin is not None
        assert gateway.stdout is not None
        gateway.stdin.write(pickle.dumps((hub.raw.socket, str(hub.leases), spec)))
        gateway.stdin.close()
        assert gateway.stdout.readline() == b"up\n"
        gateway.kill()
    if not lasting:
        wait_until(lambda: not hub.has())
        return

    async def go_on() -> None:
        record = Record()
        child = await hub.engine().spawn(spec, record)
        child.write(b"still\n")
        assert await record.line() == b"still"
        await child.stop(grace=0.1)

    run(go_on())


def test_what_ended_by_itself_is_started_again(run: Run, hub: Hub) -> None:
    async def twice() -> None:
        spec = hub.spec("read -r line; echo $line; exit 3")
        await hub.engine().create(spec)
        for word in (b"a", b"b"):
            record = Record()
            child = await hub.engine().spawn(spec, record)
            child.write(word + b"\n")
            assert await record.end() == 3
            assert record.lines == [word]

    run(twice())


def test_many_start_and_end_at_once(run: Run, hub: Hub) -> None:
    async def talk(number: int) -> None:
        spec = hub.spec(server=f"s{number}", lasting=number % 2 == 0)
        child, record = await started(hub, spec)
        child.write(b"%d\n" % number)
        assert await record.line() == b"%d" % number
        await child.stop(grace=0.5)

    async def all_of_them() -> None:
        await asyncio.gather(*(talk(number) for number in range(6)))

    run(all_of_them())
