"""What a server that comes from elsewhere amounts to, and how the decoder asks for it: catalogs are read elsewhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.syntax import Entry, Node
from mcphub_gitops.compiler.resolve.confinement import Mount
from mcphub_gitops.compiler.resolve.model import Image, Package, Remote, SecretRef, Server, Text, ToolContainers
from mcphub_gitops.compiler.source import Span

Fill = Callable[[Text], Text]
"""Fills the hub's own templates in, and tells of those that cannot be."""

Reference = Callable[[str, Node], SecretRef | None]
"""Reads the reference under a secret's name, and tells what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """What an entry of a catalog comes to: `source` is ``CATALOG/SERVER``, `tools` are those that the catalog knows.

    `definitions` are those of the tools, for a hub that has them from there.
    `hosts` are those that it talks to, and it is `offline` where it needs no network, as the catalog says. `override`
    is what was mended in the entry, and why.
    """

    source: str
    origin: Image | Package | Remote | ToolContainers
    env: tuple[tuple[str, Text], ...] = ()
    secrets: tuple[SecretRef, ...] = ()
    mounts: tuple[tuple[Mount, Span], ...] = ()
    user: str = ""
    prefix: str
    tools: Sequence[Text]
    definitions: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    hosts: tuple[str, ...] = ()
    offline: bool = False
    override: str = ""


class Entries(Protocol):
    """Reads the servers that have a `from`."""

    def read(self, server: Entry) -> Sourced | None:
        """Return what the entry that `server` names comes to, None where something is wrong with it."""

    def check(self, server: Server, node: Node) -> Iterator[Diagnostic]:
        """Yield what is wrong with `server`, which `node` declares, once all that the hub says of it is known."""


MakeEntries = Callable[[Fill, Reference, list[Diagnostic]], Entries]
"""Makes what reads servers with a `from`; the list takes what is wrong."""


def compose(variable: str, parts: tuple[str | SecretRef, ...], span: Span) -> SecretRef:
    """Return what `variable` gets: text with references in it, each as ``${REFERENCE}``; ``$$`` is a dollar."""
    written = (part.replace("$", "$$") if isinstance(part, str) else f"${{{part}}}" for part in parts)
    return SecretRef(variable=variable, scheme="", location="", composed="".join(written), span=span)
