"""Servers whose tools are containers by themselves: what answers for them, and makes one container a call.

Towards the gateway it is a server like any other, of revision 2026-07-28, that happens to run in this process. Source:
MCP 2026-07-28, "Tools" and "Cancellation"; a call that the tool cannot take is a result with `isError`, so that the
model can mend it.
"""

import asyncio
import json
import re
import secrets as randomness
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, Protocol

from mcphub_gitops.compiler.canonical import decode
from mcphub_gitops.compiler.plan.container import CALL
from mcphub_gitops.compiler.resolve.call import Templates, prepare
from mcphub_gitops.runtime.engines.docker.granting import NotGrantedError, grant
from mcphub_gitops.runtime.engines.docker.ownership import owner_of
from mcphub_gitops.runtime.engines.lines import Tail
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import CallSpec, ContainerSpec, LineSink, Mount, ToolsSpec

REVISION = "2026-07-28"
OUTPUT_LIMIT = 1024**2
"""Bytes of standard output that a call answers with; whoever says more is ended."""

AT_ONCE = 8
"""Containers of one server at the same time; further calls wait until one has ended."""

_UNKNOWN_METHOD, _BAD_PARAMS, _BUG = -32601, -32602, -32603
_OPENING = re.compile(rb'\{"jsonrpc":"2\.0","id":([0-9]{1,18}),')
"""How the gateway begins a request: by this it is known where what follows cannot be read."""


class Running(Protocol):
    """A container that runs for one call."""

    def finish(self) -> None:
        """End its standard input."""

    def stderr_tail(self) -> str:
        """Return the last of what it said on standard error."""

    async def stop(self, *, grace: float) -> None:
        """End and remove it."""


class Runner(Protocol):
    """What makes containers that are gone when they have ended; `docker.engine` does."""

    def socket(self) -> str:
        """Return the path of the engine's socket."""

    async def sweep_calls(self, labels: Mapping[str, str]) -> None:
        """Remove what calls whose caller is gone have left."""

    async def spawn(self, spec: ContainerSpec, sink: LineSink) -> Running:
        """Make and start `spec`; raises RuntimeFailure."""


class ToolsEngine:
    """Answers for servers whose tools are containers on `engine`; a `ports.Spawner`."""

    def __init__(self, engine: Runner) -> None:
        self._engine = engine

    async def spawn(self, spec: ToolsSpec, sink: LineSink) -> "ToolsChild":
        """Return what answers for `spec`, once the containers are gone that calls of a gateway before this one left.

        Raises RuntimeFailure when the engine cannot be reached.
        """
        call = next(iter(spec.tools.values()), None)
        if call is not None:
            await self._engine.sweep_calls(owner_of(call.container))
        return ToolsChild(self._engine, spec, sink)


