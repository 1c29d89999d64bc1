"""Fixes carried out on the text of a document: what they name is replaced, and no other character touched."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mcphub_gitops.compiler.diagnostic import Diagnostic, Fix
from mcphub_gitops.compiler.source import Source, redacted

_CONTEXT = 3
"""Unchanged lines that a diff shows before and after a change."""

Edit: TypeAlias = tuple[int, int, str]
"""The code points in ``[start, end)``, counted from 0, and what is to stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """A document's text after repair, and the diagnostics whose fixes are in it, in the order they were given."""

    text: str
    fixed: tuple[Diagnostic, ...]


def repair(source: Source, diagnostics: Iterable[Diagnostic]) -> Repaired:
    """Carry out the fixes of those `diagnostics` that are about `source`.

    Of fixes that overlap, or begin at one place, the first is carried out; the others are for another round.
    """
    fixed: list[Diagnostic] = []
    edits: list[Edit] = []
    for diagnostic in diagnostics:
        wanted = _edits(source, diagnostic.fix) if diagnostic.fix is not None else []
        if wanted and all(_is_free(edit, edits) for edit in wanted):
            fixed.append(diagnostic)
            for edit in wanted:
                insort(edits, edit)
    return Repaired(text="".join(_pieces(source.text, edits)), fixed=tuple(fixed))


def show_difference(before: Source, after: Source) -> Iterator[str]:
    """Yield the lines of a unified diff of two texts with as many lines; what either source hides is masked."""
    pairs = enumerate(zip(before.lines, after.lines, strict=True), 1)
    changed = [number for number, (old, new) in pairs if old != new]
    if changed:
        yield from (f"--- {before.name}", f"+++ {after.name}")
    last = len(after.lines)
    for hunk in _hunks(changed):
        start, end = max(1, hunk[0] - _CONTEXT), min(last, hunk[-1] + _CONTEXT)
        place = f"{start},{end - start + 1}" if end > start else str(start)
        yield f"@@ -{place} +{place} @@"
        yield from _hunk_lines(before, after, range(start, end + 1), hunk)


def _edits(source: Source, fix: Fix) -> list[Edit]:
    if any(each.span.source != source.name for each in fix.replacements):
        return []
    return [(source.offset(each.span.start), source.offset(each.span.end), each.text) for each in fix.replacements]


def _is_free(edit: Edit, edits: list[Edit]) -> bool:
    """Whether `edit` touches none of `edits`, which are in order and do not touch one another."""
    place = bisect_left(edits, edit)
    return not any(_meet(edit, other) for other in edits[max(0, place - 1) : place + 1])


def _meet(one: Edit, other: Edit) -> bool:
    return one[0] == other[0] or (one[0] < other[1] and other[0] < one[1])


def _pieces(text: str, edits: Iterable[Edit]) -> Iterator[str]:
    done = 0
    for start, end, new in edits:
        yield text[done:start]
        yield new
        done = end
    yield text[done:]


def _hunks(changed: Iterable[int]) -> Iterator[list[int]]:
    """Yield the numbers in `changed` in groups whose contexts meet."""
    group: list[int] = []
    for number in changed:
        if group and number - group[-1] - 1 > 2 * _CONTEXT:
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def _hunk_lines(before: Source, after: Source, lines: range, changed: Sequence[int]) -> Iterator[str]:
    """Yield `lines` as a hunk, each run of changed ones first as it was, then as it is."""
    new: list[str] = []
    is_changed = frozenset(changed)
    for number in lines:
        if number in is_changed:
            yield f"-{redacted(before, number)}"
            new.append(f"+{redacted(after, number)}")
            continue
        yield from new
        new = []
        yield f" {redacted(after, number)}"
    yield from new
