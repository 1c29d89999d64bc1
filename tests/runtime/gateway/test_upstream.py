"""One server, kept running: with children that are Python objects, and with real ones that misbehave."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.routing import Route
from mcphub_gitops.runtime.gateway.upstream import RetiredError, Supervision, Upstream
from mcphub_gitops.runtime.gateway.wire import Fault, Message
from mcphub_gitops.runtime.ports import AnySpawner, RemoteSpec, Spec
from tests.support.gateway_fakes import Answer, FakeChild, FakeSpawner, Manners
from tests.support.gateway_hub import (
    CLIENT,
    META,
    PATIENT,
    Values,
    echo_entry,
    generation_of,
    on_loop,
    tool_entry,
    until,
)
from tests.support.machine import MemorySecrets

SWIFT = Supervision(
    call=0.5, probe=0.05, start=0.5, grace=0.1, first_pause=0.001, longest_pause=0.002, rest=0.2, relist=0.02
)


def upstream_of(entry: dict[str, Any], spawner: AnySpawner, supervision: Supervision = PATIENT) -> Upstream:
    (server,) = generation_of(entry).servers
    return Upstream(server, spawner=spawner, secrets=Values(), client=CLIENT, supervision=supervision)


@asynccontextmanager
async def running(upstream: Upstream, *, up: bool = True) -> AsyncIterator[Upstream]:
    """Run the actor; its child is gone when this is left."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(upstream.run())
        try:
            if up:
                await until(lambda: upstream.up)
            yield upstream
        finally:
            task.cancel()


@asynccontextmanager
async def fake(
    answer: Answer, supervision: Supervision = SWIFT, **entry: object
) -> AsyncIterator[tuple[Upstream, FakeSpawner]]:
    """Run an actor whose children are fakes that answer with `answer`."""
    spawner = FakeSpawner(answer)
    served = echo_entry("echo", **{"tools": ["echo"], **entry})
    async with running(upstream_of(served, spawner, supervision), up=False) as one:
        yield one, spawner


@asynccontextmanager
async def real(*options: str, supervision: Supervision = PATIENT, **entry: object) -> AsyncIterator[Upstream]:
    """Run an actor whose child is the echo program."""
    async with running(upstream_of(echo_entry("echo", *options, **entry), ProcessEngine(), supervision)) as one:
        yield one


def route_to(upstream: Upstream, tool: str) -> Route:
    return Route(server=upstream.server.name, tool=tool, token=wire.token(tool))


async def call(upstream: Upstream, tool: str = "echo", *, modern: bool = True, **arguments: object) -> Message:
    params: dict[str, object] = {"name": tool, "arguments": arguments}
    if modern:
        params["_meta"] = META
    return await upstream.call(route_to(upstream, tool), wire.members(json.dumps(params).encode()), modern=modern)


async def text(upstream: Upstream, tool: str = "echo", *, modern: bool = True, **arguments: object) -> str:
    answer = await call(upstream, tool, modern=modern, **arguments)
    assert answer.result is not None, answer.error and bytes(answer.error)
    found = json.loads(bytes(answer.result))["content"][0]["text"]
    assert isinstance(found, str)
    return found


async def code(upstream: Upstream, tool: str = "echo", **arguments: object) -> int:
    """Return the code of the fault that a call ends in."""
    with pytest.raises(Fault) as raised:
        await call(upstream, tool, modern=True, **arguments)
    return raised.value.code


async def pid_of(upstream: Upstream) -> int:
    found = json.loads(await text(upstream, "about"))["pid"]
    assert isinstance(found, int)
    return found


@on_loop
async def test_a_call_waits_for_the_start_and_is_sent_once() -> None:
    async with fake(Manners(era="legacy")) as (upstream, spawner):
        assert json.loads(await text(upstream, modern=False, a=1)) == {"name": "echo", "arguments": {"a": 1}}
        assert spawner.children[0].methods().count("tools/call") == 1


@on_loop
async def test_a_start_that_fails_is_tried_again() -> None:
    spawner = FakeSpawner(Manners(), refusals=3)
    async with running(upstream_of(echo_entry(tools=["echo"]), spawner, SWIFT)) as upstream:
        assert await text(upstream)


@on_loop
async def test_a_server_that_never_starts_refuses_calls_at_once_until_its_rest_is_over() -> None:
    spawner = FakeSpawner(Manners(), refusals=SWIFT.failures)
    async with running(upstream_of(echo_entry(tools=["echo"]), spawner, SWIFT), up=False) as upstream:
        assert await code(upstream) == wire.UNAVAILABLE
        assert not upstream.up
        await until(lambda: upstream.up)
        assert await text(upstream)


