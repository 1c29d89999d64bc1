"""The applied generation: what `apply` wrote and the gateway serves, and nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import msgspec

from mcphub_gitops.compiler.lock.offers import KEYS
from mcphub_gitops.compiler.resolve.offer import Kind
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec, ContainerSpec, Launch, RemoteSpec, Spec, ToolsSpec

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,128}\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]


class Tool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One exposed tool: its name here, its name on the server, the locked hash and the definition that clients see.

    `hash` is the fingerprint of the original definition, as the server sends it; `definition` is raw JSON.
    """

    name: Name
    upstream: Annotated[str, msgspec.Meta(min_length=1)]
    hash: Digest
    definition: msgspec.Raw


class Offer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One prompt, resource or resource template that is exposed, as `Tool` is.

    Of resources and templates `name` and `upstream` are the URI or its template.
    """

    kind: Kind
    name: Annotated[str, msgspec.Meta(min_length=1)]
    upstream: Annotated[str, msgspec.Meta(min_length=1)]
    hash: Digest
    definition: msgspec.Raw


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server as it stands in the file."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    kind: Literal["process", "container", "remote", "tools"]
    spec: msgspec.Raw
    secrets: dict[str, str] = {}
    files: dict[str, str] = {}
    code: str = ""
    stores: dict[str, dict[str, str]] = {}
    made: str = ""
    optional: bool = False
    by_name: bool = False
    tools: tuple[Tool, ...] = ()
    offers: tuple[Offer, ...] = ()
    shut: tuple[str, ...] = ()


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """One server: how it is started or reached, and what it must offer.

    No value of a secret stands in it. The gateway is ready without an `optional` server. `made` tells a container from
    the one before it that was made from the same. Tools of a server `by_name` are held to their names alone, and their
    definitions are no more than what the hub says of them. `shut` are globs of URIs that are not read, whatever
    template among its `offers` they fit.
    """

    name: str
    launch: Launch
    made: str = ""
    optional: bool = False
    by_name: bool = False
    tools: tuple[Tool, ...] = ()
    offers: tuple[Offer, ...] = ()
    shut: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What the server is: ``process``, ``container``, ``remote``, or ``tools`` that are a container a call."""
        return next(kind for kind, spec in _KINDS.items() if isinstance(self.launch.spec, spec))

    @property
    def root(self) -> Path:
        """The hub's folder, which the paths of a command's code start at."""
        return Path(self.launch.spec.cwd) if isinstance(self.launch.spec, ChildSpec) else Path()

    def starts_like(self, other: Self) -> bool:
        """Whether a child started for `other` serves this one as well; the tools do not decide that."""
        return (self.name, self.launch, self.made) == (other.name, other.launch, other.made)


_KINDS: Final[Mapping[str, type[Spec]]] = {
    "process": ChildSpec,
    "container": ContainerSpec,
    "remote": RemoteSpec,
    "tools": ToolsSpec,
}


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A selection of tools, by their exposed names, that is served at a `path` of its own to those in its `groups`.

    `servers` are those that it has all else of.
    """

    path: Annotated[str, msgspec.Meta(pattern=r"^(/[A-Za-z0-9][A-Za-z0-9._-]*)+\Z")]
    tools: frozenset[Name]
    groups: frozenset[str] = frozenset()
    servers: frozenset[str] = frozenset()


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token that is let in: the reference to its value, and the groups that whoever has it is in."""

    value: Annotated[str, msgspec.Meta(min_length=1)]
    groups: frozenset[str]


