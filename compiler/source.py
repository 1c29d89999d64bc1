"""Where text came from: sources, positions in them, and the excerpts that diagnostics show."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

_BREAKS = "\n\r\x85\u2028\u2029"
_BREAK = re.compile(f"\r\n|[{_BREAKS}]")
"""The line breaks that libyaml counts, so that its line numbers are ours."""

EXCERPT_WIDTH = 160
"""Longest line, in code points, that an excerpt shows; a longer one is cut around the caret."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Position:
    """A place in a text: line and column count from 1, columns in code points (as editors do)."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """A stretch of one source, end exclusive; `source` is the name the user knows the document by."""

    source: str
    start: Position
    end: Position

    def __str__(self) -> str:
        return f"{self.source}:{self.start.line}:{self.start.column}"


@dataclass(frozen=True, slots=True)
class Source:
    """A document's name and decoded text; the text is kept, so an excerpt never re-reads the disk."""

    name: str
    text: str
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = (0, *(found.end() for found in _BREAK.finditer(self.text)))
        object.__setattr__(self, "_starts", starts)

    def position(self, offset: int) -> Position:
        """Return the position of the code point at `offset` (0-based)."""
        line = bisect_right(self._starts, offset)
        return Position(line=line, column=offset - self._starts[line - 1] + 1)

    def span(self, start: int, end: int) -> Span:
        """Return the span of the code points in ``[start, end)``."""
        return Span(source=self.name, start=self.position(start), end=self.position(end))

    def line(self, number: int) -> str:
        """Return line `number` (1-based) without its line break; an empty string past the end."""
        if number > len(self._starts):
            return ""
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip(_BREAKS)


def excerpt(source: Source, span: Span, *, redact: bool = False) -> tuple[str, str]:
    """Return the line that `span` starts on and a line of carets under the spanned part.

    `redact` replaces the spanned text by asterisks of a fixed length, for values that may be secret.
    """
    line = source.line(span.start.line)
    first = span.start.column - 1
    last = span.end.column - 1 if span.end.line == span.start.line else len(line)
    if redact:
        line, last = line[:first] + "****", first + 4
    cut = max(0, first - EXCERPT_WIDTH // 2) if len(line) > EXCERPT_WIDTH else 0
    shown = line[cut : cut + EXCERPT_WIDTH]
    carets = max(1, min(last, cut + len(shown)) - first)
    indent = "".join("\t" if char == "\t" else " " for char in shown[: first - cut])
    return _printable(shown), indent + "^" * carets


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in line)
