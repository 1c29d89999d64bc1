"""The one layout of a document: two spaces of indentation, no spaces at ends of lines, one break at the text's end.

Only what never changes a meaning is changed, and what comes out is read again: it has to say the same, with the same
comments. Where it does not, as in forms that nobody writes by hand, less is changed.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mcphub_gitops.compiler.read.lines import Lines, Splice, apply_splices
from mcphub_gitops.compiler.read.roundtrip import Branch, Leaf, Limb, UnfitError, find_places, scalar_stretches
from mcphub_gitops.compiler.read.syntax import parse, plain

STEP = 2
"""The spaces of one level."""

_ODD_BREAK = re.compile("[\x85\u2028\u2029]")
_GLUED = re.compile(r"#(?=[^\W_])")
_COMMENT = re.compile(r"#[^\n]*")
_BLANKS = re.compile(r"[ \t]+(?=\n)")


def lay_out(text: str) -> str:
    """Return `text`, a document that `syntax.parse` finds nothing wrong with, in its layout.

    Laid out again it stays as it is.
    """
    if _ODD_BREAK.search(text):
        return text
    tried = (_through(text, steps) for steps in _STEPS)
    return next((changed for changed in tried if changed is not None and _same(text, changed)), text)


def _through(text: str, steps: tuple[Callable[[str], str], ...]) -> str | None:
    try:
        for step in steps:
            text = step(text)
    except UnfitError:
        return None
    return text


def _same(before: str, after: str) -> bool:
    return _meaning(before) == _meaning(after) and _words(_break(before)) == _words(after)


def _meaning(text: str) -> str | None:
    parsed = parse("", text.encode())
    return json.dumps(plain(parsed.root), sort_keys=True) if parsed.root is not None else None


def _words(text: str) -> list[str]:
    try:
        return [text[start:end].lstrip("#").strip() for start, end in _comments(text)]
    except UnfitError:
        return []


def _break(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _end(text: str) -> str:
    last = list(_gaps(text))[-1][0]
    return (text[:last] + text[last:].rstrip(" \t\n")).rstrip("\n") + "\n"


def _tidy(text: str) -> str:
    """Return `text` without spaces at ends of lines, and with one space on both sides of a comment's hash."""
    splices = []
    for start, end in _comments(text):
        before = text[:start].rstrip(" \t")
        if before and not before.endswith("\n"):
            splices.append(Splice(start=len(before), end=start, text=" "))
        if _GLUED.match(text, start):
            splices.append(Splice(start=start + 1, end=start + 1, text=" "))
        splices.append(Splice(start=start + len(text[start:end].rstrip(" \t")), end=end))
    text = apply_splices(text, splices)
    found = [match.span() for gap in _gaps(text) for match in _BLANKS.finditer(text, *gap)]
    return apply_splices(text, [Splice(start=start, end=end) for start, end in found])


def _gaps(text: str) -> Iterator[tuple[int, int]]:
    """Yield the stretches of `text` that are in no scalar and no directive."""
    at = 0
    for start, end in scalar_stretches(text):
        yield at, start
        at = end
    yield at, len(text)


def _comments(text: str) -> Iterator[tuple[int, int]]:
    for start, end in _gaps(text):
        for match in _COMMENT.finditer(text, start, end):
            yield match.span()


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of each line: `columns` are those of nodes, old and new, that are open on a line which begins one.

    `shifts` are by how much lines inside of values move, `gaps` the spaces between a dash and what is beside it.
    """

    lines: Lines
    columns: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    shifts: dict[int, int] = field(default_factory=dict)
    gaps: list[Splice] = field(default_factory=list)

    def branch(self, branch: Branch, new: int, above: tuple[tuple[int, int], ...], beside: int = -1) -> None:
        """Plan a mapping or list whose entries shall stand in column `new`; `beside` is the dash on its line, if any.

        Raises UnfitError.
        """
        for limb in branch.limbs:
            old = self.lines.column(limb.start)
            columns = (*above, (old, new))
            if limb.explicit:
                raise UnfitError("its keys have question marks")
            if not self.lines.begins(limb.start):
                self.gaps.append(Splice(start=beside + 1, end=limb.start, text=" "))
            self.columns[self.lines.number(limb.start)] = columns
            self._value(limb, new, new - old, columns)

    def _value(self, limb: Limb, new: int, shift: int, columns: tuple[tuple[int, int], ...]) -> None:
        value, line = limb.value, self.lines.number(limb.start)
        is_beside = self.lines.number(value.start) == line
        if isinstance(value, Branch) and not value.flow:
            self.branch(value, new + STEP, columns, limb.start if is_beside and limb.colon < 0 else -1)
            return
        if is_beside and limb.colon < 0 and value.start < value.end:
            self.gaps.append(Splice(start=limb.start + 1, end=value.start, text=" "))
        for number in range(line + 1, self.lines.number(max(value.start, value.end - 1)) + 1):
            self.shifts[number] = shift


def _indent(text: str) -> str:
    root = find_places(text)
    if isinstance(root, Leaf) or root.flow:
        return text
    plan = _Plan(lines=Lines(text))
    plan.branch(root, 0, ())
    return apply_splices(text, [*plan.gaps, *_moves(plan)])


def _moves(plan: _Plan) -> Iterator[Splice]:
    lines = plan.lines
    for number in range(len(lines)):
        old = lines.indent(number)
        if number in plan.shifts:
            new = max(0, old + plan.shifts[number])
        elif number in plan.columns:
            new = _first_on_line(plan, number)
        elif lines.is_comment(number):
            new = _comment_column(plan, number, old)
        else:
            continue
        yield Splice(start=lines.start(number), end=lines.start(number) + old, text=" " * new)


def _first_on_line(plan: _Plan, number: int) -> int:
    """Return the new column of what begins the line: beside a dash, the last that is open is not that."""
    old = plan.lines.indent(number)
    return next(new for was, new in reversed(plan.columns[number]) if was == old)


def _comment_column(plan: _Plan, number: int, old: int) -> int:
    """Return where a comment on a line of its own goes: with what it stands above, or else below, in its column."""
    below = _first_columns(plan, range(number + 1, len(plan.lines)))
    above = _first_columns(plan, range(number - 1, -1, -1))
    for was, new in (*reversed(below), *reversed(above)):
        if was == old:
            return new
    less = [new for was, new in (below if len(below) > len(above) else above) if was < old]
    return less[-1] + STEP if less else 0


def _first_columns(plan: _Plan, numbers: range) -> tuple[tuple[int, int], ...]:
    return next((plan.columns[number] for number in numbers if number in plan.columns), ())


_STEPS = (
    (_break, _indent, _tidy, _end),
    (_break, _indent, _tidy),
    (_break, _tidy, _end),
    (_break, _tidy),
    (_break,),
)
"""What is done to a text, all of it or less."""