class Admission(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may reach what: tokens by name, the groups that the whole is for, and the stores that the tokens are in.

    Without tokens the gateway has its own alone, which opens every path.
    """

    tokens: dict[Name, Token] = {}
    groups: frozenset[str] = frozenset()
    stores: dict[str, dict[str, str]] = {}


class _Document(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"public_url": "publicUrl"}
):
    format: Literal["mcphub.generation/v1"]
    hub: Annotated[str, msgspec.Meta(min_length=1)]
    plan: Digest
    listen: Annotated[str, msgspec.Meta(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}\Z")]
    public_url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?)?\Z")] = ""
    servers: tuple[_Entry, ...]
    profiles: dict[Annotated[str, msgspec.Meta(min_length=1)], Profile] = {}
    admission: Admission = Admission()


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one applied plan exposes; `plan` is the digest of that plan.

    `listen` is ``HOST:PORT``; `public_url` is the origin that clients use where it is another one, or empty. `profiles`
    are by name.
    """

    hub: str
    plan: str
    listen: str
    public_url: str
    servers: tuple[Server, ...]
    profiles: Mapping[str, Profile] = {}
    admission: Admission = Admission()


class _Named(msgspec.Struct):
    name: str


def decode(data: bytes) -> Generation:
    """Return the generation in `data` (the bytes of ``gateway.json``); raises RuntimeFailure when it is damaged."""
    try:
        data.decode()  # msgspec leaves raw values unexamined
        found = _generation(msgspec.json.decode(data, type=_Document))
        problem = _problem(found)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        problem = str(error)
    if problem:
        raise RuntimeFailure(
            "the applied generation cannot be read", detail=problem, resolution="run `mcphub apply` again"
        )
    return found


def listening_on(generation: Generation, listen: str) -> Generation:
    """Return `generation` at another address."""
    return msgspec.structs.replace(generation, listen=listen)


def _generation(document: _Document) -> Generation:
    return Generation(
        hub=document.hub,
        plan=document.plan,
        listen=document.listen,
        public_url=document.public_url,
        servers=tuple(_server(entry) for entry in document.servers),
        profiles=document.profiles,
        admission=document.admission,
    )


def _server(entry: _Entry) -> Server:
    spec = msgspec.json.decode(entry.spec, type=_KINDS[entry.kind])
    launch = Launch(spec=spec, secrets=entry.secrets, files=entry.files, code=entry.code, stores=entry.stores)
    return Server(
        name=entry.name,
        launch=launch,
        made=entry.made,
        optional=entry.optional,
        by_name=entry.by_name,
        tools=entry.tools,
        offers=entry.offers,
        shut=entry.shut,
    )


def _problem(found: Generation) -> str:
    servers: set[str] = set()
    exposed: set[str] = set()
    offered: set[tuple[str, str]] = set()
    for server in found.servers:
        if server.name in servers:
            return f"the server {server.name!r} stands there twice"
        servers.add(server.name)
        for tool in server.tools:
            if tool.name in exposed:
                return f"the tool {tool.name!r} stands there twice"
            exposed.add(tool.name)
            if msgspec.json.decode(tool.definition, type=_Named).name != tool.name:
                return f"the definition of the tool {tool.name!r} has another name"
        for offer in server.offers:
            if (offer.kind, offer.name) in offered:
                return f"{offer.name!r} stands twice among the {offer.kind}"
            offered.add((offer.kind, offer.name))
            if msgspec.json.decode(offer.definition, type=dict[str, Any]).get(KEYS[offer.kind]) != offer.name:
                return f"the definition of {offer.name!r} among the {offer.kind} is of another"
    return _profile_problem(found.profiles, exposed, servers)


def _profile_problem(profiles: Mapping[str, Profile], exposed: set[str], servers: set[str]) -> str:
    paths: set[str] = set()
    for name, profile in profiles.items():
        if profile.path in paths:
            return f"the path {profile.path!r} stands there twice"
        paths.add(profile.path)
        unknown = sorted(profile.tools - exposed)
        if unknown:
            return f"the profile {name!r} has the tool {unknown[0]!r}, which is not there"
        absent = sorted(profile.servers - servers)
        if absent:
            return f"the profile {name!r} has the server {absent[0]!r}, which is not there"
    return ""
