"""The start of a server through the launcher, and the hold on it from then on: descriptors, signals, its end."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

from mcphub_gitops.runtime.engines.pipes import Inlet

_LAUNCHER = str(Path(__file__).with_name("launcher.py"))

_TERMINATE, _KILL = b"t", b"k"

_KEEPER_PATIENCE = 10.0
"""Seconds after which a keeper that was told to kill is killed itself; it gives up after 5 of its own accord."""

_STATUS_SIZE = 16


class Pipes:
    """The descriptors of one start, closed together unless taken over."""

    def __init__(self) -> None:
        self._owned: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._owned.values():
            os.close(descriptor)
        self._owned.clear()

    def open(self, name: str, *, child_reads: bool = False) -> None:
        """Make a pipe: `name` is the gateway's end, ``child NAME`` the other; raises OSError."""
        reading, writing = os.pipe()
        self._owned[f"child {name}" if child_reads else name] = reading
        self._owned[name if child_reads else f"child {name}"] = writing

    def connect(self, name: str) -> None:
        """Make a pair of sockets, named alike; raises OSError."""
        ours, theirs = socket.socketpair()
        self._owned[name], self._owned[f"child {name}"] = ours.detach(), theirs.detach()

    def hold(self, name: str, content: bytes) -> None:
        """Make a memory file with `content`, ready to be read from its start; raises OSError."""
        self._owned[name] = descriptor = os.memfd_create(name)
        with open(descriptor, "wb", closefd=False) as stream:
            stream.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)

    def number(self, name: str) -> int:
        """Return a descriptor that stays owned here."""
        return self._owned[name]

    def take(self, name: str) -> int:
        """Return a descriptor that the caller closes from now on."""
        return self._owned.pop(name)

    def close_child_ends(self) -> None:
        """Close what only the child is to have, so that its end is seen as the end of the pipes."""
        for name in [name for name in self._owned if name.startswith("child ")]:
            os.close(self._owned.pop(name))


class Leader:
    """A server's first process, held through its keeper (`launcher`), which ends when nothing of the server is left.

    The keeper is watched by a file descriptor of its own (pidfd_open(2), Linux 5.3), which is the same for every
    loop. `pid` is the server's number, 0 until it runs. `status` is its exit status, negative for a signal.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, keeper: subprocess.Popen[bytes], control: int) -> None:
        os.set_blocking(control, False)
        self._loop = loop
        self._keeper = keeper
        self._control = control
        self._last_resort: asyncio.TimerHandle | None = None
        self.pid = 0
        self.status: asyncio.Future[int] = loop.create_future()
        self._watch = os.pidfd_open(keeper.pid)
        loop.add_reader(self._watch, self._ended)

    def terminate(self) -> None:
        """Send SIGTERM to the server's process group, unless it has ended."""
        self._tell(_TERMINATE)

    def kill(self) -> None:
        """Kill the server and all that it started, unless it has ended; `status` tells when it is done."""
        self._tell(_KILL)
        if self._last_resort is None and not self.status.done():
            self._last_resort = self._loop.call_later(_KEEPER_PATIENCE, self._keeper.kill)

    def _tell(self, word: bytes) -> None:
        if not self.status.done():
            # It may be about to end, or to be stopped with its buffer full: the last resort is for that.
            with suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                os.write(self._control, word)

    def _ended(self) -> None:
        self._loop.remove_reader(self._watch)
        os.close(self._watch)
        if self._last_resort is not None:
            self._last_resort.cancel()
        # Popen keeps its own book of children; its wait() reaps and is immediate here.
        self._keeper.wait()
        self.status.set_result(self._last_word())

    def _last_word(self) -> int:
        try:
            told = os.read(self._control, _STATUS_SIZE)
        except OSError:
            told = b""
        os.close(self._control)
        if told:
            return os.waitstatus_to_exitcode(int(told))
        # The keeper itself was killed, and the server with it (PR_SET_PDEATHSIG); its group may still be there.
        if self.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        return -signal.SIGKILL


def launch(order: bytes, pipes: Pipes) -> Leader:
    """Start the launcher with `order`; its ends of `pipes` are ``stdin``, ``stdout``, ``stderr`` and ``status``.

    Raises OSError when the machine has no process or descriptor left; nothing is left behind then.
    """
    pipes.open("stdin", child_reads=True)
    pipes.open("stdout")
    pipes.open("stderr")
    pipes.open("status")
    pipes.connect("control")
    pipes.hold("child order", order)
    inherited = [pipes.number(f"child {name}") for name in ("order", "status", "control")]
    keeper = subprocess.Popen(  # noqa: S603  (the launcher, by absolute path; the order is data)
        [sys.executable, "-I", "-S", _LAUNCHER, *map(str, inherited), str(os.getpid())],
        stdin=pipes.number("child stdin"),
        stdout=pipes.number("child stdout"),
        stderr=pipes.number("child stderr"),
        pass_fds=inherited,
        env={},
        cwd="/",
        start_new_session=True,
    )
    pipes.close_child_ends()
    try:
        leader = Leader(asyncio.get_running_loop(), keeper, pipes.number("control"))
    except OSError:
        keeper.kill()
        keeper.wait()
        raise
    pipes.take("control")
    return leader


async def told_by(descriptor: int) -> bytes:
    """Return all that is written to the pipe `descriptor` until its end, and close it, also when cancelled."""
    loop = asyncio.get_running_loop()
    told = bytearray()
    ended: asyncio.Future[None] = loop.create_future()
    inlet = Inlet(loop, descriptor, on_chunk=told.extend, on_end=lambda: ended.set_result(None))
    inlet.resume()
    try:
        await ended
    finally:
        inlet.close()
    return bytes(told)
