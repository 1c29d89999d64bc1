"""The whole gateway over two pipes: one client of either era, what it may do badly, and every way to the end."""

import asyncio
import json
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.fleet import Fleet
from mcphub_gitops.runtime.gateway.generation import Generation
from mcphub_gitops.runtime.gateway.upstream import Supervision
from tests.runtime.gateway.test_server import check
from tests.support.gateway_fakes import FakeSpawner, Manners
from tests.support.gateway_hub import PATIENT, echo_entry, generation_of, on_loop, tool_entry, until
from tests.support.gateway_streams import Talk, code_of, stdio_gateway, text_of

HANGING = Manners(pages={None: (["echo", "hang"], None)})
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


def served(*servers: dict[str, Any]) -> Generation:
    return generation_of(*(servers or (echo_entry(),)))


def hanging() -> dict[str, Any]:
    return {"served": served(echo_entry(tools=["echo", "hang"])), "spawner": FakeSpawner(HANGING)}


async def ended(talk: Talk, *, seconds: float = 5) -> None:
    """Wait until the gateway has ended, and see that it said nothing more."""
    async with asyncio.timeout(seconds):
        await asyncio.wait([talk.serving])
        assert await talk.lines.read() == b""
    await talk.serving


@on_loop
async def test_a_client_of_either_era_lists_and_calls_servers_of_both() -> None:
    old = echo_entry("old", "--era", "legacy", tools=[tool_entry("echo", name="old"), "refuse"])
    new = echo_entry("new", "--era", "modern", tools=[tool_entry("echo", name="new")])
    async with stdio_gateway(served(old, new)) as talk:
        for name in ("old", "new"):
            assert json.loads(text_of(await talk.call(name, 7, text="é\u2028\n"))) == {"text": "é\u2028\n"}
        await talk.greet()
        listed = await talk.ask("tools/list")
        assert [tool["name"] for tool in listed["result"]["tools"]] == ["old", "refuse", "new"]
        for name in ("old", "new"):
            answer = await talk.ask("tools/call", "x", name=name, arguments={"a": 1})
            assert json.loads(text_of(answer)) == {"a": 1}
        assert code_of(await talk.call("refuse", code=-32042)) == -32042


@on_loop
async def test_what_is_said_fits_the_schema_of_the_modern_revision() -> None:
    supervision = Supervision(call=0.3, probe=1)
    async with stdio_gateway(served(echo_entry("echo", "--era", "legacy")), supervision=supervision) as talk:
        for name, answer in (
            ("DiscoverResultResponse", await talk.modern("server/discover")),
            ("ListToolsResultResponse", await talk.modern("tools/list")),
            ("CallToolResultResponse", await talk.call("echo", "text")),
            ("JSONRPCErrorResponse", await talk.call("hang")),
            ("JSONRPCErrorResponse", await talk.call("unknown")),
            ("JSONRPCErrorResponse", await talk.modern("nonsense")),
        ):
            check("2026-07-28", name, answer)
        await talk.say(listen(1))
        check("2026-07-28", "SubscriptionsAcknowledgedNotification", await talk.hear())
        await talk.generations.put(served(echo_entry(tools=["echo"])))
        changed = await talk.hear()
        check("2026-07-28", "ToolListChangedNotification", changed)
        assert changed["params"]["_meta"] == {SUBSCRIPTION: 1}
        talk.end()
        check("2026-07-28", "SubscriptionsListenResultResponse", await talk.hear())
        await ended(talk)


@pytest.mark.parametrize("revision", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
@on_loop
async def test_what_is_said_fits_the_schemas_of_the_older_revisions(revision: str) -> None:
    suffix = "ResultResponse" if revision == "2025-11-25" else "Response"
    async with stdio_gateway(served(echo_entry("echo", "--era", "modern"))) as talk:
        for name, answer in (
            ("InitializeResult", await talk.greet(revision)),
            ("ListToolsResult", await talk.ask("tools/list")),
            ("CallToolResult", await talk.ask("tools/call", "x", name="echo")),
            ("EmptyResult", await talk.ask("ping")),
        ):
            check(revision, f"JSONRPC{suffix}", answer)
            check(revision, name, answer["result"])
        await talk.generations.put(served(echo_entry(tools=["echo"])))
        check(revision, "ToolListChangedNotification", await talk.hear())


def listen(identity: object) -> dict[str, Any]:
    envelope = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"notifications": {"toolsListChanged": True}, "_meta": envelope}
    return {"jsonrpc": "2.0", "id": identity, "method": "subscriptions/listen", "params": params}


