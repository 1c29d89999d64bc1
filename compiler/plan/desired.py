"""What a hub and its lock amount to: servers with every name bound and every tool chosen."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from posixpath import normpath
from types import MappingProxyType
from typing import Any, Self

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.freshness import code_folder, named_files
from mcphub_gitops.compiler.lock.identity import lock_digest
from mcphub_gitops.compiler.lock.model import Lock, LockedServer
from mcphub_gitops.compiler.lock.offers import OfferDefinitions
from mcphub_gitops.compiler.plan.admission import Admission, bind_admission, describe_store
from mcphub_gitops.compiler.plan.call import Calls, bind_calls, facts_of_calls
from mcphub_gitops.compiler.plan.container import Container, confine, container_name
from mcphub_gitops.compiler.plan.endpoint import Endpoint, bind_endpoint
from mcphub_gitops.compiler.plan.offer import NO_DEFINITIONS, NO_OFFERS, Offers, bind_offers
from mcphub_gitops.compiler.plan.profile import DesiredProfile, bind_profiles
from mcphub_gitops.compiler.plan.tool import Tools, serve
from mcphub_gitops.compiler.resolve.confinement import DEFAULT_USER, is_root
from mcphub_gitops.compiler.resolve.exposure import Known, KnownTools, expose, unmatched_filters
from mcphub_gitops.compiler.resolve.location import stores_of
from mcphub_gitops.compiler.resolve.model import (
    Command,
    Hub,
    Origin,
    Package,
    Remote,
    Server,
    Text,
    ToolContainers,
)
from mcphub_gitops.compiler.resolve.path import folders_above, is_below
from mcphub_gitops.compiler.resolve.profile import select
from mcphub_gitops.compiler.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A package with all it needs: `digest` names the folder it is installed in.

    `target` is empty where this machine's own interpreter runs it, else what the interpreter of a container is, such as
    ``python3.12-gnu`` or ``node-musl``: its version where that matters, and its C library.
    """

    package: str
    requirements: tuple[str, ...]
    digest: str
    target: str = ""

    @classmethod
    def of(cls, package: str, requirements: tuple[str, ...], target: str = "") -> Self:
        """Return the environment that holds `requirements`."""
        parts = [*requirements, target] if target else list(requirements)
        return cls(package=package, requirements=requirements, digest=fingerprint(parts), target=target)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredServer:
    """One server as it is to run. Paths are relative to the hub's folder; secrets are references.

    With a `container`, `argv` is what its entry point is given; `secrets` are those that become variables. With an
    `endpoint`, it is reached and not started; `secrets` are by header.

    `files` are the digests of its code and of the programs that read its secrets; `code` is the folder that holds
    nothing but code (or the one file, or empty). `stores` are the facts of the stores that its secrets are in, by name.
    `tools` are served; `hidden` are the others that the lock knows, with their fingerprints by the server's own names.
    `override` says what was mended of its catalog's entry, and why. `by_name` says why its tools are held to their
    names alone: nobody asked it, and the lock has what its catalog says; it is empty where they are held to their
    definitions. An apply and the gateway do without an `optional` server that does not answer. `offers` is what is
    served beside tools.

    With `calls`, nothing of it runs between the calls of its tools; `read` and `write` are then the folders below which
    calls may name what they mount, also outside of the hub's folder.
    """

    name: str
    environment: Environment | None
    container: Container | None = None
    endpoint: Endpoint | None = None
    calls: Calls | None = None
    argv: tuple[str, ...]
    env: Mapping[str, str]
    secrets: Mapping[str, str]
    read: tuple[str, ...]
    write: tuple[str, ...]
    files: Mapping[str, str]
    code: str
    tools: Tools
    hidden: Mapping[str, str]
    stores: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    override: str = ""
    by_name: str = ""
    optional: bool = False
    offers: Offers = NO_OFFERS

    @property
    def is_process(self) -> bool:
        """Whether it runs as a child process."""
        return self.container is None and self.endpoint is None and self.calls is None

    @property
    def containers(self) -> tuple[Container, ...]:
        """What is held in a container: the server itself, or each call of its tools."""
        called = (call.container for call in self.calls.values()) if self.calls is not None else ()
        return (*((self.container,) if self.container is not None else ()), *called)

    @property
    def _held(self) -> str:
        """What a fingerprint is followed by where nothing is held to it."""
        return " (its name alone)" if self.by_name else ""

    def offered(self) -> dict[str, str]:
        """Return the fingerprint of every tool that the server must offer, by the server's own names."""
        return {**self.hidden, **self.tools.hashes}

    def spec_digest(self) -> str:
        """Return the digest of what its container is made from; empty where it has none."""
        if self.container is None:
            return ""
        environment = self.environment.digest if self.environment is not None else ""
        return self.container.spec_digest(environment, self.argv, self.env, {**self.secrets, **self._opened()})

    def _opened(self) -> dict[str, str]:
        """Return each store as one comparable text, by a name that no variable has."""
        return {f"store.{name}": describe_store(facts) for name, facts in self.stores.items()}

    def fields(self) -> dict[str, str]:
        """Return each fact that an apply establishes, by the name that a plan shows, as one comparable text."""
        is_command = self.environment is None and self.container is None
        facts = {"command" if is_command else "args": json.dumps(self.argv, ensure_ascii=False)}
        if self.endpoint is not None:
            facts = dict(self.endpoint.facts())
        if self.calls is not None:
            facts = dict(facts_of_calls(self.calls))
        if self.container is not None:
            facts |= dict(self.container.facts())
        if self.environment is not None:
            facts["package"] = self.environment.package
            facts["environment"] = self.environment.digest
        if self.override:
            facts["override"] = self.override
        if self.by_name:
            facts["byName"] = self.by_name
        if self.optional:
            facts["optional"] = "true"
        facts |= {f"env.{name}": value for name, value in self.env.items()}
        facts |= {f"secrets.{name}": reference for name, reference in self.secrets.items()}
        facts |= self._opened()
        facts |= {f"read.{path}": "granted" for path in self.read}
        facts |= {f"write.{path}": "granted" for path in self.write}
        facts |= {f"file.{path}": digest for path, digest in self.files.items()}
        held = self._held
        facts |= {f"tool.{name}": f"{fact}{held}" for name, fact in self.tools.facts.items()}
        facts |= {f"description.{name}": text for name, text in self.tools.descriptions.items()}
        if self.offers.served:
            facts |= dict(self.offers.facts())
        facts |= {f"hidden.{name}": f"{hash_}{held}" for name, hash_ in self.hidden.items()}
        return dict(sorted(facts.items()))


