import asyncio
import os
import signal
from pathlib import Path

import pytest

from mcphub_gitops.runtime.engines import leader as leader_module
from mcphub_gitops.runtime.engines.leader import Leader, Pipes, launch, told_by
from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.engines.sandbox import Standing, order_for
from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.runtime.engines.children import Record, child_processes, eventually, is_alive, open_descriptors, shell
from tests.runtime.engines.conftest import Run


def test_pipes_are_closed_together_unless_taken_over() -> None:
    before = open_descriptors()
    with Pipes() as pipes:
        pipes.open("out")
        pipes.open("in", child_reads=True)
        pipes.connect("control")
        pipes.hold("child order", b"content")
        taken = pipes.take("out")
        os.write(pipes.number("child out"), b"x")
        assert os.read(taken, 10) == b"x"
        os.write(pipes.number("in"), b"y")
        assert os.read(pipes.number("child in"), 10) == b"y"
        assert os.read(pipes.number("child order"), 10) == b"content"
        pipes.close_child_ends()
        assert os.read(taken, 10) == b""
    assert open_descriptors().keys() - before.keys() == {str(taken)}
    os.close(taken)


def test_no_descriptor_of_a_start_is_inherited_by_other_children() -> None:
    with Pipes() as pipes:
        pipes.open("out")
        pipes.connect("control")
        pipes.hold("child order", b"")
        names = ("out", "child out", "control", "child control", "child order")
        assert not any(os.get_inheritable(pipes.number(name)) for name in names)


def test_what_a_pipe_tells_is_read_to_its_end(run: Run) -> None:
    async def listen() -> bytes:
        near, far = os.pipe()
        os.write(far, b"told")
        asyncio.get_running_loop().call_later(0.01, os.close, far)
        return await told_by(near)

    assert run(listen()) == b"told"


def test_listening_can_be_cancelled(run: Run) -> None:
    async def listen() -> None:
        near, far = os.pipe()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await told_by(near)
        os.close(far)

    run(listen())


def test_the_status_tells_how_the_server_ended(run: Run, place: Path) -> None:
    async def lead(script: str) -> int:
        with Pipes() as pipes:
            leader = launch(order_for(shell(place, script), Standing(uid=None), abi=0), pipes)
            assert (await told_by(pipes.take("status"))).startswith(b"+")
            return await leader.status

    assert run(lead("exit 300")) == 300 % 256
    assert run(lead("kill -USR1 $$")) == -signal.SIGUSR1


def test_a_leader_can_be_killed_at_any_time_and_again(run: Run, place: Path) -> None:
    async def lead() -> list[int]:
        statuses = []
        for started in (False, True):
            with Pipes() as pipes:
                leader = launch(order_for(shell(place, "sleep 60"), Standing(uid=None), abi=0), pipes)
                if started:
                    await told_by(pipes.take("status"))
                leader.kill()
                leader.kill()
                statuses.append(await leader.status)
                leader.kill()
                leader.terminate()
        return statuses

    assert run(lead()) == [-signal.SIGKILL] * 2


def test_a_killed_keeper_takes_the_server_and_its_group_along(run: Run, place: Path) -> None:
    async def talk() -> None:
        before = child_processes()
        record = Record()
        child = await ProcessEngine().spawn(shell(place, "sleep 60 & echo $!; cat"), record)
        follower = int(await record.line())
        (keeper,) = child_processes() - before
        os.kill(keeper, signal.SIGKILL)
        assert await record.end() == -signal.SIGKILL
        await eventually(lambda: not is_alive(child.pid) and not is_alive(follower))
        await child.stop()

    run(talk())


def test_a_keeper_that_does_not_obey_is_killed(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader_module, "_KEEPER_PATIENCE", 0.1)

    async def talk() -> None:
        before = child_processes()
        record = Record()
        child = await ProcessEngine().spawn(shell(place, "cat"), record)
        (keeper,) = child_processes() - before
        os.kill(keeper, signal.SIGSTOP)
        await child.stop(grace=0)
        assert record.statuses == [-signal.SIGKILL]
        await eventually(lambda: not is_alive(child.pid))

    run(talk())


def test_a_launcher_that_cannot_run_is_told_with_what_it_said(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader_module, "_LAUNCHER", str(place / "absent.py"))
    with pytest.raises(RuntimeFailure) as raised:
        run(ProcessEngine().spawn(shell(place, "exit"), Record()))
    assert raised.value.brief == "Server 'notes' did not start"
    assert "before it could say why" in raised.value.detail
    assert "can't open file" in raised.value.detail


def test_an_interpreter_that_cannot_run_is_told(run: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(place / "absent"))
    with pytest.raises(RuntimeFailure) as raised:
        run(ProcessEngine().spawn(shell(place, "exit"), Record()))
    assert raised.value.detail == "No such file or directory"
    assert not raised.value.retryable


def test_a_process_that_cannot_be_watched_is_not_left_behind(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(RuntimeFailure) as raised:
        run(ProcessEngine().spawn(shell(place, "exit"), Record()))
    assert raised.value.retryable


def test_leader_is_what_launch_returns(run: Run, place: Path) -> None:
    async def lead() -> None:
        with Pipes() as pipes:
            leader = launch(order_for(shell(place, "exit"), Standing(uid=None), abi=0), pipes)
            assert isinstance(leader, Leader)
            assert leader.pid == 0
            await leader.status

    run(lead())
