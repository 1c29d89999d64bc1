"""The container that a server is to run in: one value that `apply`, drift and `compose.yaml` are all made of."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.plan.observed import Isolation
from mcphub_gitops.compiler.resolve.confinement import Confinement, Mount, Network, has_root_group, is_root
from mcphub_gitops.compiler.resolve.image import ImageReference

HUB_LABEL = "io.mcphub.hub"
LINEAGE_LABEL = "io.mcphub.lineage"
SERVER_LABEL = "io.mcphub.server"
SPEC_LABEL = "io.mcphub.spec"
"""What a container carries to be known as ours: whose it is, of which installation, and what it was made from."""

_NO_FILES: Mapping[str, str] = MappingProxyType({})
QUESTION: Mapping[str, str] = MappingProxyType({"io.mcphub.role": "question"})
"""What a container carries beside, that is only asked something and serves nobody."""

CALL: Mapping[str, str] = MappingProxyType({"io.mcphub.role": "call"})
"""What the container of one call carries beside: it is gone when the call has ended, however that comes."""

SECRETS_FOLDER = "/run/secrets"
PACKAGE_FOLDER = "/mcphub/package"
"""Where a container finds the environment of its package, if it has one."""

TMPFS: Mapping[str, str] = MappingProxyType({"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"})  # noqa: S108  (in the container)
HOME = "/tmp"  # noqa: S108  (in the container: the one place that any user may write to)

_SHORT = 12
_BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """How a server is held in its container.

    `image` is a reference by digest, `tagged` the same with its tag, as the hub names it (empty where that has none).
    `secret_files` maps a secret's name to its reference. Memory in bytes, `cpus` in billionths of a processor. `reason`
    says why it has more than the baseline, where it has.
    """

    image: str
    tagged: str
    user: str
    network: Network
    mounts: tuple[Mount, ...]
    capabilities: tuple[str, ...]
    privileged: bool
    host_pid: bool
    host_ipc: bool
    read_only: bool
    memory: int
    pids: int
    cpus: int
    secret_files: Mapping[str, str]
    reason: str = ""

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield each fact by the name that a plan shows, as one comparable text."""
        yield "image", self.image
        yield "user", self.user
        if self.network != "none":
            yield "network", self.network
        yield from ((f"mount.{mount.target}", str(mount)) for mount in self.mounts)
        yield from ((f"capability.{name}", "granted") for name in self.capabilities)
        flags = {"privileged": self.privileged, "pid.host": self.host_pid, "ipc.host": self.host_ipc}
        yield from ((name, "granted") for name, given in flags.items() if given)
        if not self.read_only:
            yield "root.writable", "granted"
        yield from ((f"secretFiles.{name}", reference) for name, reference in self.secret_files.items())
        yield "memory", f"{self.memory // 1024} KiB"
        yield "pids", str(self.pids)
        yield "cpus", processors(self.cpus)
        if self.reason:
            yield "reason", self.reason

    def isolation(self, secrets: Mapping[str, str]) -> Isolation:
        """Return what holds it in, and what does not; `secrets` are those that become variables."""
        return Isolation(measures=tuple(self._measures()), missing=tuple(self._missing(secrets)))

    def _measures(self) -> Iterator[str]:
        yield "own container with limits on memory, processors and processes"
        if not is_root(self.user):
            yield f"own user ({self.user})"
        if self.network == "none":
            yield "no network"
        if self.read_only:
            yield "read-only root"
        if not self.privileged:
            yield "no new privileges"
            yield "no capabilities" if not self.capabilities else f"capabilities only {', '.join(self.capabilities)}"

    def _missing(self, secrets: Mapping[str, str]) -> Iterator[str]:
        if self.privileged:
            yield "privileged: it is root on the host"
        if is_root(self.user):
            yield "runs as root"
        elif has_root_group(self.user):
            yield "its group is root's"
        if self.network == "bridge":
            yield "egress is not limited: it reaches every address that the engine's bridge reaches"
        if self.network == "host":
            yield "it has the host's own network"
        if self.host_pid or self.host_ipc:
            yield "it shares the host's processes or memory"
        if secrets:
            yield "secrets that are variables can be read by whoever may ask the engine"

    def spec_digest(
        self, environment: str, argv: tuple[str, ...], env: Mapping[str, str], secrets: Mapping[str, str]
    ) -> str:
        """Return the digest of all that the container is made from: not of the reason, nor of the tag."""
        facts: dict[str, Any] = {name: getattr(self, name) for name in _SPECIFIED}
        facts |= {"secret_files": dict(self.secret_files), "mounts": [asdict(mount) for mount in self.mounts]}
        facts |= {"environment": environment, "argv": argv, "env": dict(env), "secrets": dict(secrets)}
        return fingerprint(facts)


_SPECIFIED = tuple(each.name for each in fields(Container) if each.name not in {"reason", "tagged"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contained:
    """The environment of a package as a container runs it.

    `folder` of the host is mounted read-only at `PACKAGE_FOLDER`; `entrypoint` and `env` speak of paths there.
    """

    folder: str
    entrypoint: tuple[str, ...]
    env: Mapping[str, str]


def processors(cpus: int) -> str:
    """Return billionths of a processor as processors, exactly."""
    return f"{cpus // _BILLION}.{cpus % _BILLION:09}".rstrip("0").rstrip(".")


def container_name(hub: str, server: str, spec: str) -> str:
    """Return the name of the container that was made from `spec`, a digest: another one has another name."""
    return f"mcphub-{hub}-{server}-{spec.partition(':')[2][:_SHORT]}"


def aside_name(name: str) -> str:
    """Return what a running container is called from when another one gets its name until nobody speaks to it."""
    return f"{name}-old"


def volume_name(hub: str, name: str) -> str:
    """Return what the engine calls the volume `name` of the hub: a volume of another hub has another name.

    It is what compose makes of the hub's project. A hub's name has no underscore, so no two pairs come to one name.
    """
    return f"mcphub-{hub}_{name}"


def labels_of(hub: str, lineage: str, server: str, spec: str) -> dict[str, str]:
    """Return the labels of a container of ours."""
    return {HUB_LABEL: hub, LINEAGE_LABEL: lineage, SERVER_LABEL: server, SPEC_LABEL: spec}


def environment_of(
    env: Mapping[str, str], secret_files: Mapping[str, str], package: Contained | None = None
) -> dict[str, str]:
    """Return the variables of a container without its secrets: its own, its package's, and where its secrets are."""
    files = {f"{name}_FILE": f"{SECRETS_FOLDER}/{name}" for name in secret_files}
    return {"HOME": HOME, **(package.env if package is not None else {}), **files, **env}


def confine(
    confinement: Confinement,
    *,
    reference: ImageReference,
    pinned: str,
    user: str,
    secret_files: Mapping[str, str] = _NO_FILES,
) -> Container:
    """Return the container of the image `reference`, locked as `pinned` (``TAGGED@DIGEST``), held in as is said."""
    tagged, _, digest = pinned.partition("@")
    return Container(
        image=reference.by_digest(digest),
        tagged=tagged if not reference.digest else "",
        user=user,
        network=confinement.network,
        mounts=confinement.mounts,
        capabilities=confinement.capabilities,
        privileged=confinement.privileged,
        host_pid=confinement.host_pid,
        host_ipc=confinement.host_ipc,
        read_only=confinement.read_only,
        memory=confinement.memory,
        pids=confinement.pids,
        cpus=confinement.cpus,
        secret_files=secret_files,
        reason=confinement.reason,
    )