@dataclass(frozen=True, kw_only=True)
class Desired:
    """The whole hub as it is to run, in the order of server names; what is asked for often is found out once.

    `profiles` are in the order of their names, too; `admission` is who may reach what. `moves` has the old name of each
    server that was renamed, by its new one. It is no part of what is to run, nor of the state's digest: once a machine
    has made a move, the move may go from the document and nothing changes.

    `environment` is the one that the hub is for. `lock`, `policy` and `provenance` are digests of what decides nothing
    about how a server runs, and which a reviewer approves all the same: what else the lock pins, what the policies say
    (empty where there are none), and who owns a server and which entry of a catalog it comes from.
    """

    hub: str
    listen: str
    public_url: str
    servers: tuple[DesiredServer, ...]
    profiles: tuple[DesiredProfile, ...] = ()
    admission: Admission = field(default_factory=Admission)
    moves: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    environment: str = ""
    lock: str = ""
    policy: str = ""
    provenance: str = ""

    def container_names(self) -> dict[str, str]:
        """Return the container's name of each server that runs in one."""
        return dict(self._container_names)

    @cached_property
    def _container_names(self) -> dict[str, str]:
        return {
            server.name: container_name(self.hub, server.name, server.spec_digest())
            for server in self.servers
            if server.container is not None
        }

    def facts(self) -> Mapping[str, Mapping[str, str]]:
        """Return the `fields` of each server by its name."""
        return self._facts

    @cached_property
    def _facts(self) -> Mapping[str, Mapping[str, str]]:
        return MappingProxyType({server.name: MappingProxyType(server.fields()) for server in self.servers})

    def secret_files(self) -> dict[str, frozenset[str]]:
        """Return the names of the secrets that each server gets as files, of those that get any."""
        return {
            server.name: frozenset(server.container.secret_files)
            for server in self.servers
            if server.container is not None and server.container.secret_files
        }

    def gateway(self) -> dict[str, str]:
        """Return each fact about the gateway, by the name that a plan shows."""
        facts = {"hub": self.hub, "listen": self.listen, "publicUrl": self.public_url}
        profiles = {name: value for profile in self.profiles for name, value in profile.facts()}
        return {name: value for name, value in facts.items() if value} | profiles | dict(self.admission.facts())

    def review_digest(self) -> str:
        """Return the digest of desired state, lock and policies: what a pull request shows and a person approves."""
        return fingerprint({"moves": dict(self.moves), "state": self._state_digest})

    def state_digest(self) -> str:
        """Return the digest of all that an apply records: what a review covers, but for moves, which are made once."""
        return self._state_digest

    @cached_property
    def _state_digest(self) -> str:
        servers = {name: dict(facts) for name, facts in self._facts.items()}
        return fingerprint({"gateway": self.gateway(), "servers": servers, **self.standing()})

    def standing(self) -> dict[str, str]:
        """Return what a review covers beside what is to run, as digests and names."""
        return {
            "environment": self.environment,
            "lock": self.lock,
            "policy": self.policy,
            "provenance": self.provenance,
        }


