"""What a lock asks of the world, and the answers it takes: the compiler asks, the runtime finds out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageQuestion:
    """A wish for pins: the versions and wheels that satisfy `requirement` on every platform.

    `requirement` is a PEP 508 name with at most one ``==``. `preferred` are the requirements that are locked now: they
    are kept wherever they still satisfy the question.
    """

    requirement: str
    preferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageAnswer:
    """The pins that were found: `package` is ``name==version``, `requirements` one line a distribution.

    A line is ``name==version [; marker] --hash=sha256:<hex> ...``, in the order of names. `problem` says in a sentence
    why there are none, when the index has no such name or no usable version; the other two are empty then.
    """

    package: str = ""
    requirements: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsAnswer:
    """What a server offers: the protocol era it answered in, and each definition as it was sent, on all pages."""

    era: str
    tools: tuple[Mapping[str, Any], ...]
