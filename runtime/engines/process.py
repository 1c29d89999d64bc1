"""Servers as child processes: sandboxed start, bounded reading, and an end that leaves neither orphan nor zombie."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from mcphub_gitops.runtime.engines import landlock
from mcphub_gitops.runtime.engines.lines import LINE_LIMIT, LineSplitter, Tail
from mcphub_gitops.runtime.engines.pipes import Inlet, Outlet
from mcphub_gitops.runtime.engines.sandbox import (
    Isolation,
    Standing,
    hand_over,
    isolation_of,
    order_for,
    standing_of,
)
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec, LineSink

_LAUNCHER = str(Path(__file__).with_name("launcher.py"))

START_TIMEOUT = 10.0
"""Seconds for the launcher to become the server; 17 ms is usual."""

_LINES_A_TURN = 256
"""Lines handed over before the loop gets its turn, so that one talkative server does not hold up the others."""

_LINGER = 0.5
"""Seconds that the pipes of a dead child may stay open (a descendant that left its group holds them)."""

_FLOOD = 4 * 1024**2
_FLOOD_PAUSE = 0.05
"""Standard error is read at 80 MiB a second at most: a flood then costs 4 % of a core and blocks only who writes it."""

_STEPS = {
    "program": "its program cannot be run",
    "folder": "its folder cannot be entered",
    "landlock": "a path it was granted cannot be used",
    "user": "its user cannot be taken",
    "limit": "a resource limit cannot be set",
}


class _Leader:
    """The process group's first process, watched by a file descriptor of its own (pidfd_open(2), Linux 5.3).

    The group is killed while the dead leader is still a zombie: its number cannot belong to anyone else by then, and
    whatever it started is gone before its exit is told.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, process: subprocess.Popen[bytes]) -> None:
        self._loop = loop
        self._process = process
        self._watch = os.pidfd_open(process.pid)
        self.pid = process.pid
        self.status: asyncio.Future[int] = loop.create_future()
        loop.add_reader(self._watch, self._ended)

    def signal_group(self, number: int) -> None:
        """Send a signal to the group, unless its leader has been reaped."""
        if not self.status.done():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def _ended(self) -> None:
        self._loop.remove_reader(self._watch)
        os.close(self._watch)
        self.signal_group(signal.SIGKILL)
        # Popen keeps its own book of children; its wait() reaps and is immediate here.
        self.status.set_result(self._process.wait())


