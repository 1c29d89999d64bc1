"""The protocols through which apply and the gateway ask the world, so that neither imports an engine or adapter."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from mcphub_gitops.compiler.approval import MergedChange
from mcphub_gitops.compiler.lock.offers import NOTHING, OffersAnswer
from mcphub_gitops.compiler.lock.questions import ImageAnswer, ImageQuestion, PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.plan.container import Contained
from mcphub_gitops.compiler.plan.desired import Environment
from mcphub_gitops.compiler.plan.observed import Isolation, SeenContainer
from mcphub_gitops.compiler.resolve.model import Transport
from mcphub_gitops.runtime.events import Event
from mcphub_gitops.runtime.failure import RuntimeFailure


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """What a container sees at `target`: a file or folder of the host (`source` is absolute), or a named volume."""

    kind: Literal["bind", "volume"]
    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """How one server runs as a container; what does not stand here is the hardened baseline, see `engines.docker`.

    `name` is the container's, `image` a reference by digest. `entrypoint` and `command` are empty where the image's own
    are used. `env` is what is set beside the image's own, secrets resolved: it is hidden from `repr`. `tmpfs` maps a
    target to its options; `memory` is in bytes, `cpus` in billionths of a processor. `secrets` names the variables of
    `env` whose values are masked in what the server says on standard error. A container that is not `lasting` is
    removed when it is stopped.
    """

    server: str
    name: str
    image: str
    env: Mapping[str, str] = field(repr=False)
    labels: Mapping[str, str]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = "65532:65532"
    network: Literal["none", "bridge", "host"] = "none"
    mounts: tuple[Mount, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    privileged: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    read_only: bool = True
    memory: int = 512 * 1024**2
    pids: int = 128
    cpus: int = 1_000_000_000
    secrets: tuple[str, ...] = ()
    lasting: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSpec:
    """A server that others run, reached over HTTP; `headers` hold secrets and are hidden from `repr`.

    `private` allows addresses that are not public, and plain HTTP to them. `transport` is how it is spoken to: ``sse``
    is HTTP with SSE of the revision 2024-11-05.
    """

    server: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    private: bool = False
    transport: Transport = "streamable-http"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedFolder:
    """A folder, or a file, of the host below which a call may name what it mounts: `path` is absolute and has no links.

    With `as_named`, it holds what is sensitive and a hub has granted it all the same, with what lies below.
    """

    path: str
    writable: bool = False
    as_named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSpec:
    """What one call of a tool runs: `container` is what all its calls have in common, and lacks a command.

    `command` and `volumes` are templates over the call's arguments (`compiler.resolve.call`). `definition` is that of
    the tool, as JSON. The name of the container is what the names of all its calls begin with.
    """

    container: ContainerSpec
    command: tuple[str, ...]
    volumes: tuple[str, ...]
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsSpec:
    """A server whose tools are containers by themselves, by the tool's own name: there is nothing to be started.

    `root` is the hub's folder, absolute and without links.
    """

    server: str
    tools: Mapping[str, CallSpec]
    granted: tuple[GrantedFolder, ...] = ()
    root: str = ""


Spec: TypeAlias = ChildSpec | ContainerSpec | RemoteSpec | ToolsSpec

S_contra = TypeVar("S_contra", bound=ChildSpec | ContainerSpec | RemoteSpec | ToolsSpec, contravariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What is applied of one server: its specification without the secrets, and where their values are.

    `secrets` maps a variable to a reference such as ``env://NAME``, `stores` has the facts of the stores that those are
    in. `files` are the digests of its code and of the programs that read its secrets, below the hub's folder; `code` is
    the folder that holds nothing but code (or the one file, or empty).
    """

    spec: Spec
    secrets: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    stores: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def filled(self, values: Mapping[str, str]) -> Spec:
        """Return the specification with the `values` of its secrets, by variable.

        They become variables of the environment, or headers of a remote server. Tools that are containers have none.
        """
        if isinstance(self.spec, ToolsSpec):
            return self.spec
        if isinstance(self.spec, RemoteSpec):
            return replace(self.spec, headers={**self.spec.headers, **values})
        return replace(self.spec, env={**self.spec.env, **values}, secrets=tuple(self.secrets))


class Secrets(Protocol):
    """Reads secret values; the only place where they enter."""

    def fetch(
        self,
        references: Collection[str],
        *,
        stores: Mapping[str, Mapping[str, str]],
        programs: Mapping[str, str],
    ) -> Mapping[str, str | RuntimeFailure]:
        """Return the value behind each of `references`, none of them composed, or why there is none.

        `stores` has the facts of the stores that they name, `programs` the digests of the files that they run. A
        failure names the reference, never a value. Each store is entered once. Blocking, thread-safe.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that can be started: an absolute path, and the absolute paths it must be able to read and run.

    `arguments` come before those of the server: the script, where the program is its interpreter.
    """

    path: str
    readable: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


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

    def contained(self, environment: Environment) -> Contained:
        """Return how a container runs `environment`, which has a target; raises RuntimeFailure as `program` does."""

    def remove(self, digest: str) -> None:
        """Remove an environment; nothing happens when there is none."""


