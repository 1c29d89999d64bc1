"""Where text came from: sources, positions in them, and the excerpts that diagnostics show."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import accumulate
from typing import NamedTuple, Self

_BREAKS = "\n\r\x85\u2028\u2029"
_BREAK = re.compile(f"\r\n|[{_BREAKS}]")
"""The line breaks that libyaml counts, so that its line numbers are ours."""

EXCERPT_WIDTH = 160
"""Longest line, in code points, that an excerpt shows; a longer one is cut around the caret."""

_ASTERISKS = "****"
_UNSEEN_MARK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What Unicode counts among the marks and letters, and nothing shows: variation selectors, joiners, fillers."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Position:
    """A place in a text: line and column count from 1, columns in code points (as editors do)."""

    line: int
    column: int


class Span(NamedTuple):
    """A stretch of one source, end exclusive; `source` is the name the user knows the document by.

    Every node of a document has one, and few are asked for more than that: as a tuple of numbers it takes a third of
    the time that three objects take to make, a tenth of reading a catalog.
    """

    source: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"

    @classmethod
    def between(cls, source: str, start: Position, end: Position) -> Self:
        """Return the stretch of `source` from `start` to `end`."""
        return cls(source, start.line, start.column, end.line, end.column)

    @property
    def start(self) -> Position:
        """Where it begins."""
        return Position(line=self.line, column=self.column)

    @property
    def end(self) -> Position:
        """Where it ends."""
        return Position(line=self.end_line, column=self.end_column)

    @property
    def last_line(self) -> int:
        """The last line that has something of the stretch: one that ends where a line begins has nothing of that."""
        return max(self.line, self.end_line - (self.end_column == 1))


span_of = partial(tuple.__new__, Span)
"""Makes a span of all its parts, in one tuple: half the time, where there are many."""


@dataclass(frozen=True)
class Source:
    """A document's name and decoded text; the text is kept, so an excerpt never re-reads the disk.

    `hidden` are the places that may hold a secret, which no excerpt shows.
    """

    name: str
    text: str
    hidden: tuple[Span, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(sorted(self.hidden)))

    def hide(self, spans: Iterable[Span]) -> "Source":
        """Return the same text with `spans` hidden."""
        hiding = Source(self.name, self.text, tuple(spans))
        if "_starts" in self.__dict__:
            hiding.__dict__["_starts"] = self._starts
        return hiding

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        """Where each line begins; found when it is first asked for, which for most catalogs is never."""
        return (0, *(found.end() for found in _BREAK.finditer(self.text)))

    @cached_property
    def _reach(self) -> tuple[int, ...]:
        """For each of `hidden` the last line that it or one before it covers: where to begin to look for a line."""
        return tuple(accumulate((span.end_line for span in self.hidden), max))

    def hidden_on(self, number: int) -> Iterator[Span]:
        """Yield the hidden places that have a part on line `number`."""
        for place in range(bisect_left(self._reach, number), len(self.hidden)):
            span = self.hidden[place]
            if span.line > number:
                return
            if span.end_line >= number:
                yield span

    def position(self, offset: int) -> Position:
        """Return the position of the code point at `offset` (0-based)."""
        line = bisect_right(self._starts, offset)
        return Position(line=line, column=offset - self._starts[line - 1] + 1)

    def offset(self, position: Position) -> int:
        """Return the offset (0-based) of the code point at `position`, which is at most the end of the text."""
        if position.line > len(self._starts):
            return len(self.text)
        return min(self._starts[position.line - 1] + position.column - 1, len(self.text))

    def span(self, start: int, end: int) -> Span:
        """Return the span of the code points in ``[start, end)``."""
        return Span.between(self.name, self.position(start), self.position(end))

    @property
    def lines(self) -> tuple[str, ...]:
        """All lines without their breaks; what follows the last break is a line if there is anything."""
        found = tuple(self.line(number) for number in range(1, len(self._starts) + 1))
        return found if found[-1] else found[:-1]

    def line(self, number: int) -> str:
        """Return line `number` (1-based) without its line break; an empty string past the end."""
        if number > len(self._starts):
            return ""
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip(_BREAKS)


def excerpt(source: Source, span: Span) -> tuple[str, str]:
    """Return the line that `span` starts on and a line of carets under the spanned part.

    What `source.hidden` covers is replaced by asterisks of a fixed length.
    """
    line = source.line(span.start.line)
    first = span.start.column - 1
    last = span.end.column - 1 if span.end.line == span.start.line else len(line)
    # Only what can be shown is looked at, so that an excerpt of a line with thousands of secrets costs no more.
    left, right = max(0, first - EXCERPT_WIDTH), first + 2 * EXCERPT_WIDTH
    window = [(max(start, left) - left, min(end, right) - left) for start, end in _hidden(source, span.start.line)]
    masked = _mask(line[left:right], [each for each in window if each[0] < each[1]], first - left, last - left)
    line, first, last = masked
    cut = max(0, first - EXCERPT_WIDTH // 2) if left or len(line) > EXCERPT_WIDTH else 0
    shown = line[cut : cut + EXCERPT_WIDTH]
    before, marked = printable(shown[: first - cut]), printable(shown[first - cut : last - cut])
    indent = "".join("\t" if char == "\t" else " " for char in before)
    return printable(shown), indent + "^" * max(1, len(marked))


def redacted(source: Source, number: int) -> str:
    """Return the whole of line `number` (1-based) as it can be shown, with what `source` hides as asterisks."""
    line = source.line(number)
    return printable(_mask(line, _hidden(source, number), 0, 0)[0])


def shown_lines(source: Source) -> list[str]:
    """Return all lines as excerpts show them: what `source.hidden` covers is replaced, and none steers a terminal."""
    count = source.position(len(source.text)).line
    numbers = range(1, count + 1 if source.line(count) else count)
    return [printable(_mask(source.line(number), _hidden(source, number), 0, 0)[0]) for number in numbers]


def printable(text: str) -> str:
    """Return `text` fit for one line of a message: what could steer a terminal, or is not seen, becomes <U+XXXX>."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if is_seen(char) or char == "\t" else f"<U+{ord(char):04X}>" for char in text)


def is_seen(char: str) -> bool:
    """Tell whether a reader sees that `char` is there, and it cannot steer a terminal."""
    return char.isprintable() and _UNSEEN_MARK.match(char) is None


def _hidden(source: Source, number: int) -> list[tuple[int, int]]:
    """Return the hidden stretches of line `number`, from right to left, columns counted from 0."""
    length = len(source.line(number))
    found = []
    for span in source.hidden_on(number):
        start = span.start.column - 1 if span.start.line == number else 0
        end = span.end.column - 1 if span.end.line == number else length
        found.append((start, min(end, length)))
    return sorted(found, reverse=True)


def _mask(line: str, stretches: list[tuple[int, int]], first: int, last: int) -> tuple[str, int, int]:
    for start, end in stretches:
        line = line[:start] + _ASTERISKS + line[end:]
        first = _moved(first, start, end)
        last = _moved(last, start, end, at_end=True)
    return line, first, last


def _moved(column: int, start: int, end: int, *, at_end: bool = False) -> int:
    if column >= end:
        return column + len(_ASTERISKS) - (end - start)
    if column <= start:
        return column
    return start + len(_ASTERISKS) if at_end else start
