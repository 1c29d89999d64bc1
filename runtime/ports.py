"""The protocols through which apply and the gateway ask the world, so that neither imports an engine or adapter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Resource limits of a child process: counts, and memory in bytes; core dumps are always off."""

    memory: int = 4 * 1024**3
    processes: int = 256
    open_files: int = 1024
    file_size: int = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How one server is started as a child process; nothing is inherited that does not stand here.

    `argv[0]` is an absolute path. `env` is the whole environment, secrets resolved: it is hidden from `repr`.
    `readable` and `writable` are absolute paths granted beside the system's own (interpreter, libraries, resolver
    files); `writable` holds the server's private scratch folder, which is its HOME and TMPDIR. `secrets` names the
    variables of `env` whose values are masked in what the child says on standard error.
    """

    server: str
    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = field(repr=False)
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


class LineSink(Protocol):
    """Who is told what a child says; called on the event loop, never concurrently."""

    def line_received(self, line: bytes) -> None:
        """Take one line of the child's standard output, without its line break."""

    def line_overrun(self, limit: int) -> None:
        """Learn that a line passed `limit` bytes; the child is being killed."""

    def child_exited(self, status: int) -> None:
        """Learn that the child is gone; the exit status is negative for a signal. Always the last call."""


class Child(Protocol):
    """A running child process."""

    @property
    def pid(self) -> int:
        """The operating system's number of the process."""

    def write(self, data: bytes) -> None:
        """Send whole lines to the child's standard input; buffered, and dropped once the child is gone."""

    async def drain(self) -> None:
        """Wait until the child has taken enough of what was written."""

    def stderr_tail(self) -> str:
        """Return the last lines (at most 64 KiB) of standard error, as printable text."""

    async def stop(self, *, grace: float = 2.0) -> None:
        """Close its input, then terminate, then kill the whole process group; returns when it is reaped."""


class Spawner(Protocol):
    """Starts children; implemented by the process engine."""

    async def spawn(self, spec: ChildSpec, sink: LineSink) -> Child:
        """Start `spec`; raises RuntimeFailure when the program cannot be run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a server answered when it was asked who it is: the protocol era and its whole tool list (all pages).

    `era` is ``modern`` (revision 2026-07-28) or ``legacy``; `revision` the negotiated one. Each of `tools` is the
    definition as it was sent, decoded.
    """

    era: str
    revision: str
    server_info: Mapping[str, Any]
    tools: Sequence[Mapping[str, Any]]


class Prober(Protocol):
    """Starts a server, shakes hands, lists its tools and stops it again."""

    async def probe(self, spec: ChildSpec, *, timeout: float) -> Probe:  # noqa: ASYNC109  (part of the question)
        """Ask `spec`; raises RuntimeFailure when it does not start or answer within `timeout` seconds."""
