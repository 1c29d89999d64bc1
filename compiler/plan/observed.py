"""What the world was seen to be, as plain data that the runtime fills in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mcphub_gitops.compiler.canonical import fingerprint

NOTHING: Mapping[str, Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The applied generation and the environments on the disk.

    `servers` maps each applied server to the fields it was applied with (`DesiredServer.fields`), `generation` is the
    digest of the generation that is served (empty when there is none, or when its files are not what was written),
    `review` the digest of the desired state it was made from. `environments` are the digests of the installed and
    intact package environments. `isolation` is what this machine gives a child process, in words.
    """

    servers: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: NOTHING)
    environments: frozenset[str] = frozenset()
    generation: str = ""
    review: str = ""
    isolation: tuple[str, ...] = ()

    def digest(self) -> str:
        """Return the fingerprint of all that a plan depends on."""
        return fingerprint(
            {
                "servers": {name: dict(fields) for name, fields in self.servers.items()},
                "environments": sorted(self.environments),
                "generation": self.generation,
                "review": self.review,
                "isolation": list(self.isolation),
            }
        )
