"""What the user wrote, as frozen types. Spans are for diagnostics only: no comparison sees them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from mcphub_gitops.compiler.resolve.confinement import Confinement, Mount
from mcphub_gitops.compiler.resolve.image import ImageReference
from mcphub_gitops.compiler.source import Span

OnConflict: TypeAlias = Literal["error", "prefix", "first"]

DEFAULT_LISTEN = "127.0.0.1:8811"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A string of the document and its place."""

    value: str
    span: Span = field(compare=False, repr=False)


NO_TEXTS: Mapping[Text, Text] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image, with the arguments of its entry point (none: the image's own)."""

    reference: ImageReference
    args: tuple[Text, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A published package of PyPI or npm; `version` is None when the lock is to choose the newest.

    `base` is the image that it runs in as a container; it is None where it runs as a process.
    """

    ecosystem: Literal["pypi", "npm"] = "pypi"
    name: str
    version: str | None
    args: tuple[Text, ...]
    base: Image | None = None
    span: Span = field(compare=False, repr=False)

    @property
    def requirement(self) -> str:
        """What the lock resolves: a PEP 508 requirement, or ``npm:NAME[@VERSION]``."""
        if self.ecosystem == "npm":
            return f"npm:{self.name}" if self.version is None else f"npm:{self.name}@{self.version}"
        return self.name if self.version is None else f"{self.name}=={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program and its arguments; relative paths start at the hub's folder."""

    argv: tuple[Text, ...]


Transport: TypeAlias = Literal["streamable-http", "sse"]
"""How a remote server is spoken to: `sse` is HTTP with SSE of the revision 2024-11-05."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A server that others run, at `url`; `headers` are those without a secret.

    With a `reason` its address need not be public.
    """

    url: Text
    headers: tuple[tuple[str, Text], ...] = ()
    reason: str = ""
    transport: Transport = "streamable-http"
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContainer:
    """The container that one call of a tool is.

    `command` and `volumes` are templates over the call's arguments, which `call.prepare` fills in; `mounts` are the
    same for every call. Without a `user` the image decides. `definition` is the tool's whole definition.
    """

    image: Image
    command: tuple[Text, ...]
    volumes: tuple[Text, ...]
    mounts: tuple[tuple[Mount, Span], ...]
    user: Text | None
    definition: Mapping[str, Any]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContainers:
    """Tools that are containers by themselves, by the tool's own name: there is no server beside them."""

    tools: Mapping[str, ToolContainer]
    span: Span = field(compare=False, repr=False)


Origin: TypeAlias = Package | Command | Image | Remote | ToolContainers


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """Where a secret's value is, never the value: a reference such as ``env://NAME`` (`location.Location`).

    `composed` is text with such references in it, each as ``${REFERENCE}``, and ``$$`` for a dollar; it stands for
    scheme and location then. `variable` is the name of a header where the server is remote.
    """

    variable: str
    scheme: str
    location: str
    as_file: bool = False
    composed: str = ""
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.composed or f"{self.scheme}://{self.location}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FromCatalog:
    """That the lock has a server's `tools` from its catalog: each definition by name, as far as the catalog goes."""

    reason: str
    tools: Mapping[str, Mapping[str, Any]] = field(compare=False, repr=False)
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFilter:
    """Which prompts, or which URIs, of a server are served, by name or glob; deny wins over allow."""

    allow: tuple[Text, ...] = ()
    deny: tuple[Text, ...] = ()


ALL_OFFERS = OfferFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server of the hub, as declared; `confinement` is None where it is no container.

    `source` is ``CATALOG/SERVER`` where it comes from a catalog, and `known_tools` are those that the catalog names.
    `renames` and `descriptions` say what clients see of a tool, by the tool's own name.
    `override` says what of the entry was mended, and why. `definitions` are None where the server itself is asked for
    its tools, and `no_tools` says why it has none, empty where it must have some.
    `owner` is its own or the hub's, empty where neither names one. `uris` selects resources and their templates.
    """

    name: str
    origin: Origin
    env: tuple[tuple[str, Text], ...] = ()
    secrets: tuple[SecretRef, ...] = ()
    read: tuple[Text, ...] = ()
    write: tuple[Text, ...] = ()
    allow: tuple[Text, ...] = ()
    deny: tuple[Text, ...] = ()
    renames: Mapping[Text, Text] = field(default_factory=lambda: NO_TEXTS)
    descriptions: Mapping[Text, Text] = field(default_factory=lambda: NO_TEXTS)
    prefix: str = ""
    enabled: bool = True
    optional: bool = False
    confinement: Confinement | None = None
    source: str = ""
    known_tools: Sequence[Text] = ()
    override: str = ""
    definitions: FromCatalog | None = None
    no_tools: str = ""
    owner: str = ""
    prompts: OfferFilter = ALL_OFFERS
    uris: OfferFilter = ALL_OFFERS
    span: Span = field(compare=False, repr=False)

    @property
    def image(self) -> Image | None:
        """The image of its container, its own or its package's base; None where it runs in none."""
        origin = self.origin
        return origin if isinstance(origin, Image) else origin.base if isinstance(origin, Package) else None

    @property
    def images(self) -> Mapping[str, Image]:
        """Every image that it runs in: by tool where its tools are containers, else the one under no name."""
        if isinstance(self.origin, ToolContainers):
            return {name: tool.image for name, tool in self.origin.tools.items()}
        return {"": self.image} if self.image is not None else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that the gateway takes: where its value is, and the `groups` that whoever has it is in."""

    name: str
    value: SecretRef
    groups: tuple[Text, ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Where the endpoint listens, and the URL that clients know it by when that is another.

    `tokens`, in the order of their names, are what lets somebody in; without any the gateway's own one does. `groups`
    are those that the whole hub is for.
    """

    listen: str = DEFAULT_LISTEN
    public_url: str = ""
    groups: tuple[Text, ...] = ()
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A selection of `servers` and of their tools, for clients that connect at `path`.

    `allow` and `deny` are ``SERVER/TOOL`` with globs in both parts; the tool by the name that clients see. It is for
    tokens in one of `groups`.
    """

    name: str
    path: str
    groups: tuple[Text, ...] = ()
    servers: tuple[Text, ...]
    allow: tuple[Text, ...] = ()
    deny: tuple[Text, ...] = ()
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubClient:
    """A client's configuration: of which `kind` of program, for which `profile` (empty: everything), in which file.

    `token` is the name of the one that it connects with; empty for the gateway's own.
    """

    name: str
    kind: str
    profile: str
    file: str
    token: str = ""
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCatalog:
    """A catalog that servers come from: where it is, its bytes as ``sha256:<hex>``, and of git the commit."""

    name: str
    source: str
    digest: str
    commit: str = ""
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBundle:
    """Policies that several repositories share, pinned where they are named.

    A ``git`` bundle is the file `path` of the repository `location` at `commit`, an ``oci`` one the artifact that
    `location` names by its digest.
    """

    kind: Literal["git", "oci"]
    location: str
    commit: str = ""
    path: str = ""
    span: Span = field(compare=False, repr=False)

    def __str__(self) -> str:
        """Return the bundle as one text."""
        return self.location if self.kind == "oci" else f"{self.location}@{self.commit}:{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A decoded hub; `servers`, `profiles`, `clients` and the `catalogs` in use are in the order of their names.

    `policies` are paths, which may have ``*`` in them; `bundles` are the other policies. `stores` are the facts of each
    secret store by name. `on_conflict` says what becomes of a tool's name that several servers would have. `moves` has
    the old name of each server that was renamed, by its new one. `environment` is the name of the one that it is for.
    `min_age` is how old, such as ``7d``, a release has to be for the lock to take it up; empty where any age will do.
    """

    name: str
    servers: tuple[Server, ...]
    gateway: Gateway
    on_conflict: OnConflict = "error"
    stores: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    catalogs: tuple[HubCatalog, ...] = ()
    owner: str = ""
    moves: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    policies: tuple[Text, ...] = ()
    bundles: tuple[PolicyBundle, ...] = ()
    profiles: tuple[Profile, ...] = ()
    clients: tuple[HubClient, ...] = ()
    min_age: str = ""
    environment: str = ""
    span: Span = field(compare=False, repr=False)

    @property
    def has_policies(self) -> bool:
        """Whether it is to be held against policies."""
        return bool(self.policies or self.bundles)
