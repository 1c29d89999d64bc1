"""Standard error as the engine keeps it."""

from contextlib import aclosing

import pytest
import uvloop

from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.engine.conftest import Hub
from tests.runtime.engines.children import Record
from tests.runtime.engines.conftest import Run

pytestmark = pytest.mark.parametrize("run", [uvloop.new_event_loop], indirect=True, ids=["uvloop"])

TALK = 'for i in $(seq 1 500); do echo "answer $i"; done; for i in 1 2 3; do echo "complaint $i" >&2; done; '
WAIT = "for i in $(seq 1 300); do echo answer; done; "


def lines_of(run: Run, hub: Hub, *, tail: int, follow: bool = False) -> list[bytes]:
    async def read() -> list[bytes]:
        return [line async for line in hub.engine().logs(hub.name("notes"), follow=follow, tail=tail)]

    return run(read())


def ended(run: Run, hub: Hub, script: str) -> None:
    async def talk() -> None:
        spec, record = hub.spec(script), Record()
        await hub.engine().create(spec)
        await hub.engine().spawn(spec, record)
        await record.end()

    run(talk())


def test_the_last_lines_are_those_of_standard_error(run: Run, hub: Hub) -> None:
    ended(run, hub, TALK + WAIT)
    assert lines_of(run, hub, tail=2) == [b"complaint 2", b"complaint 3"]
    assert lines_of(run, hub, tail=100) == [b"complaint 1", b"complaint 2", b"complaint 3"]
    assert lines_of(run, hub, tail=0) == []


def test_following_an_ended_container_ends(run: Run, hub: Hub) -> None:
    ended(run, hub, TALK)
    assert lines_of(run, hub, tail=1, follow=True) == [b"complaint 3"]


def test_long_lines_and_the_last_one_without_a_break_come_whole(run: Run, hub: Hub) -> None:
    ended(run, hub, "printf '%050000d\\n' 7 >&2; printf end >&2")
    lines = lines_of(run, hub, tail=5)
    # The local log of engine 20.10 loses the line break of what is longer than 16 KiB.
    assert lines in ([b"0" * 49999 + b"7", b"end"], [b"0" * 49999 + b"7end"])


def test_what_comes_while_one_looks_comes_once(run: Run, hub: Hub) -> None:
    async def follow() -> list[bytes]:
        spec, record = hub.spec('while read -r line; do echo "$line" >&2; echo ok; done'), Record()
        await hub.engine().create(spec)
        child = await hub.engine().spawn(spec, record)
        for number in range(3):
            child.write(b"before %d\n" % number)
        await record.line(2)
        seen = []
        async with aclosing(hub.engine().logs(spec.name, follow=True, tail=2)) as lines:
            async for line in lines:
                seen.append(line)
                if line == b"before 2":
                    child.write(b"after 0\nafter 1\n")
                if line == b"after 1":
                    await child.stop(grace=0.1)
        return seen

    assert run(follow()) == [b"before 1", b"before 2", b"after 0", b"after 1"]


def test_a_reader_who_goes_away_leaves_nothing(run: Run, hub: Hub) -> None:
    async def look() -> None:
        spec, record = hub.spec("echo here >&2; echo ok; exec cat"), Record()
        await hub.engine().create(spec)
        child = await hub.engine().spawn(spec, record)
        await record.line()
        async with aclosing(hub.engine().logs(spec.name, follow=True, tail=9)) as lines:
            assert await anext(lines) == b"here"
        await child.stop(grace=0.1)

    run(look())


def test_the_log_is_of_the_kind_that_nobody_collects(run: Run, hub: Hub) -> None:
    run(hub.engine().create(hub.spec()))
    log = hub.inspect()["HostConfig"]["LogConfig"]
    assert log == {"Type": "local", "Config": {"max-size": "10m", "max-file": "3", "compress": "false"}}


def test_a_container_that_is_not_there_has_no_log(run: Run, hub: Hub) -> None:
    with pytest.raises(RuntimeFailure, match="there is no container"):
        lines_of(run, hub, tail=1)
