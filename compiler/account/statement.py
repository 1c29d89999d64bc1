"""What an account is made of, and what it is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.freshness import Stale
from mcphub_gitops.compiler.lock.model import Lock, LockedServer
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.read.randomness import irregular_words
from mcphub_gitops.compiler.read.redaction import mask
from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.resolve.model import Hub, Server
from mcphub_gitops.compiler.resolve.nodes import child
from mcphub_gitops.compiler.source import Span
from mcphub_gitops.compiler.url import hide_query

if TYPE_CHECKING:
    from mcphub_gitops.compiler.policy.model import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One thing that is so: `text` says it, `topic` what it is about, `span` which line makes it so, if one does.

    `name` is what it is about among others of the topic: a variable, a path, a rule.
    """

    topic: str
    text: str
    name: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A compiled hub that is asked about: `layers` are the trees of its documents, `root` what they came to.

    `bound` has the servers whose lock fits, `applied` is what the machine was made to be, None where it was not;
    `trouble` says why that cannot be told. `definitions` are the readable ones of the server that is asked about.
    """

    root: Node
    layers: tuple[Node, ...]
    hub: Hub
    lock: Lock
    lock_name: str
    stale: tuple[Stale, ...] = ()
    bound: Desired | None = None
    applied: Desired | None = None
    trouble: str = ""
    verdicts: "tuple[Verdict, ...]" = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    definitions: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))

    def server(self, name: str) -> Server | None:
        """Return the server `name` as it was understood."""
        return next((each for each in self.hub.servers if each.name == name), None)

    def node(self, name: str, *keys: str) -> Node | None:
        """Return what stands in the declaration of the server `name` under `keys`."""
        return child(self.root, "servers", name, *keys)

    def place(self, name: str, *keys: str) -> Span | None:
        """Return where it stands."""
        node = self.node(name, *keys)
        return node.span if node is not None else None

    def locked(self, name: str) -> LockedServer | None:
        """Return the pins of the server `name`, whether they fit or not."""
        return self.lock.servers.get(name)

    def why_stale(self, name: str) -> str:
        """Return why the pins of the server `name` do not fit, as the end of a sentence; empty where they do."""
        return next((each.reason for each in self.stale if each.server == name), "")

    def desired(self, name: str) -> DesiredServer | None:
        """Return the server `name` with its lock, where that fits."""
        return _named(self.bound, name)

    def running(self, name: str) -> DesiredServer | None:
        """Return the server `name` as it is applied."""
        return _named(self.applied, name)


def _named(desired: Desired | None, name: str) -> DesiredServer | None:
    return next((each for each in desired.servers if each.name == name), None) if desired is not None else None


def shown(text: str) -> str:
    """Return `text`, which somebody declared, without what may be a secret."""
    for start, end in sorted(irregular_words(text), reverse=True):
        text = f"{text[:start]}****{text[end:]}"
    return mask(hide_query(text))


def judged(asked: Asked, subject: str) -> tuple[Statement, ...]:
    """Return what policies say to `subject`, a server or ``SERVER/TOOL``, rule by rule, each with its waiver."""
    found = []
    for verdict in asked.verdicts:
        if verdict.subject != subject:
            continue
        rule, waiver = verdict.rule, verdict.waiver
        text = f"{verdict.outcome} ({rule.level}): {rule.message}"
        found.append(Statement(topic="policy", name=rule.name, text=text, span=rule.span))
        if waiver is not None:
            text = f"{waiver.owner} answers for it through {waiver.expires}: {waiver.reason}"
            found.append(Statement(topic="waiver", name=rule.name, text=text, span=waiver.span))
    return tuple(found)