class ProcessChild:
    """A running server; see `ports.Child`. Lines come as they are between line feeds, the last one even without."""

    def __init__(self, spec: ChildSpec, sink: LineSink, leader: _Leader, pipes: "_Pipes", *, limit: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._sink = sink
        self._leader = leader
        self._secrets = tuple(spec.env[name] for name in spec.secrets if name in spec.env)
        self._splitter = LineSplitter(limit)
        self._lines: deque[bytes] = deque()
        self._tail = Tail()
        self._flood = 0
        self._held = False
        self._turn_due = False
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._input = Outlet(self._loop, pipes.take("stdin"))
        self._output = Inlet(self._loop, pipes.take("stdout"), on_chunk=self._heard, on_end=self._output_ended)
        self._errors = Inlet(self._loop, pipes.take("stderr"), on_chunk=self._complained, on_end=self._settle)
        self._output.resume()
        self._errors.resume()
        leader.status.add_done_callback(self._left)

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

        A child that ends meanwhile still delivers what is left (at most a pipe's 64 KiB and one line).
        """
        self._held = True
        self._output.pause()

    def resume_reading(self) -> None:
        """Hand over lines again, from the next turn of the loop on."""
        self._held = False
        self._plan_turn()

    async def stop(self, *, grace: float = 2.0) -> None:
        """End the child: its input is closed; after half of `grace` seconds SIGTERM, after the rest SIGKILL.

        Both signals go to the whole process group. Returns when `child_exited` has been called; may be awaited by
        several at once. A cancelled stop kills at once.
        """
        self._input.finish()
        try:
            if await self._ends_within(grace / 2):
                return
            self._leader.signal_group(signal.SIGTERM)
            if await self._ends_within(grace / 2):
                return
        finally:
            self._leader.signal_group(signal.SIGKILL)
        await asyncio.shield(self._gone)

    async def _ends_within(self, seconds: float) -> bool:
        await asyncio.wait((self._gone,), timeout=seconds)
        return self._gone.done()

    def _heard(self, chunk: bytes) -> None:
        self._lines.extend(self._splitter.feed(chunk))
        if self._splitter.overrun:
            self._output.pause()
        self._turn()

    def _output_ended(self) -> None:
        rest = self._splitter.rest()
        if rest:
            self._lines.append(rest)
        self._turn()

    def _turn(self) -> None:
        """Hand over some lines, then leave the loop to others before the next ones are read."""
        self._turn_due = False
        count = 0
        try:
            while self._lines and count < _LINES_A_TURN and (not self._held or self._leader.status.done()):
                count += 1
                self._sink.line_received(self._lines.popleft())
        finally:
            self._after_turn()

    def _after_turn(self) -> None:
        if self._lines:
            self._output.pause()
            if not self._held or self._leader.status.done():
                self._plan_turn()
        elif self._splitter.overrun:
            self._overran()
        elif not self._held or self._leader.status.done():
            self._output.resume()
        self._settle()

    def _plan_turn(self) -> None:
        if not self._turn_due and not self._gone.done():
            self._turn_due = True
            self._loop.call_soon(self._turn)

    def _overran(self) -> None:
        if not self._output.closed:
            self._output.close()
            self._leader.signal_group(signal.SIGKILL)
            self._sink.line_overrun(self._splitter.limit)

    def _complained(self, chunk: bytes) -> None:
        self._tail.feed(chunk)
        self._flood += len(chunk)
        if self._flood > _FLOOD:
            self._flood = 0
            self._errors.pause()
            self._loop.call_later(_FLOOD_PAUSE, self._errors.resume)

    def _left(self, _status: asyncio.Future[int]) -> None:
        self._input.close()
        self._loop.call_later(_LINGER, self._close)
        self._plan_turn()

    def _close(self) -> None:
        self._errors.close()
        if not self._output.closed:
            self._output.close()
            self._output_ended()
        self._settle()

    def _settle(self) -> None:
        """Tell the end once everything before it has been told."""
        over = self._leader.status.done() and self._output.closed and self._errors.closed
        if over and not self._lines and not self._gone.done():
            self._gone.set_result(None)
            self._sink.child_exited(self._leader.status.result())


class _Pipes:
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
        """Make a pipe: `name` is the gateway's end, ``child NAME`` the other."""
        reading, writing = os.pipe()
        self._owned[f"child {name}" if child_reads else name] = reading
        self._owned[name if child_reads else f"child {name}"] = writing

    def hold(self, name: str, content: bytes) -> None:
        """Make a memory file with `content`, ready to be read from its start."""
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


class ProcessEngine:
    """Starts servers as sandboxed children of this process; implements `ports.Spawner`.

    `realm` is the hub's lineage: it keeps equally named servers of two hubs on one machine under two users.
    `require_unprivileged` refuses a server that would have to run as root, instead of running it without
    capabilities. `line_limit` is the longest line in bytes. `landlock_abi` lowers what the kernel offers (0: none).

    Children die with the *thread* that started them (prctl(2), PR_SET_PDEATHSIG): the loop must run in a thread that
    lasts, best the main one. A start holds the loop for 1.2 ms (measured: vfork and the launcher's exec).
    """

    def __init__(
        self,
        *,
        realm: str = "",
        require_unprivileged: bool = False,
        line_limit: int = LINE_LIMIT,
        landlock_abi: int | None = None,
    ) -> None:
        available = landlock.abi_version()
        self._abi = available if landlock_abi is None else min(available, landlock_abi)
        self._realm = realm
        self._require_unprivileged = require_unprivileged
        self._line_limit = line_limit

    def assess(self, spec: ChildSpec) -> Isolation:
        """Say what would hold `spec` in, and why not more: for people, as it can name paths of this machine."""
        return isolation_of(standing_of(spec, self._realm), abi=self._abi)

    async def spawn(self, spec: ChildSpec, sink: LineSink) -> ProcessChild:
        """Start `spec`; returns when its program runs.

        Raises RuntimeFailure, and never calls `sink` then, when the program is missing or not executable, a granted
        path is missing, or the machine has no process or descriptor left (then retryable).
        """
        if sys.platform != "linux":
            raise RuntimeFailure(f"Server {spec.server!r} cannot run as a process here", detail="It needs Linux.")
        standing = standing_of(spec, self._realm)
        if self._require_unprivileged and standing.uid is None and os.geteuid() == 0:
            raise RuntimeFailure(
                f"Server {spec.server!r} would run as root",
                detail=standing.reason,
                resolution="Move its files where other users can read them, or allow it to run as root.",
            )
        hand_over(spec, standing)
        with ExitStack() as stack:
            try:
                pipes = stack.enter_context(_Pipes())
                leader = self._launch(spec, standing, pipes)
            except OSError as problem:
                raise RuntimeFailure(
                    f"Server {spec.server!r} did not start", detail=str(problem.strerror), retryable=True
                ) from problem
            await _become(spec, leader, pipes.take("status"))
            return ProcessChild(spec, sink, leader, pipes, limit=self._line_limit)

    def _launch(self, spec: ChildSpec, standing: Standing, pipes: _Pipes) -> _Leader:
        pipes.open("stdin", child_reads=True)
        pipes.open("stdout")
        pipes.open("stderr")
        pipes.open("status")
        pipes.hold("child order", order_for(spec, standing, abi=self._abi, parent=os.getpid()))
        inherited = (pipes.number("child order"), pipes.number("child status"))
        process = subprocess.Popen(  # noqa: S603  (the launcher, by absolute path; the order is data)
            [sys.executable, "-I", "-S", _LAUNCHER, *map(str, inherited)],
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
            return _Leader(asyncio.get_running_loop(), process)
        except OSError:
            process.kill()
            process.wait()
            raise


async def _become(spec: ChildSpec, leader: _Leader, descriptor: int) -> None:
    """Wait until the launcher has become the server; kills it and raises RuntimeFailure when it cannot."""
    loop = asyncio.get_running_loop()
    told = bytearray()
    ended: asyncio.Future[None] = loop.create_future()
    inlet = Inlet(loop, descriptor, on_chunk=told.extend, on_end=_resolver(ended))
    inlet.resume()
    try:
        async with asyncio.timeout(START_TIMEOUT):
            await ended
    except TimeoutError as problem:
        leader.signal_group(signal.SIGKILL)
        raise RuntimeFailure(
            f"Server {spec.server!r} did not start within {START_TIMEOUT:g} s", retryable=True
        ) from problem
    except asyncio.CancelledError:
        leader.signal_group(signal.SIGKILL)
        raise
    finally:
        inlet.close()
    if bytes(told) != b"+":
        leader.signal_group(signal.SIGKILL)
        await asyncio.shield(leader.status)
        raise _refusal(spec, bytes(told).removeprefix(b"+"), leader.status.result())


def _resolver(future: asyncio.Future[None]) -> Callable[[], None]:
    def resolve() -> None:
        if not future.done():
            future.set_result(None)

    return resolve


def _refusal(spec: ChildSpec, report: bytes, status: int) -> RuntimeFailure:
    brief = f"Server {spec.server!r} did not start"
    if not report:
        return RuntimeFailure(brief, detail=f"Its launcher ended with status {status} before it could say why.")
    step, errno, subject = report.decode(errors="replace").split("\0")
    why = _STEPS.get(step, f"the kernel refused {step}")
    detail = f"{why[0].upper()}{why[1:]}: {subject}: {os.strerror(int(errno))}".replace(": :", ":")
    resolution = ""
    if step == "program" and Path(spec.argv[0]).is_file():
        resolution = "The file exists: look at its mode, and at the interpreter that its first line names."
    return RuntimeFailure(brief, detail=detail, resolution=resolution)
