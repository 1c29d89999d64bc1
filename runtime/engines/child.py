"""A running server as the gateway sees it: its lines in turns, its standard error kept in mind, its end told once."""

import asyncio

from mcphub_gitops.runtime.engines.leader import Leader, Pipes
from mcphub_gitops.runtime.engines.lines import Tail
from mcphub_gitops.runtime.engines.pipes import Inlet, Outlet
from mcphub_gitops.runtime.engines.turns import FLOOD, FLOOD_PAUSE, Turns
from mcphub_gitops.runtime.ports import ChildSpec, LineSink

_MUTE = 2.0
"""Seconds that a server may go on after it has closed its standard output; nothing can come from it any more."""


class ProcessChild:
    """A running server; see `ports.Child`. Lines come as they are between line feeds, the last one even without.

    Every method is to be called on the loop that started it.
    """

    def __init__(self, spec: ChildSpec, sink: LineSink, leader: Leader, pipes: Pipes, *, limit: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._sink = sink
        self._leader = leader
        self._secrets = tuple(spec.env[name] for name in spec.secrets if name in spec.env)
        self._turns = Turns(sink, limit, after=self._after_turn, may_tell=self._may_tell)
        self._tail = Tail()
        self._flood = 0
        self._held = False
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._input = Outlet(self._loop, pipes.take("stdin"))
        self._output = Inlet(self._loop, pipes.take("stdout"), on_chunk=self._heard, on_end=self._output_ended)
        self._errors = Inlet(self._loop, pipes.take("stderr"), on_chunk=self._complained, on_end=self._settle)
        leader.status.add_done_callback(self._left)
        self._output.resume()
        self._errors.resume()

    @property
    def pid(self) -> int:
        """The operating system's number of the process, which is also its group's and its session's."""
        return self._leader.pid

    def write(self, data: bytes) -> None:
        """Send whole lines; what is written in one turn of the loop goes out in one system call."""
        self._input.write(data)

    async def drain(self) -> None:
        """Wait while more than 256 KiB are queued for the child; returns at once when it is gone."""
        await self._input.drain()

    def stderr_tail(self) -> str:
        """Return the last lines (at most 64 KiB) of standard error, printable, with the spec's secrets masked."""
        return self._tail.text(self._secrets)

    def pause_reading(self) -> None:
        """Hand over no more lines until `resume_reading`; the child has to wait once its pipe is full.

        A child that ends meanwhile still delivers what is left (at most what a pipe holds, and one line).
        """
        self._held = True
        self._output.pause()

    def resume_reading(self) -> None:
        """Hand over lines again, from the next turn of the loop on."""
        self._held = False
        self._turns.plan()

    async def stop(self, *, grace: float = 2.0) -> None:
        """End the child: its input is closed; after half of `grace` seconds SIGTERM, after the rest SIGKILL.

        SIGTERM goes to the process group; SIGKILL, like any end, to everything that the child has started. Returns
        when `child_exited` has been called; may be awaited by several at once. A cancelled stop kills at once.
        """
        self._input.finish()
        try:
            if await self._ends_within(grace / 2):
                return
            self._leader.terminate()
            if await self._ends_within(grace / 2):
                return
        finally:
            self._leader.kill()
        await asyncio.shield(self._gone)

    async def leave(self) -> None:
        """Stop the child: nobody else could speak to it."""
        await self.stop()

    async def _ends_within(self, seconds: float) -> bool:
        await asyncio.wait((self._gone,), timeout=seconds)
        return self._gone.done()

    def _heard(self, chunk: bytes) -> None:
        self._turns.feed(chunk)
        if self._turns.overrun:
            self._output.pause()
        if self._leader.status.done():
            self._turns.plan()
        else:
            self._turns.take()

    def _output_ended(self) -> None:
        self._turns.finish()
        if not self._leader.status.done():
            self._input.finish()
            self._loop.call_later(_MUTE, self._leader.kill)
        self._turns.plan()

    def _may_tell(self) -> bool:
        return not self._held or self._leader.status.done()

    def _after_turn(self) -> None:
        if self._turns.waiting:
            self._output.pause()
            if self._may_tell():
                self._turns.plan()
        elif self._turns.overrun:
            self._turns.tell_overrun(self._leader.kill)
        elif self._may_tell():
            self._output.resume()
        self._settle()

    def _complained(self, chunk: bytes) -> None:
        self._tail.feed(chunk)
        self._flood += len(chunk)
        if self._flood > FLOOD and not self._leader.status.done():
            self._flood = 0
            self._errors.pause()
            self._loop.call_later(FLOOD_PAUSE, self._errors.resume)

    def _left(self, _status: asyncio.Future[int]) -> None:
        """Take what the child left in its pipes: nobody is there any more to write to them."""
        self._input.close()
        self._errors.exhaust()
        self._output.exhaust()
        self._turns.plan()

    def _settle(self) -> None:
        """Tell the end once everything before it has been told."""
        over = self._leader.status.done() and self._output.closed and self._errors.closed
        if over and not self._turns.waiting and not self._gone.done():
            self._turns.end()
            self._gone.set_result(None)
            self._sink.child_exited(self._leader.status.result())
