"""What is said about one place in a definition: how bad it is, where, in one sentence, and the words that differ."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from mcphub_gitops.compiler.canonical import encode
from mcphub_gitops.compiler.source import printable

Json = Any
"""Any JSON value, or MISSING."""

MISSING: Final = object()
"""What a key that is not there has for a value; ``null`` is one that is."""

_LONGEST = 80
"""Longest quotation, in code points."""


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


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return `findings` with the worst first, in the order of places, each once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda each: (each.cls.rank, each.where)))


def is_same(before: Json, after: Json) -> bool:
    """Tell whether two values are the same JSON: ``1``, ``1.0`` and ``true`` are three values, ``MISSING`` is none."""
    if before is after:
        return True
    if before is MISSING or after is MISSING:
        return False
    return encode(before) == encode(after)


def is_order(before: object, after: object) -> bool:
    """Tell whether two lists have the same items, in whatever order."""
    if not isinstance(before, list) or not isinstance(after, list) or len(before) != len(after):
        return False
    return sorted(map(encode, before)) == sorted(map(encode, after))


def quoted(text: str) -> str:
    """Return `text` in backquotes, fit for one line: cut, what is not seen escaped, without a backquote of its own."""
    clean = printable(text).replace("`", "'").replace("\t", " ")
    return f"`{clean if len(clean) <= _LONGEST else clean[: _LONGEST - 1] + '…'}`"


def shown(value: Json) -> str:
    """Return a JSON value in backquotes, as `quoted` does."""
    return quoted(encode(value).decode("utf-8", "replace"))


def below(where: str, *keys: str) -> str:
    """Return the place of `keys` below `where`, without a character that is not seen."""
    return ".".join([*([where] if where else []), *(printable(key).replace("\t", "<U+0009>") for key in keys)])