@on_loop
async def test_calls_run_side_by_side_and_each_answer_is_one_line() -> None:
    async with stdio_gateway(served()) as talk:
        await talk.begin("hang", "slow")
        for number in range(100):
            await talk.begin("echo", number, text="x" * (number * 997))
        answers = [await talk.hear() for _ in range(100)]
        assert {answer["id"] for answer in answers} == set(range(100))
        assert all(len(text_of(answer)) == len('{"text": ""}') + answer["id"] * 997 for answer in answers)


@on_loop
async def test_a_result_with_line_breaks_between_its_members_is_one_line_all_the_same() -> None:
    result = '{"content":[],\r"x":"\u2028\u2029\x85"}'
    async with stdio_gateway(served(echo_entry("echo", "--era", "legacy"))) as talk:
        await talk.greet()
        await talk.begin("raw", 5, result=result)
        async with asyncio.timeout(10):
            line = await talk.lines.readline()
        assert len(line.decode().splitlines()) == 1
        assert json.loads(line)["result"] == {"resultType": "complete", "content": [], "x": "\u2028\u2029\x85"}


@on_loop
async def test_a_cancelled_call_is_cancelled_at_the_real_child_and_answered_with_nothing() -> None:
    async with stdio_gateway(served()) as talk:
        await talk.call("echo")
        for identity in ("mine", 7):
            await talk.begin("hang", identity)
            # What is cancelled before it was sent never reaches the child; what comes after it has been answered.
            await talk.call("echo")
            cancel = {"requestId": identity, "reason": "changed my mind"}
            await talk.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancel})
        async with asyncio.timeout(5):
            while text_of(await talk.call("said")).count("notifications/cancelled") < 2:
                pass
        assert talk.early == []


@on_loop
async def test_cancelling_what_is_over_or_was_never_asked_does_nothing() -> None:
    async with stdio_gateway(served()) as talk:
        await talk.call("echo", 7)
        for identity in (7, "never", None, [1]):
            await talk.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": identity}})
        assert (await talk.call("echo", 7))["id"] == 7
        assert talk.early == []


@on_loop
async def test_what_is_no_message_is_answered_and_what_follows_as_well() -> None:
    async with stdio_gateway(served()) as talk:
        await talk.put(b"hello\n\n  \r\n[]\n\xff\n")
        assert [code_of(await talk.hear()) for _ in range(3)] == [
            wire.PARSE_ERROR,
            wire.INVALID_REQUEST,
            wire.PARSE_ERROR,
        ]
        await talk.put(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n')
        assert (await talk.hear())["result"] == {}


@on_loop
async def test_a_message_over_the_limit_is_refused_under_its_id_and_the_next_one_is_not() -> None:
    async with stdio_gateway(served()) as talk:
        await talk.begin("echo", 1, text="x" * (4 * 1024**2 - 1000))
        assert len(text_of(await talk.answer(1))) > 4_000_000
        await talk.begin("echo", 2, text="x" * (4 * 1024**2))
        assert code_of(await talk.answer(2)) == wire.REFUSED
        await talk.put(b"x" * 20_000_000 + b"\n")
        assert code_of(await talk.answer(None)) == wire.REFUSED
        assert "result" in await talk.call("echo", 3)


async def accepted(talk: Talk, **arguments: object) -> Mapping[str, Any]:
    """Return the answer to a call that is made again until there is room for it: a cancelled one takes a moment."""
    number = 100
    async with asyncio.timeout(5):
        while (answer := await talk.call("echo", number, **arguments)).get("error", {}).get("code") == wire.UNAVAILABLE:
            number += 1
    return answer


@on_loop
async def test_more_calls_than_there_may_be_are_refused_and_later_ones_are_not() -> None:
    async with stdio_gateway(**hanging(), calls=3) as talk:
        for number in range(5):
            await talk.begin("hang", number)
        assert {(await talk.hear())["id"] for _ in range(2)} == {3, 4}
        await talk.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 0}})
        assert "result" in await accepted(talk)


@on_loop
async def test_more_bytes_than_may_be_held_are_refused_and_later_ones_are_not() -> None:
    async with stdio_gateway(**hanging(), buffered=100_000) as talk:
        await talk.begin("hang", 1, text="x" * 60_000)
        await talk.begin("hang", 2, text="x" * 60_000)
        assert code_of(await talk.answer(2)) == wire.UNAVAILABLE
        await talk.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
        assert "result" in await accepted(talk, text="x" * 60_000)