def build(
    hub: Hub,
    lock: Lock,
    definitions: Mapping[str, Mapping[str, Mapping[str, Any]]],
    offers: Mapping[str, OfferDefinitions] = NO_DEFINITIONS,
) -> tuple[Desired, tuple[Diagnostic, ...]]:
    """Bind `hub` to its lock; `definitions` are the readable tool definitions by server and tool, `offers` the others.

    Servers that the lock lacks are left out: `find_stale` has told of them. Of their tools, those that a catalog knows
    count where names are compared.
    """
    problems: list[Diagnostic] = []
    candidates = known_tools(hub, lock)
    exposed, unservable = expose(hub, candidates)
    # Whatever the filters say, and also where nobody checks them against the lock.
    exposed = tuple(each.without(_hidden(each.server, lock)) for each in exposed)
    selections, unselected = select(hub, exposed, candidates)
    tools = {each.server.name: each for each in exposed}
    others, clashing = bind_offers(hub, lock, offers)
    servers = []
    for server in hub.servers:
        if not server.enabled:
            continue
        locked = lock.servers.get(server.name)
        if locked is not None:
            own = serve(tools[server.name], locked.tools, definitions.get(server.name, {}))
            servers.append(_bind(server, locked, own, hub.stores, others.get(server.name, NO_OFFERS)))
            problems.extend(unmatched_filters(server, locked.tools, f"`{server.name}` has in the lock"))
        elif server.known_tools:
            known = {tool.value for tool in server.known_tools}
            problems.extend(unmatched_filters(server, known, f"`{server.source}` has in the catalog"))
    problems.extend(clashing)
    problems.extend(unservable)
    problems.extend(unselected)
    problems.extend(_replaceable(servers, {server.name: server.span for server in hub.servers}))
    gateway, running = hub.gateway, {server.name for server in servers}
    desired = Desired(
        hub=hub.name,
        listen=gateway.listen,
        public_url=gateway.public_url,
        servers=tuple(servers),
        profiles=bind_profiles(selections, running),
        admission=bind_admission(gateway, hub.stores),
        moves=MappingProxyType({new: old for new, old in sorted(hub.moves.items()) if new in running}),
        environment=hub.environment,
        lock=lock_digest(lock),
        provenance=_provenance(hub),
    )
    return desired, tuple(problems)


def _hidden(server: Server, lock: Lock) -> frozenset[str]:
    locked = lock.servers.get(server.name)
    return locked.hidden if locked is not None else frozenset()


def _provenance(hub: Hub) -> str:
    known = {server.name: [server.owner, server.source] for server in hub.servers if server.enabled}
    return fingerprint({"owner": hub.owner, "servers": {name: said for name, said in known.items() if any(said)}})


