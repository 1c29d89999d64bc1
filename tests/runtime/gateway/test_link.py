"""The table of questions: each is answered exactly once, with its own reply or with a fault."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.link import Link
from mcphub_gitops.runtime.gateway.wire import Fault, Message
from mcphub_gitops.runtime.ports import ChildSpec
from tests.support.gateway_fakes import FakeChild
from tests.support.gateway_hub import UNHURRIED, on_loop

SPEC = ChildSpec(server="s", argv=("/x",), cwd="/", env={})


class Talk:
    """A link with a silent child, and what it told of itself."""

    def __init__(self) -> None:
        self.changes = 0
        self.ends: list[str] = []
        self.link = Link(changed=self._change, ended=self.ends.append)
        self.child = FakeChild(SPEC, self.link, lambda _child, _message: None)
        self.link.attach(self.child)

    def _change(self) -> None:
        self.changes += 1

    def ask(
        self, group: asyncio.TaskGroup, params: bytes = b"{}", *, seconds: float = 10
    ) -> "asyncio.Task[Message | Fault]":
        async def question() -> Message | Fault:
            try:
                return await self.link.ask("tools/call", params, seconds=seconds)
            except Fault as reason:
                return reason

        return group.create_task(question())

    def reply(self, identity: object, result: object = None) -> None:
        self.child.say({"jsonrpc": "2.0", "id": identity, "result": result or {}})


def code_of(task: "asyncio.Task[Message | Fault]") -> int:
    outcome = task.result()
    assert isinstance(outcome, Fault)
    return outcome.code


def text_of(task: "asyncio.Task[Message | Fault]") -> Any:  # noqa: ANN401  (any JSON value)
    outcome = task.result()
    assert isinstance(outcome, Message)
    assert outcome.result is not None
    return json.loads(bytes(outcome.result))


@on_loop
async def test_replies_in_any_order_reach_their_questions() -> None:
    talk = Talk()
    async with asyncio.TaskGroup() as group:
        tasks = [talk.ask(group) for _ in range(20)]
        await asyncio.sleep(0)
        for message in reversed(talk.child.sent):
            talk.reply(message["id"], {"for": message["id"]})
    assert [text_of(task)["for"] for task in tasks] == [message["id"] for message in talk.child.sent]
    assert talk.link.pending == 0


Frame = Callable[[int], bytes]
FRAMES: list[Frame] = [
    lambda number: b'{"jsonrpc":"2.0","id":%d,"result":{"for":%d}}' % (number, number),
    lambda number: b'{"jsonrpc":"2.0","id":"%d","result":{"for":"nobody"}}' % number,
    lambda number: b'{"jsonrpc":"2.0","id":%d.0,"result":{"for":"nobody"}}' % number,
    lambda number: b'{"jsonrpc":"2.0","id":%d,"error":{"code":%d,"message":"m"}}' % (number, number),
    lambda number: b'{"jsonrpc":"2.0","id":%d,"method":"ping"}' % number,
    lambda number: b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%d}}' % number,
    lambda number: b'{"result":{"id":%d}}' % number,
    lambda number: b"not json %d" % number,
    lambda number: b'{"jsonrpc":"2.0","id":%d,"result":{"text":"\\ud800"}}' % number,
]


@UNHURRIED
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, len(FRAMES) - 1)), max_size=30))
def test_whatever_a_child_says_no_question_gets_the_reply_of_another_or_two(said: list[tuple[int, int]]) -> None:
    async def scenario() -> None:
        talk = Talk()
        async with asyncio.TaskGroup() as group:
            tasks = [talk.ask(group) for _ in range(5)]
            await asyncio.sleep(0)
            for number, frame in said:
                talk.child.say(FRAMES[frame](number))
            talk.child.exit(0)
        for number, task in enumerate(tasks, start=1):
            outcome = task.result()
            if isinstance(outcome, Fault):
                assert outcome.code in {wire.INTERRUPTED, wire.INTERNAL_ERROR}
            elif outcome.error is not None:
                assert wire.error_code(outcome.error) == number
            else:
                assert text_of(task) == {"for": number}

    asyncio.run(scenario())


@on_loop
async def test_a_second_reply_and_one_to_nobody_are_dropped_and_counted() -> None:
    talk = Talk()
    async with asyncio.TaskGroup() as group:
        first = talk.ask(group)
        await asyncio.sleep(0)
        talk.reply(1, {"n": 1})
        talk.reply(1, {"n": 2})
        talk.reply(77)
        talk.reply("1")
    assert text_of(first) == {"n": 1}
    assert talk.link.dropped == 3


@on_loop
async def test_a_question_without_an_answer_ends_at_its_deadline_and_is_cancelled_at_the_child() -> None:
    talk = Talk()
    async with asyncio.TaskGroup() as group:
        task = talk.ask(group, seconds=0.02)
    assert code_of(task) == wire.TIMED_OUT
    assert talk.child.sent[-1]["method"] == "notifications/cancelled"
    assert talk.child.sent[-1]["params"]["requestId"] == 1
    talk.reply(1)
    assert talk.link.dropped == 1


@on_loop
async def test_a_cancelled_question_is_cancelled_at_the_child_and_a_handshake_is_not() -> None:
    talk = Talk()
    async with asyncio.TaskGroup() as group:
        task = talk.ask(group)
        hello = group.create_task(talk.link.ask("initialize", b"{}", seconds=10))
        await asyncio.sleep(0)
        task.cancel()
        hello.cancel()
    assert talk.child.methods() == ["tools/call", "initialize", "notifications/cancelled"]
    assert talk.child.sent[-1]["params"]["requestId"] == 1
    assert talk.link.pending == 0


@on_loop
async def test_the_end_of_a_child_answers_all_that_is_open_at_once_and_refuses_what_comes() -> None:
    talk = Talk()
    async with asyncio.TaskGroup() as group:
        tasks = [talk.ask(group) for _ in range(3)]
        await asyncio.sleep(0)
        talk.child.exit(-9)
    assert [code_of(task) for task in tasks] == [wire.INTERRUPTED] * 3
    assert talk.ends == ["it was ended by signal 9"]
    async with asyncio.TaskGroup() as group:
        late = talk.ask(group)
    assert code_of(late) == wire.INTERRUPTED
    assert len(talk.child.sent) == 3
    talk.reply(1)
    assert talk.link.dropped == 0


@on_loop
async def test_a_child_that_ends_while_a_question_waits_to_be_written_fails_it() -> None:
    talk = Talk()
    full = asyncio.Event()
    talk.child.drained = full
    async with asyncio.TaskGroup() as group:
        big = talk.ask(group, b'"' + b"x" * 2_000_000 + b'"')
        await asyncio.sleep(0)
        waiting = talk.ask(group)
        await asyncio.sleep(0)
        talk.child.exit(1)
        full.set()
    assert code_of(big) == wire.INTERRUPTED
    assert code_of(waiting) == wire.INTERRUPTED
    assert len(talk.child.sent) == 1


@on_loop
async def test_a_child_that_does_not_read_costs_a_deadline_and_gets_nothing_more() -> None:
    talk = Talk()
    talk.child.drained = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        big = talk.ask(group, b'"' + b"x" * 2_000_000 + b'"')
        await asyncio.sleep(0)
        waiting = talk.ask(group, seconds=0.02)
        await asyncio.wait([waiting])
        talk.reply(1)
    assert text_of(big) == {}
    assert code_of(waiting) == wire.TIMED_OUT
    assert len(talk.child.sent) == 1


@on_loop
async def test_a_line_over_the_limit_ends_the_conversation() -> None:
    talk = Talk()
    async with asyncio.TaskGroup() as group:
        task = talk.ask(group)
        await asyncio.sleep(0)
        talk.link.line_overrun(4096)
        talk.child.exit(-9)
    assert code_of(task) == wire.INTERRUPTED
    assert talk.ends == ["a line is longer than 4096 bytes"]


@on_loop
async def test_stray_lines_are_forgiven_and_a_flood_of_them_is_not() -> None:
    talk = Talk()
    async with asyncio.TaskGroup() as group:
        task = talk.ask(group)
        await asyncio.sleep(0)
        for _ in range(100):
            talk.child.say(b"Listening on port 80")
        assert talk.ends == []
        talk.child.say(b"Listening on port 80")
    assert code_of(task) == wire.INTERRUPTED
    assert talk.ends == ["it writes lines that are no messages"]
    assert talk.link.unreadable == 101


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":2,"result":{"text":"\\ud800"}}',
        b'{"jsonrpc":"2.0","id":2,"error":{"message":"no code"}}',
        b'{"jsonrpc":"2.0","id":2}',
        b'{"jsonrpc":"2.0","id":2,"result":{"text":"\xff"}}',
        b'{"jsonrpc":"2.0","id":2,"result":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_a_broken_reply_fails_its_own_question_at_once(line: bytes) -> None:
    async def scenario() -> None:
        talk = Talk()
        async with asyncio.TaskGroup() as group:
            tasks = [talk.ask(group) for _ in range(3)]
            await asyncio.sleep(0)
            talk.child.say(line)
            await asyncio.sleep(0)
            assert code_of(tasks[1]) == wire.INTERNAL_ERROR
            assert talk.link.pending == 2
            talk.child.exit(0)

    asyncio.run(scenario())


@on_loop
async def test_a_broken_reply_without_an_id_fails_the_only_question_and_none_of_several() -> None:
    talk = Talk()
    line = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}'
    async with asyncio.TaskGroup() as group:
        tasks = [talk.ask(group), talk.ask(group)]
        await asyncio.sleep(0)
        talk.child.say(line)
        assert talk.link.pending == 2
        talk.reply(1)
        talk.child.say(line)
    assert text_of(tasks[0]) == {}
    assert code_of(tasks[1]) == wire.INTERNAL_ERROR


@pytest.mark.parametrize(
    "line",
    [
        b'{"level":"info","msg":"called"}',
        b"{broken",
        b'{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":[]}',
        b'{"level":"info","msg":"got {\\"jsonrpc\\":\\"2.0\\",\\"id\\":1}"}',
        b"",
    ],
)
def test_what_a_server_logs_or_asks_is_no_broken_reply(line: bytes) -> None:
    async def scenario() -> None:
        talk = Talk()
        async with asyncio.TaskGroup() as group:
            task = talk.ask(group)
            await asyncio.sleep(0)
            talk.child.say(line)
            talk.reply(1)
        assert text_of(task) == {}

    asyncio.run(scenario())


@on_loop
async def test_a_ping_is_answered_and_any_other_wish_refused_with_the_childs_own_id() -> None:
    talk = Talk()
    talk.child.say(b'{"jsonrpc":"2.0","id":"\\u0061","method":"ping"}')
    talk.child.say(b'{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{}}')
    assert talk.child.sent[0] == {"jsonrpc": "2.0", "id": "a", "result": {}}
    assert talk.child.sent[1]["id"] == 7
    assert talk.child.sent[1]["error"]["code"] == wire.METHOD_NOT_FOUND


@on_loop
async def test_a_child_that_asks_and_does_not_read_goes_without_answers_until_it_reads() -> None:
    talk = Talk()
    talk.child.drained = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        talk.ask(group, b'"' + b"x" * 2_200_000 + b'"')
        await asyncio.sleep(0)
        for number in range(3):
            talk.child.say({"jsonrpc": "2.0", "id": number, "method": "ping"})
            await asyncio.sleep(0)
        assert talk.child.methods() == ["tools/call"]
        talk.child.drained.set()
        await asyncio.sleep(0.01)
        talk.child.say({"jsonrpc": "2.0", "id": 3, "method": "ping"})
        assert talk.child.sent[1:] == [{"jsonrpc": "2.0", "id": 3, "result": {}}]
        talk.child.exit(0)


@on_loop
async def test_a_child_that_reads_is_answered_however_much_it_was_sent() -> None:
    talk = Talk()
    async with asyncio.TaskGroup() as group:
        talk.ask(group, b'"' + b"x" * 1_100_000 + b'"')
        await asyncio.sleep(0)
        for number in range(50):
            talk.child.say({"jsonrpc": "2.0", "id": number, "method": "ping"})
        talk.child.exit(0)
    assert [message["id"] for message in talk.child.sent[1:]] == list(range(50))


@on_loop
async def test_the_end_of_a_child_that_does_not_read_leaves_nothing_waiting() -> None:
    talk = Talk()
    talk.child.drained = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        talk.ask(group, b'"' + b"x" * 2_200_000 + b'"')
        await asyncio.sleep(0)
        talk.child.say({"jsonrpc": "2.0", "id": 1, "method": "ping"})
        tasks = len(asyncio.all_tasks())
        talk.child.exit(0)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == tasks - 2


@on_loop
async def test_a_child_that_asks_without_end_is_given_up() -> None:
    talk = Talk()
    for number in range(101):
        talk.child.say({"jsonrpc": "2.0", "id": number, "method": "roots/list"})
    assert talk.ends == ["it asks too many questions"]


@on_loop
async def test_a_change_of_tools_is_told_and_other_notifications_are_not() -> None:
    talk = Talk()
    talk.child.say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
    talk.child.say({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1}})
    talk.child.say({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
    assert talk.changes == 1


@on_loop
async def test_the_answer_to_a_subscription_is_nobodys_reply() -> None:
    talk = Talk()
    talk.link.listen(b"{}")
    assert talk.child.methods() == ["subscriptions/listen"]
    talk.reply(1)
    assert talk.link.dropped == 0