@on_loop
async def test_a_server_that_is_late_costs_its_callers_their_deadline_and_no_more() -> None:
    async with fake(lambda _child, _message: None, replace(SWIFT, call=0.03)) as (upstream, _):
        assert await code(upstream) == wire.UNAVAILABLE


@on_loop
async def test_the_child_is_given_secrets_by_value_and_they_are_named_to_be_masked() -> None:
    async with fake(Manners(), env={"A": "1"}, secrets={"KEY": "env://key"}) as (upstream, spawner):
        await text(upstream)
        spec = spawner.children[0].spec
        assert (spec.env, spec.secrets) == ({"A": "1", "KEY": "ENV://KEY"}, ("KEY",))


@on_loop
async def test_a_remote_gets_its_secret_as_a_header_and_has_no_code_to_compare() -> None:
    files, secrets = {"tools/token": f"sha256:{'0' * 64}"}, {"X-Key": "exec://tools/token"}
    spec = {"server": "echo", "url": "https://docs.example/mcp"}
    entry = {**echo_entry(tools=["echo"], files=files, secrets=secrets), "kind": "remote", "spec": spec}
    spawner = FakeSpawner(Manners())
    async with running(upstream_of(entry, spawner, SWIFT)) as upstream:
        await text(upstream)
        found: Spec = spawner.children[0].spec
        assert isinstance(found, RemoteSpec)
        assert found.headers == {"X-Key": "EXEC://TOOLS/TOKEN"}


@on_loop
async def test_a_secret_that_cannot_be_read_is_a_failed_start() -> None:
    secrets = MemorySecrets()
    (server,) = generation_of(echo_entry(tools=["echo"], secrets={"KEY": "env://KEY"})).servers
    upstream = Upstream(server, spawner=FakeSpawner(Manners()), secrets=secrets, client=CLIENT, supervision=SWIFT)
    async with running(upstream, up=False):
        assert await code(upstream) == wire.UNAVAILABLE


@on_loop
async def test_what_a_child_complains_of_before_it_is_up_is_logged_in_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(child: FakeChild, _message: object) -> None:
        child.complaint = "no database\nat \x1b[31mline 7"
        child.exit(1)

    with caplog.at_level(logging.INFO, "mcphub.gateway"):
        async with fake(fail) as (upstream, _):
            assert await code(upstream) == wire.UNAVAILABLE
    messages = [record.getMessage() for record in caplog.records]
    assert any("no database at  [31mline 7" in message for message in messages)
    assert all(message.isprintable() for message in messages)


