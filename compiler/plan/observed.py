"""What the world was seen to be, as plain data that the runtime fills in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NOTHING: Mapping[str, Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What holds a server in, and what does not and why; plain words without a path of the machine."""

    measures: tuple[str, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenContainer:
    """A container on the engine that is ours by its labels, or stands in the way by its name (not `owned`).

    `spec` is the digest in its label, `state` the engine's word (``created``, ``running``, ``exited``, ``dead``, …),
    `differing` names the facts about it that are not what was asked for, sorted. `started` is the engine's time stamp
    (RFC 3339), empty when it never ran. `detail` is the engine's own word on why it could not start. `lineage` is the
    installation of the hub that it belongs to, ours or another; empty where it is none of the hub's.
    """

    name: str
    server: str = ""
    spec: str = ""
    state: str = ""
    owned: bool = True
    differing: tuple[str, ...] = ()
    started: str = ""
    exit_code: int = 0
    detail: str = ""
    lineage: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether it runs, and is what was asked for."""
        return self.owned and self.state == "running" and not self.differing

    @property
    def trouble(self) -> str:
        """What is wrong with it, as the end of a sentence that begins with "its container"."""
        if self.state == "created":
            return f"could not start{f' ({self.detail})' if self.detail else ''}"
        if self.state != "running":
            return f"is not running ({self.state}{f', status {self.exit_code}' if self.state == 'exited' else ''})"
        return f"was changed ({', '.join(self.differing)})" if self.differing else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The applied generation, the environments on the disk, and what this machine can do.

    `servers` maps each applied server to the fields it was applied with (`DesiredServer.fields`), `generation` is the
    digest of the generation that is served (empty when there is none, or when its files are not what was written),
    `gateway` the facts it was applied with (`Desired.gateway`), `state` the digest of all that it was
    applied with (`Desired.state_digest`), and `standing` what of that does not run (`Desired.standing`).
    `environments` are the digests of the installed and intact package environments, `scratch` the names of the servers
    that have a scratch folder, `former` the names under which one is found beside its own. `files` are the digests of
    the files that commands run, by path. `isolation` tells by server what a child process gets here; it is empty when
    nobody looked. `containers` are those of the hub by name, `images` the references by digest that the engine has,
    `secrets` maps a server to the names of the secret files that stand on the disk for it. `looked` tells whether
    anybody looked at the machine: where not, all but `files` is what the record of the last apply says.
    """

    servers: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: NOTHING)
    environments: frozenset[str] = frozenset()
    scratch: frozenset[str] = frozenset()
    former: frozenset[str] = frozenset()
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    generation: str = ""
    gateway: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    state: str = ""
    standing: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    containers: Mapping[str, SeenContainer] = field(default_factory=lambda: MappingProxyType({}))
    images: frozenset[str] = frozenset()
    secrets: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    isolation: Mapping[str, Isolation] = field(default_factory=lambda: MappingProxyType({}))
    looked: bool = True