@on_loop
async def test_a_client_that_does_not_read_is_not_read_from_without_end() -> None:
    ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
    async with stdio_gateway(served()) as talk, asyncio.TaskGroup() as group:
        talk.transport.pause_reading()
        putting = group.create_task(talk.put(ping * 40_000))
        # Of 1.6 MB, both pipes, a little that is read ahead and the answers that wait take less than half.
        await asyncio.wait([putting], timeout=0.5)
        assert not putting.done()
        talk.transport.resume_reading()
        for _ in range(40_000):
            assert (await talk.hear())["result"] == {}


@on_loop
async def test_the_end_of_the_input_lets_calls_end_and_then_all_is_over() -> None:
    async with stdio_gateway(served()) as talk:
        await talk.begin("slow", 1, seconds=0.3)
        talk.end()
        assert text_of(await talk.answer(1)) == "at last"
        await ended(talk)


@on_loop
async def test_calls_that_wait_for_their_server_to_start_are_answered_after_the_end_of_the_input() -> None:
    async with stdio_gateway(served(echo_entry("echo", "--start-after", "0.3"))) as talk:
        await talk.begin("echo", 1)
        await talk.put(b'{"jsonrpc":"2.0","id":2,"method":"ping"}')
        talk.end()
        assert {(await talk.hear())["id"], (await talk.hear())["id"]} == {1, 2}
        await ended(talk)


@on_loop
async def test_calls_that_do_not_end_in_their_time_are_given_up() -> None:
    async with stdio_gateway(**hanging(), drain=0.1) as talk:
        await talk.begin("hang", 1)
        talk.end()
        await ended(talk, seconds=2)


@on_loop
async def test_a_gateway_that_is_stopped_lets_calls_end_and_refuses_new_ones() -> None:
    async with stdio_gateway(served()) as talk:
        await talk.begin("slow", 1, seconds=0.5)
        await talk.modern("tools/list", 2)
        talk.stop.set()
        await asyncio.sleep(0.05)
        await talk.begin("echo", 3)
        assert code_of(await talk.answer(3)) == wire.UNAVAILABLE
        assert text_of(await talk.answer(1)) == "at last"
        await ended(talk)


@pytest.mark.parametrize("first", ["end", "stop"])
@on_loop
async def test_a_second_reason_to_end_waits_for_no_call(first: str) -> None:
    async with stdio_gateway(**hanging(), drain=20) as talk:
        await talk.begin("hang", 1)
        await talk.modern("tools/list", 2)
        ends = [talk.end, talk.stop.set]
        for end in ends if first == "end" else reversed(ends):
            assert not talk.serving.done()
            end()
            await asyncio.sleep(0.05)
        await ended(talk, seconds=2)


@on_loop
async def test_a_client_that_goes_away_is_waited_for_no_longer() -> None:
    async with stdio_gateway(**hanging(), drain=20) as talk:
        await talk.begin("hang", 1)
        await talk.modern("tools/list", 2)
        talk.go()
        async with asyncio.timeout(2):
            await talk.serving


@on_loop
async def test_a_client_that_is_gone_with_its_answers_unread_does_not_hold_the_end_up() -> None:
    async with stdio_gateway(served(), drain=0.2) as talk:
        talk.transport.pause_reading()
        await talk.begin("echo", 1, text="x" * 2_000_000)
        talk.end()
        async with asyncio.timeout(5):
            await talk.serving


@on_loop
async def test_a_new_generation_is_told_to_those_who_asked_and_only_where_the_list_changes() -> None:
    first = echo_entry(tools=["echo", "said"])
    async with stdio_gateway(served(first)) as talk:
        await talk.generations.put(served(echo_entry(tools=["echo"])))
        await until_tools(talk, ["echo"])
        await talk.greet()
        await talk.say(listen("sub"))
        assert (await talk.hear())["method"] == "notifications/subscriptions/acknowledged"
        await talk.generations.put(served(echo_entry(tools=["echo"]), echo_entry("more", tools=[])))
        await talk.generations.put(served(first))
        changed = [await talk.hear(), await talk.hear()]
        assert [message["method"] for message in changed] == ["notifications/tools/list_changed"] * 2
        assert [message["params"] for message in changed] == [{}, {"_meta": {SUBSCRIPTION: "sub"}}]
        assert text_of(await talk.call("said")).count("tools/call") == 1
        await until_tools(talk, ["echo", "said"])
        assert talk.early == []


