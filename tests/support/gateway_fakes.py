"""A spawner whose children are Python objects: what they are sent is recorded, what they say is up to the test."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec, LineSink

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
    complaint: str = ""
    drained: bool = True

    def write(self, data: bytes) -> None:
        assert data.endswith(b"\n")
        for line in data.splitlines():
            message = json.loads(line)
            self.sent.append(message)
            self.answer(self, message)

    async def drain(self) -> None:
        assert self.drained

    def stderr_tail(self) -> str:
        return self.complaint

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
