"""A review as a value: what differs between two states of a hub, by what a reviewer has to ask first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Literal

from mcphub_gitops.compiler.lock.movement import Movement
from mcphub_gitops.compiler.plan.plan import Change, FieldChange
from mcphub_gitops.compiler.policy.model import Outcome, Verdict
from mcphub_gitops.compiler.review.offer import ReviewedOffer
from mcphub_gitops.compiler.review.side import Side
from mcphub_gitops.compiler.review.tool import ToolChange
from mcphub_gitops.compiler.source import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A value that differs: `before` and `after`, None where there is none.

    `span` is the line that makes it so: of the side after, or of the side before where it is gone.
    """

    before: str | None
    after: str | None
    span: Span | None = None

    @property
    def mark(self) -> str:
        """``+``, ``~`` or ``-``."""
        return "+" if self.before is None else "-" if self.after is None else "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission(Difference):
    """One thing that a server may do or gets, and did not before, or no longer.

    `server` is empty for the gateway, `kind` one of `permission.KINDS`, `fact` the plan's name of it.
    """

    server: str
    kind: str
    fact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Travel:
    """Where a secret can go that a server gets: `ways` are sentences' ends, `sharing` others that have it, too."""

    server: str
    variable: str
    reference: str
    ways: tuple[str, ...]
    sharing: tuple[str, ...]
    profiles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What clients notice at `path`: of the profile `name`, or of the whole gateway where that is empty.

    `gained`, `lost` and `changed` are tools by the names that clients see, `servers` those of its servers that change.
    `admitted` are those who reach it now and did not before, `shut_out` those who do no longer: names of tokens, or the
    operator.
    """

    name: str
    path: str
    was: str = ""
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    admitted: tuple[str, ...] = ()
    shut_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A declared client that connects to another path: `before` and `after`, empty where it is not declared."""

    client: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """The declared clients: those that `moved`, those `at` each path that changes, those that nothing touches."""

    moved: tuple[Connection, ...] = ()
    at: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    untouched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedTool:
    """A tool whose definition changed; `name` is what clients call it, or called it, empty where they do not see it.

    With `by_catalog` its definition is what a catalog says, which the server is not held to.
    """

    change: ToolChange
    name: str
    by_catalog: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A tool that stays as it is under another name for clients: `before` and `after`, empty where they see none."""

    server: str
    tool: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the tools at `path` cost in tokens before and after, None where there is no such path."""

    name: str
    path: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a rule says now (`verdict`, its last word where it is `gone`), and what it said before (empty: nothing)."""

    verdict: Verdict
    was: Outcome | str
    gone: bool = False

    @property
    def is_new(self) -> bool:
        """Whether it was not so before."""
        return not self.gone and self.was != self.verdict.outcome


GuardKind = Literal["rule", "waiver", "tag"]
Mark = Literal["+", "~", "-"]


class Weight(Enum):
    """Whether policies let more pass after a change of theirs."""

    WEAKER = "weaker"
    UNSURE = "perhaps weaker"
    STRONGER = "stronger"
    SAME = "as strong"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardChange:
    """A rule, a waiver or a tag that is new (``+``), another (``~``) or gone (``-``), and what that does.

    `name` is the rule's own, that of the rule that is waived, or the tag's. `subject` is what is waived, and of a tag
    the kind of things that it is for. `span` is its place, of what is gone on the side before.
    """

    mark: Mark
    kind: GuardKind
    name: str
    subject: str
    weight: Weight
    fields: tuple[FieldChange, ...]
    span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Difference):
    """A part of the document that differs and is told nowhere else, by its `path` with dots.

    `before` and `after` are JSON; None where there is none, and empty where it may hold a secret.
    """

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts. Tools and images are those of servers that are on both sides; `images` of them run in one."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: Mapping[str, str]
    changed: int
    common: int
    other_image: int
    other_tools: int
    other_tools_same_image: int
    tools_added: int
    tools_removed: int
    tools_changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """All that differs between `before` and `after`, and what could not be looked at (`unchecked`, in sentences)."""

    before: Side
    after: Side
    headline: str
    permissions: tuple[Permission, ...]
    unchanged: tuple[str, ...]
    travels: tuple[Travel, ...]
    reach: tuple[Reach, ...]
    untouched: tuple[str, ...]
    connections: Connections
    tools: tuple[ReviewedTool, ...]
    exposures: tuple[Exposure, ...]
    offers: tuple[ReviewedOffer, ...]
    costs: tuple[Cost, ...]
    guards: tuple[GuardChange, ...]
    verdicts: tuple[Judged, ...]
    servers: tuple[Change, ...]
    gateway: tuple[FieldChange, ...]
    settings: tuple[Setting, ...]
    pins: tuple[Movement, ...]
    effects: tuple[str, ...]
    undo: tuple[str, ...]
    unchecked: tuple[str, ...]
    summary: Summary

    @property
    def is_empty(self) -> bool:
        """Whether both sides come to the same, as far as both are known."""
        found: tuple[Collection[object], ...] = (
            *(self.permissions, self.tools, self.exposures, self.servers, self.gateway, self.after.uncompared),
            *(self.guards, self.settings, self.pins, self.reach, self.offers),
        )
        is_told = any(each.gone or each.is_new for each in self.verdicts) or bool(self.connections.moved)
        known = self.before.found == self.after.found and not self.before.uncompared
        return not any(found) and not is_told and known and self.before.review == self.after.review

    @property
    def is_denied(self) -> bool:
        """Whether policies deny the side after."""
        return any(each.verdict.outcome == "denied" and not each.gone for each in self.verdicts)
