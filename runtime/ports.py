"""The protocols through which apply and the gateway ask the world, so that neither imports an engine or adapter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from mcphub_gitops.compiler.lock.questions import PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.compiler.plan.observed import Isolation
from mcphub_gitops.runtime.events import Event


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
    files); `writable` holds the server's private scratch folder, which is its HOME and TMPDIR. `hidden` are absolute
    paths that stay shut even where they lie inside a readable folder. `secrets` names the variables of `env` whose
    values are masked in what the child says on standard error.
    """

    server: str
    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = field(repr=False)
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


class Launchable(Protocol):
    """What is applied of one server: its child specification with secret references where the values will be."""

    @property
    def name(self) -> str:
        """The server's name."""

    @property
    def argv(self) -> tuple[str, ...]:
        """Program (an absolute path) and arguments."""

    @property
    def cwd(self) -> str:
        """The working folder, absolute."""

    @property
    def env(self) -> Mapping[str, str]:
        """The environment without the secrets."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """Secret references by variable, such as ``env://NAME``."""

    @property
    def readable(self) -> tuple[str, ...]:
        """Absolute paths."""

    @property
    def writable(self) -> tuple[str, ...]:
        """Absolute paths."""

    @property
    def hidden(self) -> tuple[str, ...]:
        """Absolute paths."""


def spec_of(launch: Launchable, secrets: Mapping[str, str]) -> ChildSpec:
    """Return what is started for `launch`; `secrets` are the values behind its references, by variable."""
    return ChildSpec(
        server=launch.name,
        argv=launch.argv,
        cwd=launch.cwd,
        env={**launch.env, **secrets},
        readable=launch.readable,
        writable=launch.writable,
        hidden=launch.hidden,
        secrets=tuple(launch.secrets),
    )


class Secrets(Protocol):
    """Reads secret values; the only place where they enter."""

    def resolve(self, reference: str) -> str:
        """Return the value behind `reference`; raises RuntimeFailure that names the reference, never a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that can be started: an absolute path, and the absolute paths it must be able to read and run."""

    path: str
    readable: tuple[str, ...] = ()


class Packages(Protocol):
    """Package environments, each in a folder named by the digest of its locked requirements."""

    def resolve(self, question: PackageQuestion) -> PackageAnswer:
        """Ask the package index; raises RuntimeFailure when it cannot be reached. Blocking."""

    def install(self, environment: Environment) -> None:
        """Install from the locked hashes, whole or not at all; raises RuntimeFailure. Blocking, thread-safe."""

    def installed(self, *, deep: bool = False) -> frozenset[str]:
        """Return the digests of the environments that are whole; `deep` compares every file with its hash."""

    def program(self, environment: Environment) -> Program:
        """Return the program of an installed environment; raises RuntimeFailure when there is none, or several."""

    def place(self, environment: Environment) -> Program:
        """Return where the program of `environment` is, or will be once it is installed; raises nothing."""

    def remove(self, digest: str) -> None:
        """Remove an environment; nothing happens when there is none."""


class ProgramFinder(Protocol):
    """Finds the program that the first word of a command means on this machine."""

    def __call__(self, name: str, *, cwd: str, server: str) -> Program:
        """Return the program for `name`; raises RuntimeFailure when there is none."""


class Assessor(Protocol):
    """Tells what holds a child in, before it is started."""

    def __call__(self, spec: ChildSpec) -> Isolation:
        """Return what this machine gives to `spec`, whose files need not be there yet."""


class Reporter(Protocol):
    """Is told what is under way; the command line shows it, and by default nobody listens."""

    def report(self, event: Event) -> None:
        """Learn of `event`; called from one thread at a time."""


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
        """Close its input, then terminate it, then kill it and all that it started; returns when it is reaped."""


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