@on_loop
async def test_what_a_child_complains_of_after_a_call_is_not_logged_as_it_may_hold_arguments(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(child: FakeChild, message: dict[str, Any]) -> None:
        if message.get("method") == "tools/call":
            child.complaint = json.dumps(message)
            child.exit(1)
        else:
            Manners()(child, message)

    with caplog.at_level(logging.DEBUG, "mcphub.gateway"):
        async with fake(fail) as (upstream, spawner):
            assert await code(upstream, password="hunter2") == wire.INTERRUPTED  # noqa: S106  (to be looked for)
            await until(lambda: len(spawner.children) > 1)
    assert "hunter2" not in caplog.text


@on_loop
async def test_a_bug_in_the_way_one_server_is_kept_does_not_end_its_actor(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeSpawner):
        async def spawn(self, spec: Any, sink: Any) -> FakeChild:  # noqa: ANN401  (the port's types)
            if not self.children:
                self.children.append(FakeChild(spec, sink, self.answer))
                raise LookupError("the-secret")
            return await super().spawn(spec, sink)

    async with running(upstream_of(echo_entry(tools=["echo"]), Broken(Manners()), SWIFT)) as upstream:
        assert await text(upstream)
    assert "mcphub has a bug: LookupError" in caplog.text
    assert "the-secret" not in caplog.text


@on_loop
async def test_a_server_that_dies_of_the_probe_is_asked_the_old_way_next_time() -> None:
    def die_of_probe(child: FakeChild, message: dict[str, Any]) -> None:
        if message.get("method") == "server/discover":
            child.exit(1)
        else:
            Manners(era="legacy")(child, message)

    async with fake(die_of_probe) as (upstream, spawner):
        assert await text(upstream)
        assert spawner.children[1].methods()[0] == "initialize"


@on_loop
async def test_a_server_known_to_be_legacy_is_restarted_without_the_probe() -> None:
    async with fake(Manners(era="legacy")) as (upstream, spawner):
        await text(upstream)
        spawner.children[0].exit(1)
        await text(upstream)
        assert "server/discover" in spawner.children[0].methods()
        assert "server/discover" not in spawner.children[1].methods()


@on_loop
async def test_too_many_calls_at_once_are_refused() -> None:
    async with fake(Manners(pages={None: (["hang"], None)}), replace(SWIFT, pending=2), tools=["hang"]) as (
        upstream,
        _,
    ):
        await until(lambda: upstream.up)
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(code(upstream, "hang"))
            await asyncio.sleep(0)
            assert await code(upstream, "hang") == wire.UNAVAILABLE


@on_loop
async def test_a_retired_server_sends_back_what_waits_and_lets_what_runs_end() -> None:
    async with fake(Manners(pages={None: (["echo", "hang"], None)}), tools=["echo", "hang"]) as (upstream, spawner):
        await until(lambda: upstream.up)
        async with asyncio.TaskGroup() as group:
            busy = group.create_task(call(upstream, "hang"))
            await asyncio.sleep(0)
            retired = group.create_task(upstream.retire(5))
            await asyncio.sleep(0)
            assert not retired.done()
            hung = spawner.children[0].sent[-1]
            spawner.children[0].reply(hung, {"content": []})
        assert busy.result().result is not None


@on_loop
async def test_a_call_that_waits_for_a_start_when_the_server_is_retired_can_go_elsewhere() -> None:
    async with fake(lambda _child, _message: None) as (upstream, _):
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(_retired(upstream))
            await asyncio.sleep(0.01)
            await upstream.retire(5)
        assert waiting.result()


async def _retired(upstream: Upstream) -> bool:
    with pytest.raises(RetiredError):
        await call(upstream)
    return True


@on_loop
async def test_calls_that_do_not_end_are_given_up_with_their_server() -> None:
    async with fake(Manners(pages={None: (["hang"], None)}), tools=["hang"]) as (upstream, _):
        await until(lambda: upstream.up)
        async with asyncio.TaskGroup() as group:
            group.create_task(code(upstream, "hang"))
            await asyncio.sleep(0)
            await upstream.retire(0.02)


@pytest.mark.parametrize("era", ["modern", "legacy", "both"])
@pytest.mark.parametrize("modern", [True, False])
def test_each_era_calls_each_era(era: str, *, modern: bool) -> None:
    @on_loop
    async def scenario() -> None:
        async with real("--era", era) as upstream:
            assert json.loads(await text(upstream, modern=modern, a={"é": [1.5]})) == {"a": {"é": [1.5]}}
            last = json.loads((await text(upstream, "said", modern=modern)).splitlines()[-1])
            assert last["params"]["name"] == "said"
            assert ("_meta" in last["params"]) == (era != "legacy")

    scenario()


@on_loop
async def test_a_list_on_two_pages_is_compared_whole() -> None:
    async with real("--fault", "two pages") as upstream:
        assert upstream.quarantined == {}
        assert await text(upstream)


@pytest.mark.parametrize("fault", ["dies of discover", "silent on discover"])
def test_a_child_that_cannot_bear_the_probe_is_served_all_the_same(fault: str) -> None:
    @on_loop
    async def scenario() -> None:
        async with real("--era", "legacy", "--fault", fault, supervision=replace(PATIENT, probe=0.3)) as upstream:
            assert await text(upstream, modern=False)

    scenario()


@pytest.mark.parametrize("fault", ["does not start", "cyclic list", "endless list", "many tools", "unknown revision"])
def test_a_child_that_cannot_be_served_is_down_and_told_of(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    @on_loop
    async def scenario() -> None:
        supervision = replace(PATIENT, failures=1, rest=60)
        entry = echo_entry("echo", "--era", "legacy", "--fault", fault)
        async with running(upstream_of(entry, ProcessEngine(), supervision), up=False) as upstream:
            async with asyncio.timeout(5):
                assert await code(upstream) == wire.UNAVAILABLE

    with caplog.at_level(logging.INFO, "mcphub.gateway"):
        scenario()
    assert "server echo is down" in caplog.text


@on_loop
async def test_a_hanging_call_ends_at_its_deadline_is_cancelled_and_hurts_no_other() -> None:
    async with real(supervision=replace(PATIENT, call=0.2)) as upstream:
        before = asyncio.get_running_loop().time()
        assert await code(upstream, "hang") == wire.TIMED_OUT
        assert 0.15 < asyncio.get_running_loop().time() - before < 0.7
        said = await text(upstream, "said")
        assert '"notifications/cancelled"' in said


@on_loop
async def test_a_server_that_answers_nothing_any_more_is_restarted() -> None:
    async with real(supervision=replace(PATIENT, call=0.1, timeouts=3)) as upstream:
        first = await pid_of(upstream)
        for _ in range(3):
            assert await code(upstream, "hang") == wire.TIMED_OUT
        await until(lambda: upstream.up)
        assert await pid_of(upstream) != first


@on_loop
async def test_every_one_of_fifty_callers_gets_one_answer_while_the_child_is_killed_again_and_again() -> None:
    async with real(supervision=replace(PATIENT, failures=1000)) as upstream:
        outcomes: list[str] = []
        over = asyncio.Event()

        async def caller(number: int) -> None:
            count = 0
            while not over.is_set():
                count += 1
                mark = f"{number}.{count}"
                try:
                    answer = await text(upstream, mark=mark)
                except Fault as reason:
                    assert reason.code == wire.INTERRUPTED  # noqa: PT017  (whichever it is, it is one)
                    outcomes.append("interrupted")
                else:
                    assert json.loads(answer) == {"mark": mark}
                    outcomes.append("answered")

        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(caller(number))
            for _ in range(6):
                await until(lambda: upstream.up)
                await asyncio.sleep(0.05)
                try:
                    os.kill(await pid_of(upstream), signal.SIGKILL)
                except Fault:
                    continue
            await until(lambda: upstream.up)
            over.set()
        assert outcomes.count("answered") > 500
        assert outcomes.count("interrupted") > 0


@on_loop
async def test_garbage_is_dropped_and_a_flood_of_it_restarts_the_child() -> None:
    async with real() as upstream:
        assert await text(upstream, "garbage", lines=50) == "after the garbage"
        first = await pid_of(upstream)
        assert await code(upstream, "garbage", lines=20_000) == wire.INTERRUPTED
        assert await pid_of(upstream) != first


@on_loop
async def test_a_line_without_end_is_cut_and_the_child_restarted() -> None:
    async with real() as upstream:
        async with asyncio.timeout(5):
            assert await code(upstream, "endless", bytes=64 * 2**20) == wire.INTERRUPTED
        assert await text(upstream)


@on_loop
async def test_replies_to_nobody_are_not_delivered_to_anybody() -> None:
    async with real() as upstream:
        assert await text(upstream, "wrong_id") == "for the one who asked"
        assert await text(upstream, "twice") == "first"
        assert json.loads(await text(upstream, a=1)) == {"a": 1}


@on_loop
async def test_a_reply_that_cannot_be_read_is_an_error_at_once() -> None:
    async with real() as upstream, asyncio.timeout(2):
        assert await code(upstream, "half") == wire.INTERNAL_ERROR
        assert await text(upstream)


@on_loop
async def test_a_storm_of_changes_is_answered_with_few_listings() -> None:
    async with real(supervision=replace(PATIENT, relist=0.2)) as upstream:
        assert await text(upstream, "storm", count=20_000) == "after the storm"
        await asyncio.sleep(0.5)
        said = await text(upstream, "said")
        assert 2 <= said.count('"tools/list"') <= 5


@on_loop
async def test_a_tool_that_changes_while_it_runs_is_quarantined_and_no_other() -> None:
    async with real() as upstream:
        assert await text(upstream, "change", which="echo") == "changed"
        await until(lambda: bool(upstream.quarantined))
        with pytest.raises(Fault, match="quarantined: its definition differs from the locked one") as raised:
            await call(upstream)
        assert raised.value.code == wire.QUARANTINED
        assert await text(upstream, "said")


@on_loop
async def test_tools_that_differ_from_the_lock_are_quarantined_from_the_start() -> None:
    tools = [tool_entry("echo", note=" Once."), tool_entry("said"), tool_entry({"name": "gone"})]
    async with real(tools=tools) as upstream:
        assert await code(upstream) == wire.QUARANTINED
        assert await code(upstream, "gone") == wire.QUARANTINED
        assert await text(upstream, "said")


@on_loop
async def test_another_lock_is_held_against_the_running_child() -> None:
    async with real(tools=[tool_entry("echo", note=" Once."), "about"]) as upstream:
        assert await code(upstream) == wire.QUARANTINED
        first = await pid_of(upstream)
        upstream.adopt(generation_of(echo_entry("echo")).servers[0])
        assert await text(upstream)
        assert await pid_of(upstream) == first


@on_loop
async def test_a_cancelled_call_is_cancelled_at_the_child() -> None:
    async with real() as upstream:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(call(upstream, "hang"))
            await asyncio.sleep(0.05)
            task.cancel()
        assert '"notifications/cancelled"' in await text(upstream, "said")


@on_loop
async def test_a_child_is_refused_what_it_asks_for_and_goes_on() -> None:
    async with real() as upstream:
        answer = json.loads(await text(upstream, "ask", method="sampling/createMessage"))
        assert answer == {
            "jsonrpc": "2.0",
            "id": "mine",
            "error": {"code": wire.METHOD_NOT_FOUND, "message": "The gateway offers no such method"},
        }
