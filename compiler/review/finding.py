"""What is said about one place in a definition: how bad it is, where, in one sentence, and the words that differ."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal


class ToolClass(Enum):
    """What a change means to those who call the tool, from worse to milder."""

    SUSPICIOUS = "suspicious"
    BREAKING = "breaking"
    WIDENING = "widening"
    WORDING = "wording"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return _RANKS[self]


_RANKS = {each: rank for rank, each in enumerate(ToolClass)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A run of words of a text that changed: kept (" "), gone ("-") or new ("+").

    The kept and the gone runs, joined, are the text before, to the character; the kept and the new ones that after.
    `text` is somebody's raw text: whoever shows it escapes it.
    """

    text: str
    mark: Literal[" ", "-", "+"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that changed.

    `where` is its place in the definition, such as ``inputSchema.properties.path``, empty for the whole. `said` is one
    sentence; what it quotes of somebody's text stands in backquotes and has no character that is not seen. `words` are
    those of a text that changed.
    """

    cls: ToolClass
    where: str
    said: str
    words: tuple[Word, ...] = ()


def ranked(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return `findings` with the worst first, in the order of places, each once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: (each.cls.rank, each.where)))
