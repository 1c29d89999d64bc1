"""What the user wrote, as frozen types. Spans are for diagnostics only: no comparison sees them."""

from dataclasses import dataclass, field
from typing import TypeAlias

from mcphub_gitops.compiler.source import Span

DEFAULT_LISTEN = "127.0.0.1:8811"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string of the document and its place."""

    value: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A published package; `version` is None when the lock is to choose the newest."""

    name: str
    version: str | None
    args: tuple[Text, ...]
    span: Span = field(compare=False, repr=False)

    @property
    def requirement(self) -> str:
        """The PEP 508 requirement that the lock resolves."""
        return self.name if self.version is None else f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program and its arguments; relative paths start at the hub's folder."""

    argv: tuple[Text, ...]


Origin: TypeAlias = Package | Command


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """Where a secret's value is, never the value: ``env://NAME`` or ``file://PATH``."""

    variable: str
    scheme: str
    location: str
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.location}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server of the hub, as declared."""

    name: str
    origin: Origin
    env: tuple[tuple[str, Text], ...] = ()
    secrets: tuple[SecretRef, ...] = ()
    read: tuple[Text, ...] = ()
    write: tuple[Text, ...] = ()
    allow: tuple[Text, ...] = ()
    deny: tuple[Text, ...] = ()
    prefix: str = ""
    enabled: bool = True
    span: Span = field(compare=False, repr=False)

    def expose(self, tool: str) -> str:
        """Return the name under which clients see `tool`."""
        return f"{self.prefix}_{tool}" if self.prefix else tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Where the endpoint listens, and the URL that clients know it by when that is another."""

    listen: str = DEFAULT_LISTEN
    public_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A decoded hub; `servers` are in the order of their names."""

    name: str
    servers: tuple[Server, ...]
    gateway: Gateway
    span: Span = field(compare=False, repr=False)
