"""What of a server is served and pinned by the fingerprint of its definition."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcphub_gitops.compiler.canonical import fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """The name of it for clients, the server's own, and the fingerprint of its own `definition`."""

    name: str
    upstream: str
    hash: str
    definition: Mapping[str, Any] = field(compare=False, repr=False)

    @property
    def is_locked(self) -> bool:
        """Whether the definition is the one that the fingerprint was taken of."""
        return fingerprint(self.definition) == self.hash

    @property
    def fact(self) -> str:
        """It as one comparable text: its fingerprint, and its own name where clients see another."""
        return self.hash if self.name == self.upstream else f"{self.upstream} {self.hash}"
