"""Policies as frozen types, and what they come to: verdicts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

from mcphub_gitops.compiler.policy.condition import Condition
from mcphub_gitops.compiler.policy.vocabulary import Kind
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.source import Source, Span

Level = Literal["warn", "deny", "deny-unless-approved"]
Outcome = Literal["denied", "warned", "waived"]
Expected = Literal["denied", "allowed"]
Facts = Mapping[str, Any]
"""Facts of one thing by their names in the schema; what is nested is a mapping, or a list of mappings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule: things of `kind` that `when` holds for (all of them without one) break it where `deny` holds."""

    name: str
    level: Level
    kind: Kind
    when: Condition | None
    deny: Condition
    message: str
    help: str = ""
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A word that each server or tool is given which `when` holds for."""

    tag: str
    kind: Kind
    when: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """What is allowed although `rule` says otherwise; it holds through the day `expires` (YYYY-MM-DD)."""

    rule: Text
    subject: str
    owner: str
    reason: str
    expires: str
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenServer:
    """A server by its facts, and its tools by theirs."""

    facts: Facts
    tools: tuple[Facts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A hub by its facts: all that rules look at is worked out from this."""

    hub: Facts
    servers: tuple[GivenServer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A team's own case: what is given, and what each rule is to say to it."""

    name: str
    given: Given
    expect: tuple[tuple[Text, Expected], ...]
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """A policy document, as far as it could be understood."""

    source: Source
    rules: tuple[Rule, ...] = ()
    tags: tuple[Tag, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    cases: tuple[Case, ...] = ()


def rules_of(policies: Iterable[PolicyFile]) -> tuple[Rule, ...]:
    """Return the rules of all `policies`."""
    return tuple(chain.from_iterable(policy.rules for policy in policies))


def tags_of(policies: Iterable[PolicyFile]) -> tuple[Tag, ...]:
    """Return the tags of all `policies`."""
    return tuple(chain.from_iterable(policy.tags for policy in policies))


def cases_of(policies: Iterable[PolicyFile]) -> tuple[Case, ...]:
    """Return the cases of all `policies`."""
    return tuple(chain.from_iterable(policy.cases for policy in policies))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A rule that is broken by `subject` (``hub``, ``SERVER`` or ``SERVER/NAME``), and what follows from it.

    `server` is the name of the server that it belongs to, empty for the hub. `waiver` is the one that allows it,
    or that allowed it until it expired.
    """

    rule: Rule
    subject: str
    server: str
    outcome: Outcome
    waiver: Waiver | None = None
