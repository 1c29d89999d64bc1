"""A child's life: what is written to it in which order, what it makes wait, and how it ends."""

import asyncio
import json

import pytest

from mcphub_gitops.runtime.engines.remote import child as child_module
from mcphub_gitops.runtime.engines.remote import conversation
from mcphub_gitops.runtime.engines.remote.engine import RemoteEngine
from mcphub_gitops.runtime.engines.remote.trouble import REFUSED
from tests.runtime.engines.children import Record, eventually
from tests.runtime.engines.conftest import Run
from tests.runtime.engines.remote.talk import HELLO, spec_for, talk
from tests.support.remote_raw import Asked, Legacy, answer, raw, result
from tests.support.remote_sdk import serve


class Gate:
    """A behaviour that answers once it is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await self.open.wait()
        if "id" in asked.message:
            answer(writer, result(asked, late=True))
        else:
            answer(writer, status="202 Accepted", kind="")


def test_nothing_is_asked_before_the_remote_knows_that_it_is_initialized(run: Run) -> None:
    async def scenario() -> None:
        gate = Gate()
        async with raw(Legacy({"notifications/initialized": gate})) as server, talk(server.url) as talking:
            await talking.greet()
            number = talking.put("tools/list", modern=False)
            await eventually(lambda: "notifications/initialized" in server.methods())
            await asyncio.sleep(0.05)
            assert "tools/list" not in server.methods()
            gate.open.set()
            assert "result" in await talking.reply(number)

    run(scenario())


def test_a_remote_that_never_takes_the_notification_is_asked_all_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "_NOTE_SECONDS", 0.05)

    async def scenario() -> None:
        async with raw(Legacy({"notifications/initialized": Gate()})) as server, talk(server.url) as talking:
            await talking.greet()
            assert "result" in await talking.ask("tools/list", modern=False)
            assert "did not take it in time" in talking.child.stderr_tail()

    run(scenario())


def test_no_more_requests_are_under_way_than_said_and_drain_waits_for_the_rest(run: Run) -> None:
    async def scenario() -> None:
        gate = Gate()
        engine = RemoteEngine(width=3)
        async with raw(Legacy({"tools/call": gate})) as server, talk(server.url, engine=engine) as talking:
            numbers = [talking.put("tools/call", {"name": "x", "arguments": {"x": "y" * 40_000}}) for _ in range(12)]
            await eventually(lambda: len(server.asked) == 3)
            async with asyncio.TaskGroup() as group:
                draining = group.create_task(talking.child.drain())
                await asyncio.wait((draining,), timeout=0.05)
                assert not draining.done()
                assert len(server.asked) == 3
                gate.open.set()
            for number in numbers:
                assert (await talking.reply(number))["result"] == {"late": True}
            assert server.connections <= 4

    run(scenario())


def test_a_request_that_waits_can_be_cancelled_without_a_word(run: Run) -> None:
    async def scenario() -> None:
        gate = Gate()
        engine = RemoteEngine(width=1)
        async with raw(Legacy({"tools/call": gate})) as server, talk(server.url, engine=engine) as talking:
            await talking.greet()
            first = talking.put("tools/call", {"name": "a"}, modern=False)
            second = talking.put("tools/call", {"name": "b"}, modern=False)
            third = talking.put("tools/call", {"name": "c"}, modern=False)
            await eventually(lambda: "tools/call" in server.methods())
            talking.tell("notifications/cancelled", {"requestId": second})
            talking.tell("notifications/cancelled", {"requestId": 99})
            gate.open.set()
            await talking.reply(first)
            await talking.reply(third)
            called = [asked.message["params"]["name"] for asked in server.asked if "call" in str(asked.message)]
            assert called == ["a", "c"]
            assert "notifications/cancelled" not in server.methods()

    run(scenario())


def test_the_answer_to_a_servers_question_is_posted_in_the_old_era_alone(run: Run) -> None:
    async def scenario() -> None:
        async with raw(Legacy()) as server, talk(server.url) as talking:
            talking.send({"id": "mine", "result": {}})
            await talking.greet()
            talking.send({"id": "mine", "error": {"code": -32601, "message": "no"}})
            await eventually(lambda: "answer" in server.methods())
            assert [asked.message["id"] for asked in server.asked if "error" in asked.message] == ["mine"]
            assert server.methods().count("answer") == 1

    run(scenario())


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 100_000 + "]" * 100_000])
def test_a_message_that_cannot_be_read_is_answered(run: Run, value: str) -> None:
    async def scenario() -> None:
        async with raw(Legacy()) as server, talk(server.url) as talking:
            head = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":'
            talking.child.write(f'{head}{{"name":"x","arguments":{{"a":{value}}}}}}}\n'.encode())
            assert (await talking.reply(7))["error"]["code"] == REFUSED
            talking.child.write(b"nonsense\n\n")
            assert server.asked == []
            assert "cannot carry" in talking.child.stderr_tail()

    run(scenario())


def test_a_stop_ends_the_session_and_is_told_once(run: Run) -> None:
    async def scenario() -> None:
        async with raw(Legacy()) as server, talk(server.url) as talking:
            await talking.greet()
            await asyncio.gather(talking.child.stop(), talking.child.stop(), talking.child.leave())
            assert talking.record.statuses == [0]
            talking.put("tools/list", modern=False)
            talking.child.write(json.dumps(HELLO).encode() + b"\n")
            await talking.child.drain()
            assert server.methods()[-1] == "DELETE"
            assert server.asked[-1].headers["mcp-session-id"] == "s-1"
            await eventually(lambda: server.open == 0)

    run(scenario())


def test_the_sdks_session_is_gone_after_a_stop(run: Run) -> None:
    async def scenario() -> None:
        async with serve(legacy=True) as remote:
            async with talk(remote.url) as talking:
                await talking.greet()
                talking.put("tools/call", {"name": "hang", "arguments": {}}, modern=False)
                await eventually(lambda: remote.hanging == 1)
            assert len(remote.of("DELETE")) == 1
            await eventually(lambda: remote.hanging == 0)

    run(scenario())


def test_a_stop_waits_for_the_sessions_end_no_longer_than_its_grace(run: Run) -> None:
    async def scenario() -> None:
        async with raw(Legacy({"DELETE": Gate(), "tools/call": Gate()})) as server, talk(server.url) as talking:
            await talking.greet()
            talking.put("tools/call", {"name": "x"}, modern=False)
            await eventually(lambda: "tools/call" in server.methods())
            before = asyncio.get_running_loop().time()
            await talking.child.stop(grace=0.1)
            assert asyncio.get_running_loop().time() - before < 1
            assert talking.record.statuses == [0]
            assert "could not be ended in time" in talking.child.stderr_tail()

    run(scenario())


def test_a_stop_that_is_cancelled_closes_at_once(run: Run) -> None:
    async def scenario() -> None:
        async with raw(Legacy({"DELETE": Gate()})) as server, talk(server.url) as talking:
            await talking.greet()
            async with asyncio.TaskGroup() as group:
                stopping = group.create_task(talking.child.stop(grace=60))
                await eventually(lambda: "DELETE" in server.methods())
                stopping.cancel()
            assert await talking.record.end() == 0

    run(scenario())


def test_a_child_whose_loop_ends_is_gone(run: Run) -> None:
    record = Record()

    async def scenario() -> None:
        server = raw(Legacy())
        running = await server.__aenter__()
        await RemoteEngine().spawn(spec_for(running.url), record)
        await server.__aexit__(None, None, None)

    run(scenario())
    assert record.statuses == [0]


def test_a_bug_ends_the_child_and_is_told_without_words(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("s3cret")

    async def scenario() -> None:
        monkeypatch.setattr(conversation.Conversation, "_headers", fail)
        record = Record()
        async with raw(Legacy()) as server:
            child = await RemoteEngine().spawn(spec_for(server.url), record)
            child.write(b'{"jsonrpc":"2.0","id":1,"method":"initialize"}\n')
            assert await record.end() == child_module.BUG
            await child.stop()
        assert "a bug of mcphub: KeyError in fail" in child.stderr_tail()
        assert "s3cret" not in child.stderr_tail()

    run(scenario())
