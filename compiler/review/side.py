"""One of the two states that a review is between: of a hub with its lock, of a saved plan, or of a lock alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.model import Lock, LockedServer
from mcphub_gitops.compiler.lock.offers import OfferDefinitions
from mcphub_gitops.compiler.plan.admission import Admission
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.plan.offer import NO_DEFINITIONS, Offer, offers_of
from mcphub_gitops.compiler.plan.profile import DesiredProfile
from mcphub_gitops.compiler.plan.tool import Tool
from mcphub_gitops.compiler.policy.model import PolicyFile, Verdict
from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.resolve.model import Hub

Kind = Literal["hub", "plan", "lock"]
Facts = Mapping[str, str]

_NO_FACTS: Mapping[str, Facts] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The documents that a side was compiled from, for the places of what changed: the whole tree, and the hub."""

    root: Node
    hub: Hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a hub was held to: its lock, its policies, and what those said to it."""

    lock: Lock | None = None
    policies: tuple[PolicyFile, ...] = ()
    verdicts: tuple[Verdict, ...] = ()


_NOT_HELD = Held()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One state. `name` is what people call it, `commit` its full hash, both as far as there is one.

    `facts` are what an apply establishes of each server (`DesiredServer.fields`), or of a lock its pins; `offered` the
    fingerprints of all tools of each server by the server's own names, `offers` what it serves beside tools. `servers`,
    `profiles` and `admission` are there where the side is no lock. `uncompared` are servers that are declared and could
    not be understood or bound, and `notes` say what else could not be known, in sentences. `names_only` are servers
    whose tools are held to their names alone, or were not asked for: no more than the names is sure of them. `review`
    is the review digest, empty for a lock; `found` is whether there is a hub at all. `lock` and `policies` are what a
    hub was compiled with, `standing` the digests of what a saved plan has no more of.
    """

    name: str
    kind: Kind
    commit: str = ""
    hub: str = ""
    review: str = ""
    found: bool = True
    facts: Mapping[str, Facts] = field(default_factory=lambda: _NO_FACTS)
    offered: Mapping[str, Facts] = field(default_factory=lambda: _NO_FACTS)
    offers: Mapping[str, tuple[Offer, ...]] = field(default_factory=lambda: MappingProxyType({}))
    servers: Mapping[str, DesiredServer] = field(default_factory=lambda: MappingProxyType({}))
    profiles: tuple[DesiredProfile, ...] = ()
    admission: Admission = field(default_factory=Admission)
    gateway: Facts = field(default_factory=lambda: MappingProxyType({}))
    moves: Facts = field(default_factory=lambda: MappingProxyType({}))
    verdicts: tuple[Verdict, ...] = ()
    lock: Lock | None = None
    policies: tuple[PolicyFile, ...] = ()
    standing: Facts = field(default_factory=lambda: MappingProxyType({}))
    uncompared: frozenset[str] = frozenset()
    names_only: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    written: Written | None = field(default=None, compare=False, repr=False)

    @property
    def environment(self) -> str:
        """The environment that it is for; empty for none, and for a lock."""
        return self.standing.get("environment", "")

    def served(self, server: str) -> dict[str, str]:
        """Return what clients call each tool that is served of `server`, by the server's own names."""
        found = self.servers.get(server)
        if found is None:
            return {name: name for name in self.offered.get(server, ())}
        return {tool.upstream: tool.name for tool in found.tools}


def side_of_desired(
    desired: Desired,
    *,
    name: str,
    kind: Kind,
    commit: str = "",
    held: Held = _NOT_HELD,
    uncompared: frozenset[str] = frozenset(),
    notes: tuple[str, ...] = (),
    written: Written | None = None,
) -> Side:
    """Return the side that `desired` is, which was compiled from a commit or read from a saved plan."""
    return Side(
        name=name,
        kind=kind,
        commit=commit,
        hub=desired.hub,
        review=desired.review_digest(),
        facts=desired.facts(),
        offered=MappingProxyType({server.name: server.offered() for server in desired.servers}),
        offers=MappingProxyType({each.name: each.offers.served for each in desired.servers if each.offers.served}),
        servers=MappingProxyType({server.name: server for server in desired.servers}),
        profiles=desired.profiles,
        admission=desired.admission,
        gateway=desired.gateway(),
        moves=desired.moves,
        verdicts=held.verdicts,
        lock=held.lock,
        policies=held.policies,
        standing=desired.standing(),
        uncompared=uncompared,
        names_only=frozenset(
            server.name for server in desired.servers if server.by_name or any(map(_is_bare, server.tools))
        ),
        notes=notes,
        written=written,
    )


def side_of_lock(
    lock: Lock,
    *,
    name: str,
    commit: str = "",
    notes: tuple[str, ...] = (),
    definitions: Mapping[str, OfferDefinitions] = NO_DEFINITIONS,
) -> Side:
    """Return the side that `lock` is by itself, without the hub that it belongs to.

    `definitions` are those of prompts and resources, as far as they are at hand.
    """
    catalogs = {
        f"catalog.{key}": " ".join(part for part in (each.source, each.commit, each.digest) if part)
        for key, each in lock.catalogs.items()
    }
    return Side(
        name=name,
        kind="lock",
        commit=commit,
        facts=MappingProxyType({key: dict(sorted(_pins(each))) for key, each in lock.servers.items()}),
        offered=MappingProxyType({key: each.tools for key, each in lock.servers.items()}),
        offers=MappingProxyType(
            {key: offers_of(each.offers, definitions.get(key, {})) for key, each in lock.servers.items() if each.offers}
        ),
        gateway=MappingProxyType(catalogs),
        names_only=frozenset(key for key, each in lock.servers.items() if each.definitions == "catalog"),
        notes=notes,
    )


def _is_bare(tool: Tool) -> bool:
    return len(tool.definition) == 1


def absent(name: str, kind: Kind, commit: str, note: str) -> Side:
    """Return the side where there is nothing yet, which `note` says in a sentence."""
    return Side(name=name, kind=kind, commit=commit, found=False, notes=(note,))


def _pins(server: LockedServer) -> Iterator[tuple[str, str]]:
    named = (("package", server.package), ("image", server.image), ("user", server.user), ("target", server.target))
    yield from ((name, value) for name, value in named if value)
    yield from ((f"image.{tool}", each.image) for tool, each in server.containers.items())
    yield "launch", server.launch
    yield "era", server.era
    yield from ((f"platform.{name}", digest) for name, digest in server.platforms.items())
    yield from ((f"requirement.{line.partition(' ')[0]}", fingerprint(line)) for line in server.requirements)
    yield from ((f"file.{path}", digest) for path, digest in server.files.items())
