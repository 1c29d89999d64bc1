"""A text as lines, and changes of stretches of it."""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What YAML's scanners take for the end of a line."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Splice:
    """What stands in ``[start, end)`` is replaced by `text`."""

    start: int
    end: int
    text: str = ""


class Lines:
    """The lines of a text by number, counted from 0; a text that ends with a break has an empty one at its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = list(_BREAK.finditer(text))
        self._starts = [0, *(each.end() for each in found)]
        self._ends = [*(each.start() for each in found), len(text)]
        self.newline = found[0][0] if found else "\n"

    def __len__(self) -> int:
        return len(self._starts)

    def number(self, offset: int) -> int:
        """Return the line that the code point at `offset` is on, its own break included."""
        return bisect_right(self._starts, offset) - 1

    def start(self, number: int) -> int:
        """Return where the line begins."""
        return self._starts[number]

    def end(self, number: int) -> int:
        """Return where the line ends, before its break."""
        return self._ends[number]

    def after(self, number: int) -> int:
        """Return where the next line begins, or the text's end."""
        return self._starts[number + 1] if number + 1 < len(self) else len(self.text)

    def column(self, offset: int) -> int:
        """Return the column of `offset`, counted from 0."""
        return offset - self._starts[self.number(offset)]

    def content(self, number: int) -> str:
        """Return the line without its break."""
        return self.text[self._starts[number] : self._ends[number]]

    def indent(self, number: int) -> int:
        """Return how many spaces the line begins with."""
        line = self.content(number)
        return len(line) - len(line.lstrip(" "))

    def is_blank(self, number: int) -> bool:
        """Whether the line has nothing but spaces and tabs."""
        return not self.content(number).strip(" \t")

    def is_comment(self, number: int) -> bool:
        """Whether the line has nothing but a comment, where it is not part of a scalar."""
        return self.content(number).lstrip(" \t").startswith("#")

    def begins(self, offset: int) -> bool:
        """Whether nothing but spaces and tabs stands before `offset` on its line."""
        return not self.text[self._starts[self.number(offset)] : offset].strip(" \t")


def apply_splices(text: str, splices: Iterable[Splice]) -> str:
    """Return `text` with all of `splices`, which do not overlap."""
    parts: list[str] = []
    at = 0
    for splice in sorted(splices):
        parts += [text[at : splice.start], splice.text]
        at = splice.end
    return "".join([*parts, text[at:]])
