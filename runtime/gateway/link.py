"""One running child: the table of questions put to it, and what each of its lines means.

Invariant: every question put is answered exactly once, with the child's own reply or with a Fault, and a reply reaches
only the question whose id it repeats exactly, type included.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.wire import Fault, Message
from mcphub_gitops.runtime.ports import Child

# A child that says this much nonsense within a second is stopped; a stray line is forgiven.
_NONSENSE_LIMIT: Final = 100
_NONSENSE_SECONDS: Final = 1.0
_UNDRAINED_BYTES: Final = 1024 * 1024
_CHANGES: Final = frozenset(f"notifications/{name}/list_changed" for name in ("tools", "prompts", "resources"))


@dataclass(slots=True)
class _Question:
    future: asyncio.Future[Message | Fault]
    timer: asyncio.TimerHandle


class Link:
    """The conversation with one child; a LineSink.

    `changed` is called when the child says that its tools, prompts or resources changed, `ended` once, when the
    conversation is over, with the reason in words; the child may still have to be stopped then. `dropped` counts
    replies that answer no question (any more), `unreadable` lines that are no messages. Questions are numbered from
    `first` on.
    """

    def __init__(self, *, changed: Callable[[], None], ended: Callable[[str], None], first: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = changed
        self._ended = ended
        self._child: Child | None = None
        self._questions: dict[bytes, _Question] = {}
        self._number = first
        self._subscription: bytes | None = None
        self._undrained = 0
        self._catching_up: asyncio.Task[None] | None = None
        self._nonsense = 0
        self._nonsense_since = 0.0
        self.reason: str | None = None
        self.dropped = 0
        self.unreadable = 0

    def attach(self, child: Child) -> None:
        """Name the child, as soon as it runs."""
        self._child = child

    @property
    def pending(self) -> int:
        """How many questions wait for their answer."""
        return len(self._questions)

    async def ask(self, method: str, params: bytes, *, seconds: float) -> Message:
        """Return the child's response; raises Fault when none came within `seconds` or the child ended.

        A cancelled question is cancelled at the child as well; its late reply is dropped.
        """
        deadline = self._loop.time() + seconds
        if self._undrained > _UNDRAINED_BYTES:
            await self._drain(seconds)
        if self.reason is not None or self._child is None:
            raise Fault(wire.INTERRUPTED, "The server has ended")
        self._number += 1
        key = b"%d" % self._number
        future: asyncio.Future[Message | Fault] = self._loop.create_future()
        # The handshake itself cannot be cancelled.
        notify = method != "initialize"
        self._questions[key] = _Question(future, self._loop.call_at(deadline, self._expire, key, notify))
        self._write(wire.request(self._number, method, params))
        try:
            outcome = await future
        except asyncio.CancelledError:
            self._give_up(key, notify=notify)
            raise
        if isinstance(outcome, Fault):
            raise outcome
        return outcome

    def listen(self, params: bytes) -> None:
        """Subscribe to notifications (revision 2026-07-28); the request stays open as long as the child runs."""
        self._number += 1
        self._subscription = b"%d" % self._number
        self._write(wire.request(self._number, "subscriptions/listen", params))

    def tell(self, method: str, params: bytes = b"{}") -> None:
        """Send a notification."""
        self._write(wire.notification(method, params))

    def end(self, reason: str) -> None:
        """End the conversation: whatever is pending fails now, whatever comes later is dropped."""
        if self.reason is not None:
            return
        self.reason = reason
        if self._catching_up is not None:
            self._catching_up.cancel()
        while self._questions:
            self._settle(next(iter(self._questions)), Fault(wire.INTERRUPTED, "The server ended during the call"))
        self._ended(reason)

    def line_received(self, line: bytes) -> None:
        """Take one line of the child's standard output."""
        if self.reason is not None:
            return
        try:
            message = wire.read_reply(line)
        except Fault as reason:
            self._bad_line(line, reason)
            return
        if message.method is None:
            self._settle(message.id or b"", message)
        elif message.id is not None:
            self._refuse(message.id, message.method)
        elif message.method in _CHANGES:
            self._changed()

    def line_overrun(self, limit: int) -> None:
        """Learn that a line passed `limit` bytes."""
        self.end(f"a line is longer than {limit} bytes")

    def child_exited(self, status: int) -> None:
        """Learn that the child is gone."""
        self.end(f"it was ended by signal {-status}" if status < 0 else f"it exited with status {status}")

    def _write(self, line: bytes) -> None:
        if self._child is not None:
            self._undrained += len(line)
            self._child.write(line)

    async def _drain(self, seconds: float) -> None:
        if self._child is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._child.drain()
        except TimeoutError:
            raise Fault(wire.TIMED_OUT, "The server does not read its input") from None
        self._undrained = 0

    def _settle(self, key: bytes, outcome: Message | Fault) -> None:
        question = self._questions.pop(key, None)
        if question is None:
            # The end of a subscription comes as its response; there is nothing to do about it.
            self.dropped += key != self._subscription
            return
        question.timer.cancel()
        if not question.future.done():
            question.future.set_result(outcome)

    def _expire(self, key: bytes, notify: bool) -> None:  # noqa: FBT001  (call_at passes by position)
        if notify:
            self.tell("notifications/cancelled", b'{"requestId":%b,"reason":"deadline"}' % key)
        self._settle(key, Fault(wire.TIMED_OUT, "The server did not answer in time"))

    def _give_up(self, key: bytes, *, notify: bool) -> None:
        question = self._questions.pop(key, None)
        if question is None:
            return
        question.timer.cancel()
        if notify:
            self.tell("notifications/cancelled", b'{"requestId":%b,"reason":"cancelled"}' % key)

    def _refuse(self, identity: bytes, method: str) -> None:
        self._count_nonsense("it asks too many questions")
        if self._undrained > _UNDRAINED_BYTES:
            self._catch_up()
        if self._undrained > 2 * _UNDRAINED_BYTES:
            return
        if method == "ping":
            self._write(wire.result(identity, b"{}") + b"\n")
        else:
            reason = Fault(wire.METHOD_NOT_FOUND, "The gateway offers no such method")
            self._write(wire.fault(identity, reason) + b"\n")

    def _catch_up(self) -> None:
        """Find out whether the child reads: one that asks and does not goes without answers from some point on."""
        if self._catching_up is None and self._child is not None:
            self._catching_up = self._loop.create_task(self._child.drain())
            self._catching_up.add_done_callback(self._caught_up)

    def _caught_up(self, task: asyncio.Task[None]) -> None:
        self._catching_up = None
        if not task.cancelled() and task.exception() is None:
            self._undrained = 0

    def _bad_line(self, line: bytes, reason: Fault) -> None:
        self.unreadable += 1
        key = reason.identity or wire.opening_identity(line)
        # A banner or a log line is no reply; a broken message is one, and with a single question it is clear to which.
        if key is None and len(self._questions) == 1 and b'"jsonrpc"' in line:
            key = next(iter(self._questions))
        # The child's own questions carry ids of its own counting.
        if key in self._questions and b'"method"' not in line:
            self._settle(key, Fault(wire.INTERNAL_ERROR, "The server answered with a message that cannot be read"))
        self._count_nonsense("it writes lines that are no messages")

    def _count_nonsense(self, reason: str) -> None:
        now = self._loop.time()
        if now - self._nonsense_since > _NONSENSE_SECONDS:
            self._nonsense, self._nonsense_since = 0, now
        self._nonsense += 1
        if self._nonsense > _NONSENSE_LIMIT:
            self.end(reason)