async def until_tools(talk: Talk, names: list[str]) -> None:
    async with asyncio.timeout(5):
        while [tool["name"] for tool in (await talk.modern("tools/list"))["result"]["tools"]] != names:
            pass


@on_loop
async def test_a_generation_that_cannot_be_served_leaves_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_fleet: Fleet, _generation: Generation) -> None:
        raise RuntimeFailure("the disk is gone")

    monkeypatch.setattr(Fleet, "switch", fail)
    async with stdio_gateway(served()) as talk:
        await talk.generations.put(served())
        assert "result" in await talk.call("echo")


@on_loop
async def test_a_bug_of_ours_ends_one_request_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = Fleet.call

    async def call(fleet: Fleet, forward: Any) -> Any:  # noqa: ANN401  (passed on as it is)
        return await real(fleet, forward) if forward.tool == "echo" else 1 / 0

    monkeypatch.setattr(Fleet, "call", call)
    monkeypatch.setattr("mcphub_gitops.runtime.gateway.session.legacy_request", partial(int, "no number"))
    with caplog.at_level(logging.WARNING):
        async with stdio_gateway(served()) as talk:
            assert code_of(await talk.call("said", 1)) == wire.INTERNAL_ERROR
            assert code_of(await talk.ask("ping", 2)) == wire.INTERNAL_ERROR
            assert "result" in await talk.call("echo", 3)
    assert caplog.text.count("mcphub has a bug") == 2


@on_loop
async def test_secrets_reach_the_child_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with stdio_gateway(served(echo_entry(secrets={"KEY": "env://notes-key"}))) as talk:
            about = json.loads(text_of(await talk.call("about", password="hunter2")))  # noqa: S106  (to be looked for)
            assert about["env"]["KEY"] == "ENV://NOTES-KEY"
            await talk.put(b'{"hunter2":\n')
            await talk.hear()
    assert not any(word in caplog.text for word in ("ENV://NOTES-KEY", "hunter2"))


@on_loop
async def test_a_server_that_does_not_start_holds_up_neither_lists_nor_the_end() -> None:
    broken = echo_entry("broken", "--fault", "does not start", tools=["echo"])
    supervision = Supervision(failures=1, first_pause=0.01, start=PATIENT.start)
    async with stdio_gateway(served(broken), supervision=supervision) as talk:
        assert "result" in await talk.modern("tools/list", 1)
        assert code_of(await talk.call("echo", 2)) == wire.UNAVAILABLE
        talk.end()
        await ended(talk)


@on_loop
async def test_thousands_of_cancelled_calls_leave_nothing_behind() -> None:
    spawner = FakeSpawner(HANGING)
    async with stdio_gateway(served(echo_entry(tools=["echo", "hang"])), spawner=spawner) as talk:
        await talk.call("echo")
        tasks = len(asyncio.all_tasks())
        for number in range(1000):
            await talk.begin("hang", number)
            await talk.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}})
        assert "result" in await talk.call("echo", "last")
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
        assert talk.early == []


@on_loop
async def test_the_client_of_a_profile_gets_what_that_has_and_nothing_once_it_is_gone() -> None:
    def with_profile(*tools: str) -> Generation:
        profiles = {"some": {"path": "/some/mcp", "tools": tools}}
        return generation_of(echo_entry(tools=["echo", "said"]), profiles=profiles)

    async def names(talk: Talk) -> list[str]:
        return [tool["name"] for tool in (await talk.modern("tools/list"))["result"]["tools"]]

    async with stdio_gateway(with_profile("echo"), profile="some") as talk:
        await talk.greet()
        assert await names(talk) == ["echo"]
        assert json.loads(text_of(await talk.call("echo", a=1))) == {"a": 1}
        assert code_of(await talk.call("said")) == wire.INVALID_PARAMS
        for generation, left in (
            (with_profile("echo", "said"), ["echo", "said"]),
            (served(echo_entry(tools=["echo"])), []),
        ):
            await talk.generations.put(generation)
            assert (await talk.hear())["method"] == "notifications/tools/list_changed"
            assert await names(talk) == left
        assert code_of(await talk.call("echo")) == wire.INVALID_PARAMS
