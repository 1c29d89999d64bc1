"""A remote server as the gateway sees it: lines in, lines out, and an end that is told once."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from mcphub_gitops.compiler.resolve.model import Transport
from mcphub_gitops.runtime.engines.lines import Tail
from mcphub_gitops.runtime.engines.pipes import HIGH_WATER, LOW_WATER
from mcphub_gitops.runtime.engines.remote import message
from mcphub_gitops.runtime.engines.remote.conversation import Conversation
from mcphub_gitops.runtime.engines.remote.endpoint import Endpoint
from mcphub_gitops.runtime.engines.remote.lane import Lane
from mcphub_gitops.runtime.engines.remote.message import Outgoing
from mcphub_gitops.runtime.engines.remote.sse import SseConversation
from mcphub_gitops.runtime.engines.remote.trouble import REFUSED, OverrunError, SessionOverError, Trouble
from mcphub_gitops.runtime.ports import LineSink

STOPPED: Final = 0
LOST: Final = 1
"""The statuses of an end that was asked for, and of a session that the remote ended."""

BUG: Final = 70

_CONVERSATIONS: Final[Mapping[Transport, type[Conversation | SseConversation]]] = {
    "streamable-http": Conversation,
    "sse": SseConversation,
}
_NOTES: Final = 8
_NOTE_SECONDS: Final = 15.0


class RemoteChild:
    """The way to a remote server; see `ports.Child`. Made by `RemoteEngine`.

    At most `width` requests are under way at once, and a few notifications beside them; what is written beyond that
    waits, which `drain` makes felt. Every method is to be called on the loop that made it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        sink: LineSink,
        *,
        transport: Transport,
        secrets: Iterable[str],
        width: int,
        limit: int,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._endpoint = endpoint
        self._sink = sink
        self._secrets = tuple(secrets)
        self._width = width
        self._limit = limit
        self._grace = 2.0
        self._tail = Tail()
        self._count = 0
        self._known = False
        self._ending = False
        self._over: asyncio.Future[int] = self._loop.create_future()
        self._ready = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        speak = _CONVERSATIONS[transport]
        self._conversation = speak(endpoint, tell=self._tell, note=self._note, limit=limit)
        self._main = self._loop.create_task(self._run())
        self._main.add_done_callback(self._left)

    async def begun(self) -> None:
        """Wait until it can be written to; where that is cancelled, nothing is left."""
        try:
            await self._ready.wait()
        except asyncio.CancelledError:
            self._main.cancel()
            raise

    def write(self, data: bytes) -> None:
        """Send whole lines, each as a request of its own; dropped once the end has begun."""
        for line in data.split(b"\n"):
            if line and not self._ending:
                self._send(line)

    async def drain(self) -> None:
        """Wait while more than 256 KiB wait for their turn; returns at once when it is gone."""
        await self._roomy.wait()

    def stderr_tail(self) -> str:
        """Return what went wrong last (at most 64 KiB), printable, with the values of the headers masked."""
        return self._tail.text(self._secrets)

    async def stop(self, *, grace: float = 2.0) -> None:
        """Break off what is under way, end the session within `grace` seconds, and close every connection.

        Returns when `child_exited` has been called; may be awaited by several at once. A cancelled stop closes at once.
        """
        self._grace = grace
        self._end(STOPPED)
        try:
            await asyncio.shield(self._gone)
        except asyncio.CancelledError:
            self._main.cancel()
            raise

    async def leave(self) -> None:
        """End the session: nobody else could go on with it."""
        await self.stop()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._asks = Lane(group, width=self._width, moved=self._moved)
                self._notes = Lane(group, width=_NOTES, moved=self._moved)
                self._listener: asyncio.Task[None] | None = None
                if self._conversation.listens_first:
                    self._listen()
                self._ready.set()
                try:
                    await self._over
                finally:
                    self._ending = True
                    self._break_off()
            async with asyncio.timeout(self._grace):
                await self._conversation.end()
        except TimeoutError:
            self._note("the session could not be ended in time")
        finally:
            await self._endpoint.close()

    def _break_off(self) -> None:
        self._asks.close()
        self._notes.close()
        if self._listener is not None:
            self._listener.cancel()

    def _left(self, main: asyncio.Task[None]) -> None:
        self._ending = True
        self._ready.set()
        self._roomy.set()
        bug = None if main.cancelled() else main.exception()
        if bug is not None:
            self._note(_described(bug))
        asked = self._over.done() and not self._over.cancelled()
        self._sink.child_exited(BUG if bug is not None else self._over.result() if asked else STOPPED)
        self._gone.set_result(None)

    def _end(self, status: int) -> None:
        self._ending = True
        if not self._over.done():
            self._over.set_result(status)

    def _tell(self, line: bytes) -> None:
        if not self._ending:
            self._sink.line_received(line)

    def _note(self, words: str) -> None:
        self._tail.feed(words.encode() + b"\n")

    def _moved(self) -> None:
        waiting = self._asks.waiting + self._notes.waiting
        if waiting > HIGH_WATER:
            self._roomy.clear()
        elif waiting < LOW_WATER:
            self._roomy.set()

    def _send(self, line: bytes) -> None:
        try:
            sent = message.read(line)
        except (ValueError, RecursionError):
            self._unsendable(line)
            return
        if sent.id is not None:
            self._asks.put(sent.id, lambda: self._ask(sent, sent.id or b""), len(line))
        elif sent.cancels is not None:
            self._cancel(sent, sent.cancels)
        elif self._conversation.legacy:
            self._post(sent)
        self._moved()

    def _unsendable(self, line: bytes) -> None:
        self._note("a message that this way cannot carry")
        identity = message.head_identity(line)
        if identity is not None:
            words = "The message has numbers too long, or levels too many, for the way to a remote server"
            self._tell(message.own_error(identity, REFUSED, words))

    def _post(self, sent: Outgoing, then: Callable[[], object] | None = None) -> None:
        """Send what has no reply; nothing is asked before the remote knows that it is initialized."""
        first = sent.method == "notifications/initialized"
        if first:
            self._asks.hold()
        self._count += 1

        async def work() -> None:
            await self._carefully(sent.method or "an answer", self._told(sent))
            if first:
                self._listen()
                self._asks.release()
            if then is not None:
                then()

        self._notes.put(b"%d" % self._count, work, len(sent.line))

    async def _told(self, sent: Outgoing) -> None:
        try:
            async with asyncio.timeout(_NOTE_SECONDS):
                await self._conversation.post(sent)
        except TimeoutError:
            raise Trouble("The remote server did not take it in time") from None

    def _cancel(self, sent: Outgoing, identity: bytes) -> None:
        """Cancel a request: by closing its stream, and in the old era with the notification before that."""
        if self._asks.begun(identity) and self._conversation.legacy:
            self._post(sent, then=lambda: self._asks.drop(identity))
        else:
            self._asks.drop(identity)

    def _listen(self) -> None:
        if self._listener is None and not self._ending:
            self._listener = self._group.create_task(self._listening())

    async def _listening(self) -> None:
        await self._carefully("listening", self._conversation.listen(self._changed))

    def _changed(self) -> None:
        self._tell(message.CHANGED)

    async def _ask(self, sent: Outgoing, identity: bytes) -> None:
        if sent.method == "subscriptions/listen":
            work: Awaitable[object] = self._conversation.subscribe(sent, self._changed)
        else:
            work = self._conversation.ask(sent)
        trouble = await self._carefully(sent.method, work)
        if trouble is None:
            self._known = True
            return
        self._tell(message.own_error(identity, trouble.code, trouble.words))
        if trouble.unknown and self._known:
            # A token that was taken before has run out. Whoever starts the next child reads it anew.
            self._note("the remote server does not take the credentials any more")
            self._end(LOST)

    async def _carefully(self, what: str, work: Awaitable[object]) -> Trouble | None:
        """Do `work` and return its trouble; the end of the session, or a message without end, ends the child."""
        try:
            await work
        except Trouble as trouble:
            self._note(f"{what}: {trouble.words}")
            return trouble
        except SessionOverError:
            self._note("the remote server has ended the session")
            self._end(LOST)
        except OverrunError:
            self._note(f"a message is longer than {self._limit} bytes")
            if not self._ending:
                self._ending = True
                self._sink.line_overrun(self._limit)
            self._end(LOST)
        return None


def _described(bug: BaseException) -> str:
    """Return what kind of error ended the child, and where, without its words, which could hold a secret."""
    while isinstance(bug, BaseExceptionGroup):
        bug = bug.exceptions[0]
    frames = traceback.extract_tb(bug.__traceback__)
    where = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    return f"a bug of mcphub: {type(bug).__name__}{where}"
