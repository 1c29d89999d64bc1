"""The way of a comparison through two schemas: where it is, and what it has told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, Self

from mcphub_gitops.compiler.review.constraint import Effect, Verdict
from mcphub_gitops.compiler.review.finding import Finding, ToolClass, below


class Direction(Enum):
    """Whether a schema says what a tool accepts, or what it returns."""

    INPUT = "input"
    OUTPUT = "output"


_CLASSES: Final[Mapping[Direction, Mapping[Effect, ToolClass]]] = {
    Direction.INPUT: {
        Effect.NARROWED: ToolClass.BREAKING,
        Effect.WIDENED: ToolClass.WIDENING,
        Effect.UNCLEAR: ToolClass.BREAKING,
        Effect.NONE: ToolClass.WORDING,
    },
    # Whoever reads a result is harmed by what was not announced, and by nothing else.
    Direction.OUTPUT: {
        Effect.NARROWED: ToolClass.WIDENING,
        Effect.WIDENED: ToolClass.BREAKING,
        Effect.UNCLEAR: ToolClass.BREAKING,
        Effect.NONE: ToolClass.WORDING,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Where a comparison is: `before` and `after` are the whole schemas, which references lead back into.

    `found` grows with what was told; `followed` has the references whose targets were compared, and how bad that was.
    """

    direction: Direction
    before: Any
    after: Any
    where: str
    depth: int = 0
    found: list[Finding] = field(default_factory=list)
    followed: dict[tuple[str, str], ToolClass] = field(default_factory=dict)

    def at(self, *keys: str) -> Self:
        """Return the same way one level deeper."""
        return replace(self, where=below(self.where, *keys), depth=self.depth + 1)

    def tell(self, verdict: Verdict | None, *keys: str) -> None:
        """Tell what a keyword's change does, if it does anything."""
        if verdict is not None:
            self.tell_class(_CLASSES[self.direction][verdict.effect], verdict.said, *keys)

    def tell_class(self, cls: ToolClass, said: str, *keys: str) -> None:
        """Tell something whose class does not depend on the direction."""
        self.found.append(Finding(cls=cls, where=below(self.where, *keys), said=said))