def known_tools(hub: Hub, lock: Lock) -> Known:
    """Return the tools of each server that are known: those of its lock, else those that its catalog names."""
    known: dict[str, KnownTools] = {}
    for server in hub.servers:
        locked = lock.servers.get(server.name)
        if locked is not None:
            known[server.name] = KnownTools(sorted(locked.tools), (server.span,))
        elif server.known_tools:
            known[server.name] = KnownTools.of(server.known_tools)
    return known


def _bind(
    server: Server, locked: LockedServer, tools: Tools, stores: Mapping[str, Mapping[str, str]], offers: Offers
) -> DesiredServer:
    origin = server.origin
    environment = None
    if isinstance(origin, Package):
        environment = Environment.of(locked.package, locked.requirements, locked.target)
    return DesiredServer(
        name=server.name,
        environment=environment,
        container=_container(server, locked),
        endpoint=bind_endpoint(origin) if isinstance(origin, Remote) else None,
        calls=_calls(server, locked, frozenset(tools.hashes)),
        argv=tuple(text.value for text in _argv(origin)),
        env=MappingProxyType({name: text.value for name, text in server.env}),
        secrets=_references(server, as_file=False),
        read=tuple(sorted({*_implied_reads(server, locked), *(text.value for text in server.read)})),
        write=tuple(sorted({text.value for text in server.write})),
        files=locked.files,
        code=code_folder(server),
        tools=tools,
        hidden=tools.others(locked.tools),
        stores=MappingProxyType({name: stores[name] for name in _stores_of(server) if name in stores}),
        override=server.override,
        by_name=server.definitions.reason if server.definitions is not None else "",
        optional=server.optional,
        offers=offers,
    )


def _argv(origin: Origin) -> tuple[Text, ...]:
    if isinstance(origin, (Remote, ToolContainers)):
        return ()
    return origin.argv if isinstance(origin, Command) else origin.args


def _calls(server: Server, locked: LockedServer, served: frozenset[str]) -> Calls | None:
    if not isinstance(server.origin, ToolContainers) or server.confinement is None:
        return None
    return bind_calls(server.origin, server.confinement, locked, served)


def _stores_of(server: Server) -> list[str]:
    return sorted({name for secret in server.secrets for name in stores_of(str(secret))})


def _references(server: Server, *, as_file: bool) -> Mapping[str, str]:
    # In the order that a saved plan has too: the gateway keeps what starts like before.
    found = sorted((each.variable, str(each)) for each in server.secrets if each.as_file is as_file)
    return MappingProxyType(dict(found))


def _container(server: Server, locked: LockedServer) -> Container | None:
    confinement = server.confinement
    if confinement is None or server.image is None:
        return None
    own = locked.user if not is_root(locked.user) else DEFAULT_USER
    return confine(
        confinement,
        reference=server.image.reference,
        pinned=locked.image,
        user=confinement.user or own,
        secret_files=_references(server, as_file=True),
    )


def _implied_reads(server: Server, locked: LockedServer) -> Iterator[str]:
    """Yield what a command may read because it names it: its code folder, and each other file by itself."""
    folder = code_folder(server)
    for path in (folder, *(normpath(path) for path in named_files(server))):
        is_locked = any(is_below(file, {path}) for file in locked.files)
        if path and is_locked and (path == folder or not is_below(path, {folder})):
            yield path


def _replaceable(servers: list[DesiredServer], spans: Mapping[str, Span]) -> Iterator[Diagnostic]:
    """Yield the mounts whose source some server could replace by a link: one that stands in what it may write to."""
    writable = {path: server.name for server in servers for path in _written(server)}
    for server in servers:
        for mount in (each for container in server.containers for each in container.mounts):
            above = folders_above(mount.source) if mount.kind == "bind" else ()
            holder = next((path for path in above if path in writable and path != mount.source), "")
            if holder:
                detail = f"`{server.name}` mounts `{mount.source}`, and `{writable[holder]}` may write to `{holder}`."
                help_ = "whoever may write there can put a link to anything in its place; mount it from elsewhere"
                yield Diagnostic(code=codes.PATH, detail=detail, span=spans[server.name], help=help_)


def _written(server: DesiredServer) -> Iterator[str]:
    yield from server.write
    mounts = (mount for container in server.containers for mount in container.mounts)
    yield from (mount.source for mount in mounts if mount.kind == "bind" and not mount.read_only)