class ToolsChild:
    """The server that there is none of; see `ports.Child`. Every method is to be called on the loop it was made on."""

    def __init__(self, engine: Runner, spec: ToolsSpec, sink: LineSink) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = engine
        self._spec = spec
        self._sink = sink
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._calls: dict[object, asyncio.Task[None]] = {}
        self._tail = Tail()
        self._ended = False
        self._gone: asyncio.Future[None] = self._loop.create_future()

    def write(self, data: bytes) -> None:
        """Take whole lines, each a message."""
        for line in data.splitlines():
            if line and not self._ended:
                self._read(line)

    async def drain(self) -> None:
        """Return: what is written is taken at once."""

    def stderr_tail(self) -> str:
        """Return what the containers of the last calls said on standard error, and why some could not be made."""
        return self._tail.text()

    async def stop(self, *, grace: float = 2.0) -> None:
        """End every call that is under way, and remove its container; returns when `child_exited` has been called."""
        del grace
        if not self._ended:
            self._ended = True
            calls = list(self._calls.values())
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            self._sink.child_exited(0)
            self._gone.set_result(None)
        await asyncio.shield(self._gone)

    async def leave(self) -> None:
        """Stop: nobody else could take its calls over."""
        await self.stop()

    def _read(self, line: bytes) -> None:
        try:
            self._take(decode(line))
        except (ValueError, RecursionError):
            opening = _OPENING.match(line)
            refusal = {"error": {"code": _BAD_PARAMS, "message": "The arguments are nothing that can be read"}}
            if opening is not None:
                self._loop.call_soon(self._reply, int(opening[1]), refusal)

    def _take(self, message: Mapping[str, Any]) -> None:
        method, identity = message.get("method"), message.get("id")
        params = message.get("params") or {}
        if method == "notifications/cancelled":
            call = self._calls.get(params.get("requestId"))
            if call is not None:
                call.cancel()
        elif method == "tools/call" and identity is not None:
            self._begin(identity, self._answer(identity, params))
        elif identity is not None:
            self._loop.call_soon(self._reply, identity, self._about(method))

    def _about(self, method: object) -> dict[str, Any]:
        """Return what is answered to a request that is no call."""
        if method == "server/discover":
            return {"result": {"supportedVersions": [REVISION], "capabilities": {"tools": {}}, **self._said()}}
        if method == "tools/list":
            tools = [json.loads(tool.definition) for tool in self._spec.tools.values()]
            return {"result": {"tools": tools, **self._said()}}
        return {"error": {"code": _UNKNOWN_METHOD, "message": "Method not found"}}

    def _said(self) -> dict[str, Any]:
        info = {"io.modelcontextprotocol/serverInfo": {"name": self._spec.server, "version": "1"}}
        return {"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "_meta": info}

    def _begin(self, identity: object, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._calls[identity] = task

        def end(call: asyncio.Task[None]) -> None:
            self._calls.pop(identity, None)
            bug = None if call.cancelled() else call.exception()
            if bug is not None:
                # Its words could hold what the call was about.
                self._note(f"mcphub: a call failed by a bug of mcphub: {type(bug).__name__}")
                self._reply(identity, {"error": {"code": _BUG, "message": "The call failed by a bug of mcphub"}})

        task.add_done_callback(end)

    async def _answer(self, identity: object, params: Mapping[str, Any]) -> None:
        tool, arguments = self._spec.tools.get(params.get("name", "")), params.get("arguments", {})
        if tool is None or not isinstance(arguments, dict):
            what = "Unknown tool" if tool is None else "The arguments are no object"
            self._reply(identity, {"error": {"code": _BAD_PARAMS, "message": what}})
            return
        try:
            result = await self._called(tool, arguments)
        except RuntimeFailure as failure:
            # What the engine says may name places of the host; whoever runs the hub finds it in the log.
            self._note(f"docker: {failure.brief}: {failure.detail}")
            result = _failed(f"{failure.brief}.")
        self._reply(identity, {"result": {**result, "resultType": "complete"}})

    async def _called(self, tool: CallSpec, arguments: Mapping[str, Any]) -> dict[str, Any]:
        schema = json.loads(tool.definition)["inputSchema"]
        prepared = prepare(Templates(command=tool.command, volumes=tool.volumes, schema=schema), arguments)
        if prepared.problems:
            return _failed("\n".join(prepared.problems))
        try:
            mounts = await asyncio.to_thread(grant, prepared.mounts, prepared.locked, self._spec, self._engine.socket())
        except NotGrantedError as refusal:
            return _failed(str(refusal))
        taken = {mount.target for mount in tool.container.mounts} & {mount.target for mount in mounts}
        if taken:
            return _failed(f"Something else is mounted at `{min(taken)}`.")
        async with self._slots:
            return await self._run(_container(tool, prepared.words, mounts))

    async def _run(self, container: ContainerSpec) -> dict[str, Any]:
        heard = _Heard()
        child = await self._engine.spawn(container, heard)
        try:
            child.finish()
            status = await heard.end
        finally:
            # Whoever called may be gone; its container is removed all the same.
            await asyncio.shield(child.stop(grace=0))
        said = child.stderr_tail()
        self._note(said)
        return heard.result(status, said)

    def _note(self, said: str) -> None:
        if said:
            self._tail.feed(f"{said.rstrip()}\n".encode())

    def _reply(self, identity: object, answer: Mapping[str, Any]) -> None:
        if not self._ended:
            message = {"jsonrpc": "2.0", "id": identity, **answer}
            self._sink.line_received(json.dumps(message, ensure_ascii=False).encode("utf-8", "replace"))


class _Heard:
    """What one container says, and how it ended; a `ports.LineSink`.

    `end` gets its exit status, or, as soon as it has said too much, None.
    """

    def __init__(self) -> None:
        self.end: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._lines: list[bytes] = []
        self._size = 0

    def line_received(self, line: bytes) -> None:
        """Keep `line`, unless it is one too many."""
        self._size += len(line) + 1
        if self._size > OUTPUT_LIMIT:
            self._settle(None)
        elif not self.end.done():
            self._lines.append(line)

    def line_overrun(self, limit: int) -> None:
        """Learn that a line was longer than any answer may be."""
        del limit
        self._settle(None)

    def child_exited(self, status: int) -> None:
        """Learn how it ended."""
        self._settle(status)

    def _settle(self, status: int | None) -> None:
        if not self.end.done():
            self.end.set_result(status)

    def result(self, status: int | None, said: str) -> dict[str, Any]:
        """Return the result of the call; what was said on standard error is told where it failed."""
        output = b"\n".join(self._lines).decode("utf-8", "replace")
        if status is None:
            return _failed(output, f"It said more than {OUTPUT_LIMIT} bytes, and was ended; the rest is cut off.")
        if status == 0:
            return {"content": [_text(output)]}
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return _failed(output, said, f"The container {how}.")


def _container(tool: CallSpec, words: tuple[str, ...], mounts: tuple[Mount, ...]) -> ContainerSpec:
    common = tool.container
    return replace(
        common,
        name=f"{common.name}-{randomness.token_hex(8)}",
        labels={**common.labels, **CALL},
        command=words,
        mounts=(*common.mounts, *mounts),
        lasting=False,
    )


def _failed(*said: str) -> dict[str, Any]:
    return {"content": [_text(each) for each in said if each], "isError": True}


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}
