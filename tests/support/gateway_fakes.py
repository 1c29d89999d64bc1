"""A spawner whose children are Python objects: what they are sent is recorded, what they say is up to the test."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec, LineSink
from tests.support.gateway_echo import definition

Answer = Callable[["FakeChild", dict[str, Any]], None]


@dataclass
class FakeChild:
    """A child that answers each message it is sent with `answer`."""

    spec: ChildSpec
    sink: LineSink
    answer: Answer
    pid: int = 4711
    sent: list[dict[str, Any]] = field(default_factory=list)
    stopped: bool = False
    left: bool = False
    complaint: str = ""
    drained: asyncio.Event | None = None

    def write(self, data: bytes) -> None:
        assert data.endswith(b"\n")
        for line in data.splitlines():
            message = json.loads(line)
            self.sent.append(message)
            self.answer(self, message)

    async def drain(self) -> None:
        if self.drained is not None:
            await self.drained.wait()

    def stderr_tail(self) -> str:
        return self.complaint

    async def leave(self) -> None:
        self.left = True
        await self.stop()

    async def stop(self, *, grace: float = 2.0) -> None:
        assert grace > 0
        if not self.stopped:
            self.stopped = True
            self.sink.child_exited(0)

    def say(self, message: dict[str, Any] | bytes) -> None:
        """Put one line on the child's standard output."""
        self.sink.line_received(message if isinstance(message, bytes) else json.dumps(message).encode())

    def reply(self, message: dict[str, Any], result: dict[str, Any]) -> None:
        self.say({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def exit(self, status: int) -> None:
        """End without being asked to."""
        self.stopped = True
        self.sink.child_exited(status)

    def methods(self) -> list[str]:
        return [message.get("method", "") for message in self.sent]


@dataclass
class FakeSpawner:
    """Starts fake children; `refusals` is how often a start fails before one succeeds."""

    answer: Answer
    refusals: int = 0
    children: list[FakeChild] = field(default_factory=list)

    async def spawn(self, spec: ChildSpec, sink: LineSink) -> FakeChild:
        if self.refusals:
            self.refusals -= 1
            raise RuntimeFailure("the program is missing")
        child = FakeChild(spec, sink, self.answer)
        self.children.append(child)
        return child


@dataclass
class Manners:
    """How a well-bred fake server answers, unless it is told otherwise.

    `pages` maps a cursor to the names of tools on its page and the next cursor; `discovery` and `listing` replace an
    answer by members of a response (None: silence for `discovery` where it was given).
    """

    era: str = "both"
    revision: str = "2025-11-25"
    capabilities: dict[str, Any] = field(default_factory=lambda: {"tools": {"listChanged": True}})
    pages: Mapping[str | None, tuple[list[str], str | None]] = field(default_factory=lambda: {None: (["echo"], None)})
    discovery: dict[str, Any] | None = field(default_factory=dict)
    listing: dict[str, Any] = field(default_factory=dict)
    missed_probes: int = 0

    def __call__(self, child: FakeChild, message: dict[str, Any]) -> None:
        methods = {
            "server/discover": self._discover,
            "initialize": self._initialize,
            "tools/list": self._list,
            "tools/call": self._call,
        }
        method = methods.get(message.get("method", ""))
        if method is not None:
            answer = method(message["params"])
            if answer is not None:
                child.say({"jsonrpc": "2.0", "id": message["id"], **answer})

    def _discover(self, _params: dict[str, Any]) -> dict[str, Any] | None:
        if self.missed_probes:
            self.missed_probes -= 1
            return None
        if self.discovery != {}:
            return self.discovery
        if self.era == "legacy":
            return {"error": {"code": -32601, "message": "Method not found"}}
        info = {"io.modelcontextprotocol/serverInfo": {"name": "fake"}}
        return {"result": {"supportedVersions": ["2026-07-28"], "capabilities": self.capabilities, "_meta": info}}

    def _initialize(self, _params: dict[str, Any]) -> dict[str, Any]:
        if self.era == "modern":
            return {"error": {"code": -32022, "message": "Unsupported protocol version"}}
        return {"result": {"protocolVersion": self.revision, "capabilities": self.capabilities}}

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        if self.listing:
            return self.listing
        names, cursor = self.pages[params.get("cursor")]
        page: dict[str, Any] = {"tools": [definition(name) for name in names]}
        return {"result": page if cursor is None else {**page, "nextCursor": cursor}}

    def _call(self, params: dict[str, Any]) -> dict[str, Any] | None:
        if params["name"] == "hang":
            return None
        return {"result": {"content": [{"type": "text", "text": json.dumps(params)}]}}
