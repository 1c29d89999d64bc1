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
class Observed:
    """The applied generation, the environments on the disk, and what this machine can do.

    `servers` maps each applied server to the fields it was applied with (`DesiredServer.fields`), `generation` is the
    digest of the generation that is served (empty when there is none, or when its files are not what was written),
    `gateway` the facts it was applied with (`Desired.gateway`), `review` the digest of the desired state behind it.
    `environments` are the digests of the installed and intact package environments, `scratch` the names of the servers
    that have a scratch folder, `files` the digests of the files that commands run, by path. `isolation` tells by
    server what a child process gets here; it is empty when nobody looked.
    """

    servers: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: NOTHING)
    environments: frozenset[str] = frozenset()
    scratch: frozenset[str] = frozenset()
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    generation: str = ""
    gateway: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    review: str = ""
    isolation: Mapping[str, Isolation] = field(default_factory=lambda: MappingProxyType({}))
