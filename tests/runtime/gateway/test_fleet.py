"""From one generation to the next, under load and beside servers that are late."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.fleet import Fleet
from mcphub_gitops.runtime.gateway.generation import Generation, Server
from mcphub_gitops.runtime.gateway.routing import WHOLE
from mcphub_gitops.runtime.gateway.session import Forward, Request, Sessions, answer
from mcphub_gitops.runtime.gateway.upstream import Supervision, Upstream
from mcphub_gitops.runtime.gateway.wire import Fault
from tests.support.gateway_hub import (
    CLIENT,
    PATIENT,
    Values,
    children,
    echo_entry,
    generation_of,
    modern_request,
    on_loop,
    tool_entry,
    until,
)


@asynccontextmanager
async def fleet(
    served: Generation, *, supervision: Supervision = PATIENT, patience: float = 10, drain: float = 5
) -> AsyncIterator[Fleet]:
    def make(server: Server) -> Upstream:
        return Upstream(server, spawner=ProcessEngine(), secrets=Values(), client=CLIENT, supervision=supervision)

    found = Fleet(served, make=make, version="1", patience=patience, drain=drain)
    async with found.running():
        yield found


async def call(served: Fleet, tool: str, *, profile: str = WHOLE, **arguments: object) -> str:
    """Call a tool the way a request would; what it returns is the text of the result."""
    body, headers = modern_request("tools/call", {"name": tool, "arguments": arguments})
    fields = {name.encode(): value.encode() for name, value in headers.items()}
    command = answer(Request("POST", fields, body, "anna"), served.table(profile), Sessions(mint=str), 0.0)
    if not isinstance(command, Forward):
        raise Fault(wire.INVALID_PARAMS, "The tool is unknown")
    message = await served.call(command)
    assert message.result is not None
    text = json.loads(bytes(message.result))["content"][0]["text"]
    assert isinstance(text, str)
    return text


async def pid_of(served: Fleet) -> int:
    found: dict[str, Any] = json.loads(await call(served, "about"))
    return int(found["pid"])


@on_loop
async def test_a_server_that_starts_like_before_keeps_its_child_under_a_new_lock() -> None:
    async with fleet(generation_of(echo_entry(tools=["about"]))) as served:
        first = await pid_of(served)
        tools = ["about", tool_entry("echo", name="say"), tool_entry("said", note=" Other.")]
        await served.switch(generation_of(echo_entry(tools=tools)))
        assert await pid_of(served) == first
        assert json.loads(await call(served, "say", a=1)) == {"a": 1}
        with pytest.raises(Fault, match="quarantined"):
            await call(served, "said")


@on_loop
async def test_a_server_that_starts_otherwise_is_replaced_and_its_old_child_ends() -> None:
    before = children()
    async with fleet(generation_of(echo_entry())) as served:
        first = await pid_of(served)
        await served.switch(generation_of(echo_entry(env={"NEW": "1"})))
        assert await pid_of(served) != first
        assert json.loads(await call(served, "about"))["env"]["NEW"] == "1"
        await until(lambda: len(children() - before) == 1)


@on_loop
async def test_servers_come_and_go() -> None:
    async with fleet(generation_of(echo_entry("one", tools=["echo"]))) as served:
        two = echo_entry("two", tools=[tool_entry("echo", name="two")])
        await served.switch(generation_of(two))
        assert await call(served, "two") == "{}"
        with pytest.raises(Fault, match="unknown"):
            await call(served, "echo")
        await served.switch(generation_of(echo_entry("one", tools=["echo"]), two))
        assert (await call(served, "echo"), await call(served, "two")) == ("{}", "{}")
        await served.switch(generation_of())
        with pytest.raises(Fault, match="unknown"):
            await call(served, "two")


@on_loop
async def test_the_old_child_serves_until_the_new_one_is_up() -> None:
    async with fleet(generation_of(echo_entry())) as served:
        first = await pid_of(served)
        async with asyncio.TaskGroup() as group:
            switch = group.create_task(served.switch(generation_of(echo_entry("echo", "--start-after", "0.5"))))
            await asyncio.sleep(0.1)
            assert await pid_of(served) == first
            assert not switch.done()
        assert await pid_of(served) != first


@on_loop
async def test_a_new_child_that_does_not_start_replaces_the_old_one_once_it_had_its_time() -> None:
    supervision = replace(PATIENT, failures=1, rest=60)
    async with fleet(generation_of(echo_entry()), supervision=supervision, patience=0.5) as served:
        await pid_of(served)
        await served.switch(generation_of(echo_entry("echo", "--fault", "does not start")))
        with pytest.raises(Fault) as raised:
            await call(served, "echo")
        assert raised.value.code == wire.UNAVAILABLE
        assert served.waiting() == ["echo"]


@on_loop
async def test_calls_under_way_end_on_the_child_that_they_were_sent_to() -> None:
    async with fleet(generation_of(echo_entry())) as served:
        await pid_of(served)
        async with asyncio.TaskGroup() as group:
            slow = group.create_task(call(served, "slow", seconds=0.6))
            await asyncio.sleep(0.05)
            await served.switch(generation_of(echo_entry(env={"NEW": "1"})))
            assert not slow.done()
            assert json.loads(await call(served, "about"))["env"]["NEW"] == "1"
        assert slow.result() == "at last"


@on_loop
async def test_calls_that_wait_for_a_server_which_never_starts_go_to_the_one_that_replaces_it() -> None:
    broken = echo_entry("echo", "--start-after", "60")
    async with fleet(generation_of(broken)) as served, asyncio.TaskGroup() as group:
        waiting = [group.create_task(call(served, "echo", n=number)) for number in range(5)]
        gone = group.create_task(_unknown(served))
        await asyncio.sleep(0.1)
        await served.switch(generation_of(echo_entry(tools=["echo"])))
        assert [json.loads(text) for text in await asyncio.gather(*waiting)] == [{"n": number} for number in range(5)]
        assert await gone


async def _unknown(served: Fleet) -> bool:
    with pytest.raises(Fault, match="unknown"):
        await call(served, "said")
    return True


@on_loop
async def test_no_call_fails_while_generations_are_switched_under_load() -> None:
    async with fleet(generation_of(echo_entry())) as served:
        await pid_of(served)
        over = asyncio.Event()
        counts = [0] * 20

        async def caller(number: int) -> None:
            while not over.is_set():
                counts[number] += 1
                assert json.loads(await call(served, "echo", n=counts[number])) == {"n": counts[number]}

        async with asyncio.TaskGroup() as group:
            for number in range(len(counts)):
                group.create_task(caller(number))
            for number in range(6):
                await served.switch(generation_of(echo_entry(env={"N": str(number % 3)})))
            over.set()
        assert min(counts) > 10


@on_loop
async def test_one_server_that_is_late_or_down_holds_up_no_other_and_readiness_unless_it_is_optional() -> None:
    late = echo_entry("late", "--start-after", "60", tools=[])
    async with fleet(generation_of(echo_entry(), late)) as served:
        assert await call(served, "echo") == "{}"
        assert served.waiting() == ["late"]
    async with fleet(generation_of(echo_entry(), {**late, "optional": True})) as served:
        assert await call(served, "echo") == "{}"
        assert served.waiting() == []


@on_loop
async def test_closing_lets_calls_end_and_fails_those_that_do_not() -> None:
    async with fleet(generation_of(echo_entry("one"), echo_entry("two", tools=[])), drain=0.5) as served:
        await pid_of(served)
        async with asyncio.TaskGroup() as group:
            short = group.create_task(call(served, "slow", seconds=0.2))
            endless = group.create_task(_interrupted(served))
            await asyncio.sleep(0.05)
            await served.close()
            with pytest.raises(Fault, match="stopping"):
                await call(served, "echo")
        assert short.result() == "at last"
        assert endless.result()


async def _interrupted(served: Fleet) -> bool:
    with pytest.raises(Fault) as raised:
        await call(served, "hang")
    assert raised.value.code == wire.INTERRUPTED
    return True


@on_loop
async def test_a_call_that_waits_goes_to_no_server_once_its_profile_does_not_have_the_tool() -> None:
    broken = echo_entry("echo", "--start-after", "60")
    before = generation_of(broken, profiles={"some": {"path": "/some", "tools": ["echo", "said"]}})
    after = generation_of(echo_entry(), profiles={"some": {"path": "/some", "tools": ["echo"]}})
    async with fleet(before) as served, asyncio.TaskGroup() as group:
        kept = group.create_task(call(served, "echo", profile="some", n=1))
        lost = group.create_task(_refused(served, "said", "some"))
        await asyncio.sleep(0.1)
        await served.switch(after)
        assert json.loads(await kept) == {"n": 1}
        assert await lost
        assert await call(served, "said", text="x")


async def _refused(served: Fleet, tool: str, profile: str) -> bool:
    with pytest.raises(Fault, match="unknown"):
        await call(served, tool, profile=profile)
    return True


@on_loop
async def test_a_profile_that_is_gone_has_nothing_and_its_path_is_nobodys() -> None:
    entry = echo_entry(tools=["echo"])
    async with fleet(generation_of(entry, profiles={"some": {"path": "/some", "tools": ["echo"]}})) as served:
        assert dict(served.profiles) == {"/some": "some"}
        await served.switch(generation_of(entry))
        assert dict(served.profiles) == {}
        assert await _refused(served, "echo", "some")
        assert served.table("some").tools_legacy == b'{"tools":[]}'
