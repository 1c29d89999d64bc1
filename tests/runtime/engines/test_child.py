"""What a running child says, what it is sent, and how it ends."""

import asyncio
import contextlib
import os
import resource
import signal
import time
from pathlib import Path

import pytest

from mcphub_gitops.runtime.engines import child as child_module
from mcphub_gitops.runtime.engines.child import ProcessChild
from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.ports import ChildSpec
from tests.runtime.engines.children import Record, child_processes, eventually, is_alive, parent_of, python, shell
from tests.runtime.engines.conftest import Run


async def start(spec: ChildSpec, *, line_limit: int = 4 * 1024**2) -> tuple[ProcessChild, Record]:
    record = Record()
    return await ProcessEngine(line_limit=line_limit).spawn(spec, record), record


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def test_lines_come_as_they_are_and_the_last_one_without_a_break(run: Run, place: Path) -> None:
    async def talk() -> Record:
        child, record = await start(shell(place, r"printf 'one\n\ntwo\r\nthr\000ee \377\nfour'"))
        assert await record.end() == 0
        child.write(b"too late\n")
        await child.drain()
        return record

    assert run(talk()).lines == [b"one", b"", b"two\r", b"thr\0ee \xff", b"four"]


def test_what_is_written_arrives_whole_and_in_order(run: Run, place: Path) -> None:
    count = 20_000

    async def talk() -> Record:
        child, record = await start(shell(place, "cat"))
        for number in range(count):
            child.write(b"%06d %s\n" % (number, b"x" * 100))
            await child.drain()
        await record.line(count - 1)
        await child.stop()
        return record

    record = run(talk())
    assert [int(line[:6]) for line in record.lines] == list(range(count))
    assert {len(line) for line in record.lines} == {107}
    assert record.statuses == [0]


def test_drain_waits_while_the_child_does_not_read_and_returns_when_it_is_gone(run: Run, place: Path) -> None:
    async def talk() -> None:
        child, record = await start(shell(place, "sleep 60"))
        child.write(b"x" * 1024**2)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(child.drain())
            done, _ = await asyncio.wait((waiting,), timeout=0.05)
            assert done == set()
            group.create_task(child.stop(grace=0))
        assert record.statuses in ([-signal.SIGTERM], [-signal.SIGKILL])

    run(talk())


def test_a_long_line_arrives_whole(run: Run, place: Path) -> None:
    size = 4 * 1024**2

    async def talk() -> Record:
        _, record = await start(shell(place, f"head -c {size} /dev/zero | tr '\\0' x; echo; echo after"))
        await record.end()
        return record

    record = run(talk())
    assert [len(line) for line in record.lines] == [size, 5]
    assert record.overruns == []


def test_a_line_over_the_limit_ends_the_child_and_is_told_once(run: Run, place: Path) -> None:
    async def talk() -> Record:
        script = "echo before; exec tr '\\0' x </dev/zero"
        child, record = await start(shell(place, script))
        assert await record.end() == -signal.SIGKILL
        await child.stop()
        return record

    before = cpu_seconds()
    record = run(talk())
    assert record.lines == [b"before"]
    assert record.overruns == [4 * 1024**2]
    assert cpu_seconds() - before < 1


def test_an_overrun_of_a_child_that_has_already_ended_is_told(run: Run, place: Path) -> None:
    async def talk() -> Record:
        child, record = await start(shell(place, "echo before; head -c 2000 /dev/zero | tr '\\0' x"), line_limit=1000)
        child.pause_reading()
        await record.end()
        return record

    record = run(talk())
    assert record.lines == [b"before"]
    assert record.overruns == [1000]


def test_a_paused_child_has_to_wait_and_loses_nothing(run: Run, place: Path) -> None:
    count = 60_000

    async def talk() -> Record:
        child, record = await start(shell(place, f"seq {count}; echo done >&2"))
        await record.line()
        child.pause_reading()
        heard = len(record.lines)
        await asyncio.sleep(0.1)
        assert len(record.lines) == heard
        assert child.stderr_tail() == ""
        child.resume_reading()
        assert await record.end() == 0
        assert child.stderr_tail() == "done\n"
        return record

    assert run(talk()).lines == [b"%d" % number for number in range(1, count + 1)]


def test_a_sink_can_pause_from_within_a_line(run: Run, place: Path) -> None:
    class OneByOne(Record):
        child: ProcessChild

        def line_received(self, line: bytes) -> None:
            super().line_received(line)
            self.child.pause_reading()
            asyncio.get_running_loop().call_soon(self.child.resume_reading)

    async def talk() -> Record:
        record = OneByOne()
        record.child = await ProcessEngine().spawn(shell(place, "seq 1000; read end"), record)
        await record.line(999)
        await record.child.stop()
        return record

    assert run(talk()).lines == [b"%d" % number for number in range(1, 1001)]


