"""The promises about a server in a container, seen by real ones on both loops."""

import asyncio
from contextlib import aclosing, suppress

import pytest

from tests.engine.conftest import LASTING, Hub, started
from tests.runtime.engines.children import Record
from tests.runtime.engines.conftest import Run


@LASTING
def test_lines_go_in_and_come_out_to_the_end(run: Run, hub: Hub, lasting: bool) -> None:  # noqa: FBT001
    async def talk() -> None:
        script = (
            'echo first; while read -r line; do echo "heard $line"; [ "$line" = end ] && printf last && exit 7; done'
        )
        child, record = await started(hub, hub.spec(script, lasting=lasting))
        child.write(b"one\n")
        child.write(b"two\nend\n")
        await child.drain()
        assert await record.end() == 7
        assert record.lines == [b"first", b"heard one", b"heard two", b"heard end", b"last"]
        child.write(b"nobody hears this\n")
        await child.drain()
        await child.stop()
        await child.leave()

    run(talk())
    assert hub.has() is lasting
    if lasting:
        assert hub.state()["ExitCode"] == 7


def test_what_is_said_before_anybody_could_listen_is_heard(run: Run, hub: Hub) -> None:
    async def listen() -> Record:
        _, record = await started(hub, hub.spec("seq 1 20000; echo done >&2"))
        assert await record.end() == 0
        return record

    assert run(listen()).lines == [b"%d" % number for number in range(1, 20001)]


def test_a_server_that_was_left_runs_on_and_answers_again(run: Run, hub: Hub) -> None:
    spec = hub.spec('count=0; while read -r line; do count=$((count+1)); echo "$line $count"; done')

    async def leave_and_return() -> None:
        child, first = await started(hub, spec)
        child.write(b"a\n")
        assert await first.line() == b"a 1"
        child.write(b"b\n")
        await child.leave()
        assert first.statuses == []
        second = Record()
        again = await hub.engine().spawn(spec, second)
        again.write(b"c\n")
        assert await second.line() == b"c 3"
        assert first.lines[1:] in ([], [b"b 2"])
        assert first.statuses == []
        await again.stop(grace=0.2)
        assert second.statuses

    run(leave_and_return())
    assert hub.state()["Running"] is False


def test_what_was_said_while_nobody_listened_is_not_repeated(run: Run, hub: Hub) -> None:
    spec = hub.spec(
        'while read -r line; do echo "$line"; [ "$line" = a ] && { sleep 0.2; echo late; echo late >&2; }; done'
    )

    async def leave_and_return() -> None:
        child, first = await started(hub, spec)
        child.write(b"a\n")
        await first.line()
        await child.leave()
        # Whoever reads its log learns when it has been said.
        async with aclosing(hub.engine().logs(spec.name, follow=True, tail=1)) as lines:
            assert await anext(lines) == b"late"
        second = Record()
        again = await hub.engine().spawn(spec, second)
        again.write(b"b\n")
        assert await second.line() == b"b"
        await again.stop(grace=0.1)

    run(leave_and_return())


@LASTING
def test_a_stopped_server_has_ended_and_a_passing_one_is_gone(run: Run, hub: Hub, lasting: bool) -> None:  # noqa: FBT001
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"

    async def stop() -> int:
        child, record = await started(hub, hub.spec(script, lasting=lasting))
        await record.line()
        # One that is passing is first given half of the time to end with its input, which this one does not read.
        await child.stop(grace=10 if lasting else 3)
        assert record.lines == [b"up", b"bye"]
        return await record.end()

    assert run(stop()) == 0
    assert hub.has() is lasting
    if lasting:
        assert hub.state()["Status"] == "exited"


def test_a_passing_server_ends_with_its_input(run: Run, hub: Hub) -> None:
    async def stop() -> None:
        child, record = await started(hub, hub.spec("trap '' TERM; cat; echo over", lasting=False))
        child.write(b"last words\n")
        await child.stop(grace=5)
        assert record.lines == [b"last words", b"over"]
        assert record.statuses == [0]

    run(stop())
    assert not hub.has()


def test_a_server_that_will_not_go_is_killed(run: Run, hub: Hub) -> None:
    async def stop() -> int:
        child, record = await started(hub, hub.spec("trap '' TERM INT; echo up; while :; do sleep 0.05; done"))
        await record.line()
        await asyncio.gather(child.stop(grace=0.2), child.stop(grace=0.2))
        return await record.end()

    assert run(stop()) == -9


def test_a_cancelled_stop_kills_at_once(run: Run, hub: Hub) -> None:
    async def stop() -> int:
        child, record = await started(hub, hub.spec("trap '' TERM; echo up; while :; do sleep 0.05; done"))
        await record.line()
        with suppress(TimeoutError):
            await asyncio.wait_for(child.stop(grace=60), 0.1)
        return await record.end()

    assert run(stop()) == -9


def test_a_line_that_never_ends_is_cut_and_its_server_killed(run: Run, hub: Hub) -> None:
    async def overrun() -> Record:
        spec = hub.spec("echo before; head -c 3000000 /dev/zero; echo after; cat")
        _, record = await started(hub, spec, line_limit=65536)
        assert await record.end() == -9
        return record

    record = run(overrun())
    assert record.lines == [b"before"]
    assert record.overruns == [65536]


def test_standard_error_is_kept_apart_and_masked(run: Run, hub: Hub) -> None:
    async def complain() -> tuple[Record, str]:
        spec = hub.spec('echo "no $KEY" >&2; echo out', env={"KEY": "kept-to-itself"}, secrets=("KEY",))
        child, record = await started(hub, spec)
        await record.end()
        return record, child.stderr_tail()

    record, tail = run(complain())
    assert record.lines == [b"out"]
    assert tail == "no [secret]\n"


def test_a_flood_on_standard_error_is_read_and_its_end_kept(run: Run, hub: Hub) -> None:
    async def flood() -> str:
        child, record = await started(
            hub, hub.spec("yes $(printf %01000d 0) | head -c 12000000 >&2; echo last >&2; echo out")
        )
        await record.end()
        assert record.lines == [b"out"]
        return child.stderr_tail()

    tail = run(flood())
    assert tail.endswith("0000last\n")
    assert len(tail) <= 65536


def test_a_server_that_does_not_read_makes_its_writer_wait(run: Run, hub: Hub) -> None:
    async def wait() -> None:
        child, record = await started(hub, hub.spec("exec sleep 60", lasting=False))
        for _ in range(64):
            child.write(b"x" * 65535 + b"\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(child.drain(), 0.2)
        await child.stop(grace=0.2)
        await asyncio.wait_for(child.drain(), 1)
        assert record.statuses

    run(wait())


def test_memory_that_runs_out_is_named_as_the_reason(run: Run, hub: Hub) -> None:
    async def fill() -> tuple[int, str]:
        program = ("/bin/awk", 'BEGIN { x = "x"; while (1) x = x x }')
        child, record = await started(hub, hub.spec(entrypoint=program[:1], command=program[1:], memory=16 * 1024**2))
        return await record.end(), child.stderr_tail()

    assert run(fill()) == (-9, "docker: it had no memory left within its limit\n")
