"""A running container as the gateway sees it: its lines in turns, its standard error kept, its end told once."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from mcphub_gitops.runtime.engines.docker.attach import Attachment, Said
from mcphub_gitops.runtime.engines.docker.container import LOST, Container, Outcome
from mcphub_gitops.runtime.engines.lines import Tail
from mcphub_gitops.runtime.engines.turns import FLOOD, FLOOD_PAUSE, Turns
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ContainerSpec, LineSink

_LEAVE_PATIENCE = 2.0
"""Seconds for what is queued to go out before the connection is closed."""

_STOP_PATIENCE = 10.0
"""Seconds after SIGKILL until the engine is no longer waited for."""


class ContainerChild:
    """A server in a container; see `ports.Child`. Lines come as they are between line feeds, the last one even without.

    `released` is called once, before the end is told or when it is left: whoever comes next may have the container.
    Every method is to be called on the loop that it was made on.
    """

    def __init__(
        self,
        spec: ContainerSpec,
        sink: LineSink,
        container: Container,
        connection: tuple[socket.socket, bytes],
        *,
        limit: int,
        released: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._spec = spec
        self._sink = sink
        self._container = container
        self._released = released
        self._secrets = tuple(spec.env[name] for name in spec.secrets if name in spec.env)
        self._turns = Turns(sink, limit, after=self._after_turn, may_tell=lambda: True)
        self._tail = Tail()
        self._flood = 0
        self._flooded = False
        self._left = False
        self._outcome: Outcome | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._streams = Attachment(*connection, on_said=self._heard, on_end=self._ended)
        # Whoever asked for this child is to have it before its first line.
        self._loop.call_soon(self._streams.resume)

    def write(self, data: bytes) -> None:
        """Send whole lines; what is written in one turn of the loop goes out in one system call."""
        self._streams.write(data)

    async def drain(self) -> None:
        """Wait while more than 256 KiB are queued for the server; returns at once when it is gone."""
        await self._streams.drain()

    def finish(self) -> None:
        """End the standard input of a container that is not lasting, after what was written to it."""
        self._streams.finish()

    def stderr_tail(self) -> str:
        """Return the last lines (at most 64 KiB) of standard error, printable, with the spec's secrets masked.

        What the engine said about its end stands last, behind ``docker:``.
        """
        return self._tail.text(self._secrets)

    async def stop(self, *, grace: float = 2.0) -> None:
        """End the container, and remove it if it is not lasting; returns when `child_exited` has been called.

        A container that is not lasting first gets the end of its input, and after half of `grace` seconds its stop
        signal; a lasting one gets that at once, as the engine cannot close an input that others may come back to. After
        `grace` comes SIGKILL. May be awaited by several at once; a cancelled stop kills at once. Nothing happens once
        it was left.
        """
        if self._left or self._gone.done():
            return
        try:
            if not self._spec.lasting:
                grace /= 2
                self._streams.finish()
                if await self._ends_within(grace):
                    return
            await self._tell(self._container.terminate())
            if await self._ends_within(grace):
                return
        finally:
            if not self._gone.done():
                await self._tell(self._container.kill())
        if not await self._ends_within(_STOP_PATIENCE):
            self._give_up("the engine does not end it")
            await asyncio.shield(self._gone)

    async def leave(self) -> None:
        """Let go of a lasting container, which goes on running, without a word to the sink; any other one is stopped.

        What was written before goes out; what the server says from now on is heard by nobody.
        """
        if not self._spec.lasting:
            await self.stop()
            return
        if self._left or self._gone.done():
            return
        self._left = True
        self._turns.clear()
        self._streams.resume()
        self._streams.finish()
        try:
            await asyncio.wait((self._closed,), timeout=_LEAVE_PATIENCE)
        finally:
            self._streams.close()
            self._container.close()
            self._released()

    async def _ends_within(self, seconds: float) -> bool:
        await asyncio.wait((self._gone,), timeout=seconds)
        return self._gone.done()

    async def _tell(self, order: Coroutine[Any, Any, None]) -> None:
        """Give the engine an order; when it does not take it, the child's tail says so and its end says the rest."""
        try:
            await order
        except RuntimeFailure as failure:
            self._note(f"{failure.brief}: {failure.detail}")

    def _heard(self, said: Said) -> None:
        if said.stderr:
            self._complained(said.stderr)
        if said.stdout and not self._left:
            self._turns.feed(said.stdout)
            self._turns.take()

    def _after_turn(self) -> None:
        if self._turns.waiting:
            self._streams.pause()
            self._turns.plan()
        elif self._turns.overrun:
            # What it says until it is killed is read and dropped.
            self._streams.resume()
            self._turns.tell_overrun(self._kill)
        elif not self._flooded:
            self._streams.resume()
        self._settle()

    def _kill(self) -> None:
        self._begin(self._tell(self._container.kill()))

    def _complained(self, chunk: bytes) -> None:
        self._tail.feed(chunk)
        self._flood += len(chunk)
        if self._flood > FLOOD and not self._closed.done():
            self._flood = 0
            self._flooded = True
            self._streams.pause()
            self._loop.call_later(FLOOD_PAUSE, self._subside)

    def _subside(self) -> None:
        self._flooded = False
        if not self._turns.waiting:
            self._streams.resume()

    def _note(self, reason: str) -> None:
        self._tail.feed(f"docker: {reason}\n".encode())

    def _ended(self, reason: str) -> None:
        """Learn that the output is over, and ask how the container ended."""
        self._closed.set_result(None)
        if self._left:
            return
        if reason:
            self._note(reason)
        self._turns.finish()
        self._turns.plan()
        self._begin(self._conclude())

    async def _conclude(self) -> None:
        outcome = await self._container.outcome()
        if outcome.reason:
            self._note(outcome.reason)
        self._outcome = self._outcome or outcome
        self._settle()

    def _give_up(self, reason: str) -> None:
        self._note(reason)
        self._streams.close()
        self._outcome = Outcome(status=LOST)
        self._settle()

    def _settle(self) -> None:
        """Tell the end once everything before it has been told."""
        if self._outcome is not None and not self._turns.waiting and not self._gone.done():
            self._turns.end()
            self._gone.set_result(None)
            self._released()
            self._sink.child_exited(self._outcome.status)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        # It outlives the call that made this child, so no group of tasks could hold it.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