def test_a_child_that_ends_while_paused_still_delivers_what_it_wrote(run: Run, place: Path) -> None:
    async def talk() -> Record:
        child, record = await start(shell(place, "seq 5000"))
        child.pause_reading()
        assert await record.end() == 0
        return record

    assert len(run(talk()).lines) == 5000


def test_a_slow_sink_gets_all_that_a_dead_child_wrote(run: Run, place: Path) -> None:
    class Slow(Record):
        def line_received(self, line: bytes) -> None:
            super().line_received(line)
            busy_until = time.perf_counter() + 0.00005
            while time.perf_counter() < busy_until:
                pass

    async def talk() -> Record:
        record = Slow()
        await ProcessEngine().spawn(shell(place, "seq 6000"), record)
        await record.end()
        return record

    assert run(talk()).lines == [b"%d" % number for number in range(1, 6001)]


def test_a_child_with_a_larger_pipe_delivers_all_of_it(run: Run, place: Path) -> None:
    code = "import fcntl, os; fcntl.fcntl(1, 1031, 1 << 20); os.write(1, b'x' * 1000000 + b'\\n')"

    async def talk() -> Record:
        child, record = await start(python(place, code))
        child.pause_reading()
        await record.end()
        return record

    assert [len(line) for line in run(talk()).lines] == [1_000_000]


def test_a_talkative_child_does_not_hold_up_the_loop(run: Run, place: Path) -> None:
    async def talk() -> float:
        child, _ = await start(shell(place, "yes"))
        longest, last = 0.0, time.perf_counter()
        for _ in range(100):
            await asyncio.sleep(0)
            longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
        await child.stop(grace=0)
        return longest

    assert run(talk()) < 0.1


def test_a_flood_on_standard_error_is_drained_and_its_end_kept(run: Run, place: Path) -> None:
    megabytes = 200

    async def talk() -> str:
        script = f"head -c {megabytes}000000 /dev/zero | tr '\\0' e >&2; echo >&2; echo the end >&2; echo done"
        child, record = await start(shell(place, script))
        assert await record.end() == 0
        assert record.lines == [b"done"]
        return child.stderr_tail()

    began, before = time.perf_counter(), cpu_seconds()
    assert run(talk()) == "the end\n"
    assert cpu_seconds() - before < 0.5 * (time.perf_counter() - began)


def test_secrets_are_masked_on_standard_error(run: Run, place: Path) -> None:
    async def talk() -> str:
        env = {"PATH": "/usr/bin:/bin", "KEY": "s3cr3t-value", "NAME": "visible"}
        spec = shell(place, 'echo "key=$KEY name=$NAME" >&2', env=env, secrets=("KEY",))
        child, record = await start(spec)
        await record.end()
        return child.stderr_tail()

    assert run(talk()) == "key=[secret] name=visible\n"


def test_a_child_that_reads_its_input_ends_with_it(run: Run, place: Path) -> None:
    async def talk() -> float:
        child, record = await start(shell(place, "cat; echo bye; exit 3"))
        began = time.perf_counter()
        await child.stop(grace=10)
        assert record.lines == [b"bye"]
        assert record.statuses == [3]
        return time.perf_counter() - began

    assert run(talk()) < 1


def test_a_child_that_does_not_read_is_terminated(run: Run, place: Path) -> None:
    async def talk() -> None:
        script = "trap 'echo terminated; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
        child, record = await start(shell(place, script))
        await record.line()
        await child.stop(grace=0.2)
        assert record.lines == [b"ready", b"terminated"]
        assert record.statuses == [5]

    run(talk())


def test_a_child_that_ignores_termination_is_killed(run: Run, place: Path) -> None:
    async def talk() -> float:
        child, record = await start(shell(place, "trap '' TERM; echo ready; while :; do sleep 0.05; done"))
        await record.line()
        began = time.perf_counter()
        await asyncio.gather(child.stop(grace=0.2), child.stop(grace=0.2))
        assert record.statuses == [-signal.SIGKILL]
        await child.stop()
        return time.perf_counter() - began

    assert 0.2 <= run(talk()) < 1


def test_a_stopped_process_is_killed_too(run: Run, place: Path) -> None:
    async def talk() -> None:
        child, record = await start(shell(place, "kill -STOP $$"))
        await child.stop(grace=0.1)
        assert record.statuses == [-signal.SIGKILL]

    run(talk())


def test_a_cancelled_stop_kills_at_once(run: Run, place: Path) -> None:
    async def talk() -> float:
        child, record = await start(shell(place, "trap '' TERM; echo ready; while :; do sleep 0.05; done"))
        await record.line()
        began = time.perf_counter()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await child.stop(grace=60)
        assert await record.end() == -signal.SIGKILL
        return time.perf_counter() - began

    assert run(talk()) < 1