class ProgramFinder(Protocol):
    """Finds the program that the first word of a command means on this machine."""

    def __call__(self, name: str, *, cwd: str, server: str) -> Program:
        """Return the program for `name`; raises RuntimeFailure when there is none."""


class Registries(Protocol):
    """Image registries, asked without an engine and without fetching an image."""

    def resolve(self, question: ImageQuestion) -> ImageAnswer:
        """Find an image; raises RuntimeFailure when the registry cannot be reached or refuses. Blocking."""


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
    """A running server: a child process, a container, or the way to a server that others run."""

    def write(self, data: bytes) -> None:
        """Send whole lines to the child's standard input; buffered, and dropped once the child is gone."""

    async def drain(self) -> None:
        """Wait until the child has taken enough of what was written."""

    def stderr_tail(self) -> str:
        """Return the last lines (at most 64 KiB) of standard error, as printable text."""

    async def stop(self, *, grace: float = 2.0) -> None:
        """Close its input, then terminate it, then kill it and all that it started; returns when it is reaped."""

    async def leave(self) -> None:
        """Let go of it: a container goes on running and is heard no more, anything else is stopped."""


class Spawner(Protocol[S_contra]):
    """Starts servers of one kind, or finds those that run; implemented by the engines."""

    async def spawn(self, spec: S_contra, sink: LineSink) -> Child:
        """Start or reach `spec`; raises RuntimeFailure when that is not possible."""


AnySpawner: TypeAlias = Spawner[Any]
"""What starts whatever a generation holds: one engine, or several behind `composition`."""


class Containers(Protocol):
    """Containers on an engine; nothing without the labels of their owner is ever touched."""

    def socket(self) -> str:
        """Return the path of the engine's socket; raises RuntimeFailure when there can be none."""

    async def observe(self, labels: Mapping[str, str], specs: Sequence[ContainerSpec]) -> tuple[SeenContainer, ...]:
        """Return every container with all of `labels`, and every other one that has the name of one of `specs`.

        Those that are named like one of `specs` are compared with it, all but the values of its secrets. What somebody
        is just asking for its tools is left out. Changes nothing. Raises RuntimeFailure that names the socket when the
        engine cannot be reached.
        """

    async def present(self, images: Sequence[str]) -> frozenset[str]:
        """Return those of `images`, references by digest, that the engine has."""

    async def pull(self, image: str, tell: Callable[[int, int], None]) -> None:
        """Fetch `image`, a reference by digest; `tell` gets bytes done and bytes known. Raises RuntimeFailure."""

    async def create(self, spec: ContainerSpec) -> None:
        """Make the container of `spec`, not started.

        One of ours of the same name that runs goes on, set aside as `aside_name` says; any other is removed first.
        Raises RuntimeFailure when an object that is not ours has the name, or the image is not there.
        """

    async def restore(self, name: str, labels: Mapping[str, str]) -> bool:
        """Give what was set aside for `name` its name back, in the place of what has it; return whether there was any.

        Nothing without all of `labels` is touched.
        """

    async def remove(self, name: str, labels: Mapping[str, str], *, patience: float = 0.0) -> None:
        """End and remove the container `name` if it has all of `labels`; nothing happens when there is none.

        Whoever speaks to it gets `patience` seconds to end that.
        """

    def logs(self, name: str, *, follow: bool, tail: int) -> AsyncIterator[bytes]:
        """Yield what the container `name` wrote on standard error, line by line, the last `tail` lines first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a server answered when it was asked who it is: the protocol era and its whole tool list (all pages).

    `era` is ``modern`` (revision 2026-07-28) or ``legacy``; `revision` the negotiated one. Each of `tools` is the
    definition as it was sent, decoded. `offers` is what it offers beside them.
    """

    era: str
    revision: str
    server_info: Mapping[str, Any]
    tools: Sequence[Mapping[str, Any]]
    offers: OffersAnswer = NOTHING


class Prober(Protocol):
    """Starts a server, shakes hands, lists its tools and stops it again."""

    async def probe(self, spec: Spec, *, timeout: float) -> Probe:  # noqa: ASYNC109  (part of the question)
        """Ask `spec`; raises RuntimeFailure when it does not start or answer within `timeout` seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutComment:
    """Where the one comment on a change is, in words or as a URL, and what became of it; empty where there is none."""

    address: str
    action: Literal["written", "updated", "unchanged", "none"]


class Forge(Protocol):
    """Where a repository is hosted, and changes to it are reviewed. All of it raises RuntimeFailure, and blocks."""

    def put_comment(self, number: int, marker: str, text: str, *, is_news: bool) -> PutComment:
        """Make `text`, which begins with `marker`, the one comment of ours on a change: others' are left alone.

        Unless it `is_news`, none is written where there is none yet.
        """

    def find_merged(self, commit: str) -> MergedChange | None:
        """Return the change whose merge made `commit`, with what was said of it; None where it is no merge."""
