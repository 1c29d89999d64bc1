"""Servers as child processes: sandboxed start, bounded reading, and an end that leaves neither orphan nor zombie."""

import asyncio
import errno
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from mcphub_gitops.compiler.plan.observed import Isolation
from mcphub_gitops.runtime.engines import landlock
from mcphub_gitops.runtime.engines.child import ProcessChild
from mcphub_gitops.runtime.engines.leader import Leader, Pipes, launch, told_by
from mcphub_gitops.runtime.engines.lines import LINE_LIMIT, Tail
from mcphub_gitops.runtime.engines.sandbox import (
    NO_PROCESSES,
    hand_over,
    isolation_of,
    order_for,
    standing_of,
)
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec, LineSink

START_TIMEOUT = 10.0
"""Seconds for the launcher to become the server; 20 ms is usual."""

_EXHAUSTED = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}
"""What passes: the machine has no process, memory or descriptor left."""

_STEPS = {
    "program": "its program cannot be run",
    "folder": "its folder cannot be entered",
    "landlock": "a path it was granted cannot be used",
    "user": "its user cannot be taken",
    "limit": "a resource limit cannot be set",
    "keeper": "no process can be made for it",
}


class ProcessEngine:
    """Starts servers as sandboxed children of this process; implements `ports.Spawner` and `ports.Assessor`.

    `realm` is the hub's lineage: it keeps equally named servers of two hubs on one machine under two users.
    `require_unprivileged` refuses a server that would have to run as root, instead of running it without
    capabilities. `line_limit` is the longest line in bytes. `landlock_abi` lowers what the kernel offers (0: none).
    `start_timeout` is in seconds.

    A start takes 20 ms, of which it holds the loop for 2.7 (measured: the order, vfork and the launcher's exec).

    Works on any loop with `add_reader`, asyncio's and uvloop alike. A loop that is closed without `stop` leaves the
    children to their keepers, which kill them when this process ends.
    """

    def __init__(
        self,
        *,
        realm: str = "",
        require_unprivileged: bool = False,
        line_limit: int = LINE_LIMIT,
        landlock_abi: int | None = None,
        start_timeout: float = START_TIMEOUT,
    ) -> None:
        available = landlock.abi_version()
        self._abi = available if landlock_abi is None else min(available, landlock_abi)
        self._realm = realm
        self._require_unprivileged = require_unprivileged
        self._line_limit = line_limit
        self._start_timeout = start_timeout

    def assess(self, spec: ChildSpec) -> Isolation:
        """Say what would hold `spec` in, and why not more, in words without a path.

        What is not there yet is judged by the folder that it will be made in. Blocking (file system); raises nothing.
        """
        if sys.platform != "linux":
            return NO_PROCESSES
        return isolation_of(standing_of(spec, self._realm), abi=self._abi)

    async def spawn(self, spec: ChildSpec, sink: LineSink) -> ProcessChild:
        """Start `spec`; returns when its program runs.

        Raises RuntimeFailure, and never calls `sink` then, when the program is missing or not executable, a granted
        path is missing, or the machine has no process or descriptor left (then retryable). A failed or cancelled
        start leaves nothing behind.
        """
        if sys.platform != "linux":
            raise RuntimeFailure(f"Server {spec.server!r} cannot run as a process here", detail="It needs Linux.")
        _refuse_zero_bytes(spec)
        standing = standing_of(spec, self._realm)
        if self._require_unprivileged and standing.uid is None and os.geteuid() == 0:
            raise RuntimeFailure(
                f"Server {spec.server!r} would run as root",
                detail=standing.detail or standing.reason,
                resolution="Move its files where other users can read them, or allow it to run as root.",
            )
        hand_over(spec, standing)
        order = order_for(spec, standing, abi=self._abi)
        with ExitStack() as stack:
            try:
                pipes = stack.enter_context(Pipes())
                leader = launch(order, pipes)
                undo = stack.enter_context(ExitStack())
                undo.callback(leader.kill)
                await self._become(spec, leader, pipes)
                child = ProcessChild(spec, sink, leader, pipes, limit=self._line_limit)
            except OSError as problem:
                raise RuntimeFailure(
                    f"Server {spec.server!r} did not start",
                    detail=str(problem.strerror),
                    retryable=problem.errno in _EXHAUSTED,
                ) from problem
            undo.pop_all()
            return child

    async def _become(self, spec: ChildSpec, leader: Leader, pipes: Pipes) -> None:
        """Wait until the launcher has become the server; otherwise nothing is left of it and RuntimeFailure tells."""
        try:
            async with asyncio.timeout(self._start_timeout):
                told = await told_by(pipes.take("status"))
        except (TimeoutError, asyncio.CancelledError) as problem:
            await _end(leader)
            if isinstance(problem, TimeoutError):
                raise RuntimeFailure(
                    f"Server {spec.server!r} did not start within {self._start_timeout:g} s", retryable=True
                ) from problem
            raise
        number, _, report = told.partition(b"\n") if told.startswith(b"+") else (b"", b"", told)
        if number and not report:
            leader.pid = int(number)
            return
        await _end(leader)
        if report:
            raise _refusal(spec, report)
        raise RuntimeFailure(
            f"Server {spec.server!r} did not start",
            detail=f"Its launcher ended with status {leader.status.result()} before it could say why.\n"
            + _said(pipes.number("stderr")),
        )


def _refuse_zero_bytes(spec: ChildSpec) -> None:
    """Refuse what execve(2) cannot pass on, naming the variable but not its value, which may be a secret."""
    names = sorted(name for name, value in spec.env.items() if "\0" in name + value or "=" in name or not name)
    if names or any("\0" in text for text in (*spec.argv, spec.cwd)):
        what = f"the variable {names[0]!r}" if names else "its command"
        raise RuntimeFailure(
            f"Server {spec.server!r} did not start",
            detail=f"{what[0].upper()}{what[1:]} cannot be passed to a program: it has a zero byte, or no proper name.",
            resolution="Correct the value; binary secrets are best handed over as files.",
        )


async def _end(leader: Leader) -> None:
    leader.kill()
    await asyncio.shield(leader.status)


def _said(descriptor: int) -> str:
    """Return what stands in a pipe that nobody writes to any more."""
    os.set_blocking(descriptor, False)
    tail = Tail()
    try:
        tail.feed(os.read(descriptor, 4096))
    except BlockingIOError:
        return ""
    return tail.text().strip()


def _refusal(spec: ChildSpec, report: bytes) -> RuntimeFailure:
    step, number, subject = report.decode(errors="replace").split("\0")
    why = _STEPS.get(step, f"the kernel refused {step}")
    reason = os.strerror(int(number))
    detail = f"{why[0].upper()}{why[1:]}: " + (f"{subject}: {reason}" if subject else reason)
    resolution = ""
    if step == "program" and Path(spec.argv[0]).is_file():
        resolution = "The file exists: look at its mode, and at the interpreter that its first line names."
    retryable = step in {"keeper", "program"} and int(number) in _EXHAUSTED
    return RuntimeFailure(
        f"Server {spec.server!r} did not start", detail=detail, resolution=resolution, retryable=retryable
    )
