"""What answers for tools that are containers, without an engine; `tests/engine/test_tools.py` has a real one."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mcphub_gitops.runtime.engines.docker.tools import AT_ONCE, ToolsChild, ToolsEngine
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import CallSpec, ContainerSpec, GrantedFolder, LineSink, Mount, ToolsSpec
from tests.runtime.engines.children import Record
from tests.support.gateway_hub import until

LABELS = {
    "io.mcphub.hub": "acme",
    "io.mcphub.lineage": "l",
    "io.mcphub.server": "box",
    "io.mcphub.spec": "sha256:1",
}
SCHEMA = {"type": "object", "properties": {"args": {"type": "array"}, "dir": {"type": "string"}}, "required": ["args"]}


@dataclass
class Scripted:
    """Containers that say what they are told to; one whose command is ``wait`` goes on until it is stopped."""

    failure: str = ""
    bug: bool = False
    started: list[ContainerSpec] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    swept: list[Mapping[str, str]] = field(default_factory=list)
    most: int = 0

    def socket(self) -> str:
        return "/nowhere/docker.sock"

    async def sweep_calls(self, labels: Mapping[str, str]) -> None:
        self.swept.append(labels)

    async def spawn(self, spec: ContainerSpec, sink: LineSink) -> "Container":
        if self.failure:
            raise RuntimeFailure(self.failure, detail="/var/lib/somewhere is full")
        if self.bug:
            raise LookupError("a secret word")
        self.started.append(spec)
        self.most = max(self.most, len(self.started) - len(self.stopped))
        return Container(self, spec, sink)


@dataclass
class Container:
    runner: Scripted
    spec: ContainerSpec
    sink: LineSink

    def finish(self) -> None:
        word, *rest = self.spec.command or ("",)
        if word == "say":
            asyncio.get_running_loop().call_soon(self._say, rest)

    def _say(self, lines: list[str]) -> None:
        for line in lines:
            self.sink.line_received(line.encode())
        self.sink.child_exited(0)

    def stderr_tail(self) -> str:
        return "told\n"

    async def stop(self, *, grace: float) -> None:
        assert grace == 0
        self.runner.stopped.append(self.spec.name)
        self.sink.child_exited(-9)


def spec_of(*granted: GrantedFolder, root: str = "/hub") -> ToolsSpec:
    container = ContainerSpec(
        server="box",
        name="mcphub-acme-box-1",
        image="box@sha256:1",
        env={},
        labels=LABELS,
        mounts=(Mount(kind="volume", source="cache", target="/cache"),),
    )
    definition = json.dumps({"name": "sh", "description": "é", "inputSchema": SCHEMA})
    volumes = ("{{dir|mount_as:/in}}",)
    call = CallSpec(container=container, command=("{{args|into}}",), volumes=volumes, definition=definition)
    taken = CallSpec(container=container, command=(), volumes=("{{dir|mount_as:/cache}}",), definition=definition)
    return ToolsSpec(server="box", tools={"sh": call, "taken": taken}, granted=granted, root=root)


def asked(
    work: Callable[[ToolsChild, Record], Awaitable[None]], runner: Scripted, spec: ToolsSpec | None = None
) -> Record:
    """Return what was heard of a server while `work` spoke to it."""

    async def speak() -> Record:
        record = Record()
        child = await ToolsEngine(runner).spawn(spec or spec_of(), record)
        await work(child, record)
        await child.stop()
        return record

    return asyncio.run(speak())


def request(number: int, method: str, **params: object) -> bytes:
    return (
        json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}, separators=(",", ":")).encode()
        + b"\n"
    )


def call(number: int, *words: str, tool: str = "sh", **more: object) -> bytes:
    return request(number, "tools/call", name=tool, arguments={"args": list(words), **more})


def answers(record: Record) -> dict[int, Any]:
    return {message["id"]: message for message in map(json.loads, record.lines)}


def answered(*lines: bytes, runner: Scripted | None = None, spec: ToolsSpec | None = None) -> dict[int, Any]:
    """Return the answers to `lines` by number, once all that have one are there."""

    async def work(child: ToolsChild, record: Record) -> None:
        child.write(b"".join(lines))
        await child.drain()
        await record.until(lambda: len(record.lines) >= len(lines))

    return answers(asked(work, runner or Scripted(), spec))


def test_it_introduces_itself_and_lists_what_is_locked() -> None:
    found = answered(request(1, "server/discover"), request(2, "tools/list"), request(3, "initialize"))
    assert found[1]["result"]["supportedVersions"] == ["2026-07-28"]
    assert [tool["inputSchema"] for tool in found[2]["result"]["tools"]] == [SCHEMA, SCHEMA]
    assert found[2]["result"]["resultType"] == "complete"
    assert found[3]["error"] == {"code": -32601, "message": "Method not found"}


def test_what_an_earlier_gateway_left_is_removed_first() -> None:
    runner = Scripted()
    answered(request(1, "tools/list"), runner=runner)
    assert runner.swept == [{name: LABELS[name] for name in LABELS if name != "io.mcphub.spec"}]
    nothing = Scripted()
    answered(request(1, "tools/list"), runner=nothing, spec=ToolsSpec(server="box", tools={}))
    assert nothing.swept == []


def test_a_call_is_a_container_of_its_own() -> None:
    runner = Scripted()
    found = answered(call(1, "say", "a", "b"), call(2, "say"), runner=runner)
    assert found[1]["result"] == {"content": [{"type": "text", "text": "a\nb"}], "resultType": "complete"}
    assert found[2]["result"]["content"] == [{"type": "text", "text": ""}]
    first, second = runner.started
    assert first.name != second.name
    assert first.name.startswith("mcphub-acme-box-1-")
    assert (first.command, first.lasting, first.labels["io.mcphub.role"]) == (("say", "a", "b"), False, "call")
    assert sorted(runner.stopped) == sorted([first.name, second.name])


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (call(1, tool="other"), -32602, "Unknown tool"),
        (request(1, "tools/call", name="sh", arguments=[1]), -32602, "The arguments are no object"),
        (
            request(1, "tools/call", name="sh", arguments={"args": []})[:-2] + b",}\n",
            -32602,
            "The arguments are nothing that can be read",
        ),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + b"[" * 100_000 + b"\n",
            -32602,
            "The arguments are nothing that can be read",
        ),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"a":1e999}}\n',
            -32602,
            "The arguments are nothing that can be read",
        ),
    ],
    ids=["tool", "list", "json", "deep", "large"],
)
def test_what_is_no_call_is_an_error(line: bytes, code: int, message: str) -> None:
    runner = Scripted()
    assert answered(line, runner=runner)[1]["error"] == {"code": code, "message": message}
    assert runner.started == []


def test_what_cannot_be_read_at_all_is_passed_over() -> None:
    async def work(child: ToolsChild, record: Record) -> None:
        child.write(b"\n{\n" + request(2, "tools/list") + b'{"jsonrpc":"2.0","method":"notifications/other"}\n')
        await record.until(lambda: bool(record.lines))

    assert set(answers(asked(work, Scripted()))) == {2}


def test_what_does_not_fit_is_a_result_that_is_an_error(tmp_path: Path) -> None:
    runner = Scripted()
    (tmp_path / "in").mkdir()
    spec = spec_of(GrantedFolder(path=str(tmp_path.resolve())), root="/hub")
    found = answered(
        request(1, "tools/call", name="sh"),
        call(2, dir=str(tmp_path / "none")),
        call(3, tool="taken", dir=str(tmp_path / "in")),
        call(4, "say", dir=str(tmp_path / "in")),
        runner=runner,
        spec=spec,
    )
    told = {
        number: (each["result"].get("isError"), each["result"]["content"][0]["text"]) for number, each in found.items()
    }
    assert told == {
        1: (True, "`arguments` needs `args`."),
        2: (True, f"`{tmp_path}/none` is not there, or lies below no folder that this hub grants to calls."),
        3: (True, "Something else is mounted at `/cache`."),
        4: (None, ""),
    }
    (started,) = runner.started
    assert started.mounts[1:] == (Mount(kind="bind", source=str(tmp_path.resolve() / "in"), target="/in"),)


def test_what_the_engine_says_is_for_whoever_runs_the_hub() -> None:
    heard: list[str] = []

    async def work(child: ToolsChild, record: Record) -> None:
        child.write(call(1))
        await record.line()
        heard.append(child.stderr_tail())

    found = answers(asked(work, Scripted(failure="the container cannot be made")))
    assert found[1]["result"]["content"] == [{"type": "text", "text": "the container cannot be made."}]
    assert found[1]["result"]["isError"] is True
    assert heard == ["docker: the container cannot be made: /var/lib/somewhere is full\n"]


def test_a_bug_ends_one_call_and_tells_nothing_of_it() -> None:
    heard: list[str] = []

    async def work(child: ToolsChild, record: Record) -> None:
        child.write(call(1))
        await record.line()
        heard.append(child.stderr_tail())

    found = answers(asked(work, Scripted(bug=True)))
    assert found[1]["error"] == {"code": -32603, "message": "The call failed by a bug of mcphub"}
    assert heard == ["mcphub: a call failed by a bug of mcphub: LookupError\n"]


def test_a_call_that_is_cancelled_has_no_answer_and_leaves_nothing() -> None:
    runner = Scripted()

    async def work(child: ToolsChild, record: Record) -> None:
        child.write(call(1, "wait"))
        await until(lambda: len(runner.started) == 1)
        child.write(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}\n')
        child.write(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n')
        await until(lambda: len(runner.stopped) == 1)
        child.write(request(2, "tools/list"))
        await record.line()

    assert set(answers(asked(work, runner))) == {2}


def test_calls_wait_for_one_another_and_end_with_the_server() -> None:
    runner = Scripted()

    async def work(child: ToolsChild, record: Record) -> None:
        child.write(b"".join(call(number, "wait") for number in range(1, AT_ONCE + 4)))
        await until(lambda: len(runner.started) == AT_ONCE)
        await child.leave()
        await child.stop()
        child.write(request(1, "tools/list"))
        assert record.statuses == [0]

    assert asked(work, runner).lines == []
    assert runner.most == AT_ONCE
    assert len(runner.stopped) == AT_ONCE