FAMILY = r"""
import os, signal, sys
def descend(*, session):
    if os.fork() == 0:
        if session:
            os.setsid()
        if os.fork() == 0:
            os.write(1, b"%d\n" % os.getpid())
            signal.pause()
        if session:
            os._exit(0)
        signal.pause()
descend(session=False)
descend(session=True)
"""


@pytest.mark.parametrize("end", ["sys.exit(4)", "os.kill(os.getpid(), 11)", "sys.stdin.read()", "signal.pause()"])
def test_descendants_end_with_the_child_even_in_a_session_of_their_own(run: Run, place: Path, end: str) -> None:
    async def talk() -> None:
        child, record = await start(python(place, f"{FAMILY}\nsys.stdin.readline()\n{end}"))
        await record.line(1)
        descendants = [int(line) for line in record.lines]
        assert all(is_alive(pid) for pid in (child.pid, *descendants))
        child.write(b"go\n")
        if "exit" not in end and "kill" not in end:
            await child.stop(grace=0.1)
        await record.end()
        assert not any(is_alive(pid) for pid in (child.pid, *descendants))

    run(talk())


def test_descendants_that_were_left_alone_are_reaped_while_the_child_lives(run: Run, place: Path) -> None:
    script = 'for i in 1 2 3; do (setsid sh -c "echo \\$\\$" &); done; cat'

    async def talk() -> None:
        child, record = await start(shell(place, script))
        await record.line(2)
        await eventually(lambda: not any(Path(f"/proc/{int(line)}").exists() for line in record.lines))
        assert is_alive(child.pid)
        await child.stop()

    run(talk())


def test_many_descendants_are_killed_quickly(run: Run, place: Path) -> None:
    async def talk() -> float:
        script = "for i in $(seq 100); do setsid sleep 60 & done; echo ready; cat"
        child, record = await start(shell(place, script))
        await record.line()
        began = time.perf_counter()
        await child.stop()
        return time.perf_counter() - began

    assert run(talk()) < 2


def test_a_child_that_closes_its_output_is_ended(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "_MUTE", 0.2)

    async def talk() -> None:
        child, record = await start(shell(place, "exec >&-; trap '' TERM; while :; do sleep 0.1; done"))
        assert await record.end() == -signal.SIGKILL
        await child.stop()

    run(talk())


def test_a_child_that_closes_its_error_stream_goes_on(run: Run, place: Path) -> None:
    async def talk() -> None:
        child, record = await start(shell(place, "exec 2>&-; cat"))
        child.write(b"still here\n")
        assert await record.line() == b"still here"
        await child.stop()
        assert record.statuses == [0]

    run(talk())


def test_a_child_that_closes_its_input_goes_on(run: Run, place: Path) -> None:
    async def talk() -> None:
        child, record = await start(shell(place, "exec <&-; echo closed; sleep 0.1; echo done"))
        await record.line()
        child.write(b"nobody reads this\n")
        await child.drain()
        assert await record.end() == 0
        assert record.lines == [b"closed", b"done"]

    run(talk())


def test_a_broken_sink_does_not_keep_the_end_from_being_told(run: Run, place: Path) -> None:
    class Broken(Record):
        def line_received(self, line: bytes) -> None:
            super().line_received(line)
            raise ValueError(line)

    async def talk() -> None:
        problems: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context["exception"]))
        record = Broken()
        await ProcessEngine().spawn(shell(place, "echo one; echo two"), record)
        assert await record.end() == 0
        assert record.lines == [b"one", b"two"]
        assert [str(problem) for problem in problems] == ["b'one'", "b'two'"]

    run(talk())


def test_a_stranger_who_holds_the_pipes_does_not_keep_the_end_from_being_told(run: Run, place: Path) -> None:
    async def talk() -> None:
        child, record = await start(shell(place, "echo out; echo err >&2; cat"))
        await record.line()
        held = [os.open(f"/proc/{child.pid}/fd/{number}", os.O_WRONLY) for number in (1, 2)]
        await child.stop()
        assert record.statuses == [0]
        assert child.stderr_tail() == "err\n"
        for descriptor in held:
            os.close(descriptor)

    run(talk())


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_the_keeper_is_the_only_child_and_ends_last(run: Run, place: Path) -> None:
    async def talk() -> None:
        before = child_processes()
        child, record = await start(shell(place, "cat"))
        (keeper,) = child_processes() - before
        assert name_of(keeper) == "mcphub-keeper"
        assert parent_of(child.pid) == keeper
        assert os.getsid(keeper) == keeper
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            os.kill(keeper, number)
        child.write(b"still here\n")
        await record.line()
        await child.stop()
        assert record.statuses == [0]
        assert not is_alive(keeper)

    run(talk())
