"""Tests of a hub as frozen types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.source import Source, Span

Coming = Literal["kept", "warned", "waived", "denied"]
"""What comes of a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What is expected of a set of names: globs that are all of it (where `are` is not None), that it has, or lacks."""

    are: tuple[Text, ...] | None = None
    have: tuple[Text, ...] = ()
    lack: tuple[Text, ...] = ()
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case: the environment (empty: none) and the day (empty: any) that it looks at, and what has to hold there.

    `sets` are by the word of the schema, `profiles` by the profile's name, `policies` by the rule's.
    """

    name: str
    environment: str = ""
    as_of: str = ""
    errors: frozenset[str] = frozenset()
    sets: Mapping[str, Names] = field(default_factory=lambda: MappingProxyType({}))
    profiles: tuple[tuple[Text, Names], ...] = ()
    policies: tuple[tuple[Text, Coming], ...] = ()
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestDocument:
    """A document of tests, as far as it could be understood."""

    source: Source
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """What does not hold, as a sentence, and where it was expected."""

    said: str
    span: Span = field(compare=False, repr=False)
