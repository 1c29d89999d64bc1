"""Words that changed: which ones, and what else of a definition decides nothing for whoever calls the tool."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from mcphub_gitops.compiler.review.finding import MISSING, Finding, Json, ToolClass, Word, below, is_same, shown

_WORD = re.compile(r"\S+\s*|\s+")
"""A word and the space that follows it, so that no character is lost."""

_WORK = 200_000
"""How many pairs of words are held against each other within one text; what is left then is gone and new as a whole."""

_DEEPEST = 32
"""Levels of a value that are looked into."""

_Mark = Literal[" ", "-", "+"]

_Blocks = Iterator[tuple[int, int, int]]
"""Where words are kept: the place before, the place after, how many."""


def compare_words(before: str, after: str) -> tuple[Word, ...]:
    """Return the words of both texts, each run kept, gone or new; in time that grows little faster than the texts."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    runs: list[tuple[_Mark, list[str]]] = []
    at, other = 0, 0
    for start, begin, length in (*_kept(old, new), (len(old), len(new), 0)):
        _append(runs, old[at:start], "-")
        _append(runs, new[other:begin], "+")
        _append(runs, old[start : start + length], " ")
        at, other = start + length, begin + length
    return tuple(Word(text="".join(words), mark=mark) for mark, words in runs)


def compare_plain(where: str, before: Json, after: Json) -> Iterator[Finding]:
    """Yield a finding for each part that differs of what decides nothing: titles, descriptions, icons, `_meta`."""
    todo = [(where, before, after, 0)]
    while todo:
        place, old, new, depth = todo.pop()
        if is_same(old, new):
            continue
        parts = _parts(place, old, new) if depth < _DEEPEST else None
        if parts is None:
            yield _plain(place, old, new)
        else:
            todo += [(*part, depth + 1) for part in parts]


def _parts(where: str, before: Json, after: Json) -> list[tuple[str, Json, Json]] | None:
    """Return what values of the same form are made of, each part at its place; None where they have none in common."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = sorted({*before, *after}, reverse=True)
        return [(below(where, key), before.get(key, MISSING), after.get(key, MISSING)) for key in keys]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [(below(where, str(place)), *both) for place, both in enumerate(zip(before, after, strict=True))]
    return None


def _plain(where: str, before: Json, after: Json) -> Finding:
    if before is MISSING:
        said = "It is new."
    elif after is MISSING:
        said = "It is gone."
    elif isinstance(before, str) and isinstance(after, str):
        is_space = before.split() == after.split()
        said = "Its whitespace alone differs." if is_space else "Its words changed."
    else:
        said = f"It is {shown(after)} now, {shown(before)} before."
    return Finding(cls=ToolClass.WORDING, where=where, said=said, words=compare_words(_text(before), _text(after)))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _append(runs: list[tuple[_Mark, list[str]]], words: Sequence[str], mark: _Mark) -> None:
    if words and runs and runs[-1][0] == mark:
        runs[-1][1].extend(words)
    elif words:
        runs.append((mark, list(words)))


def _kept(old: list[str], new: list[str]) -> _Blocks:
    """Yield what both have: the same beginning, the same end, and between them what is aligned by rare words."""
    shortest = min(len(old), len(new))
    head = next((place for place in range(shortest) if old[place] != new[place]), shortest)
    rest = shortest - head
    tail = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    yield 0, 0, head
    yield from _aligned(old[head : len(old) - tail], new[head : len(new) - tail], head)
    yield len(old) - tail, len(new) - tail, tail


def _aligned(old: list[str], new: list[str], offset: int) -> _Blocks:
    """Yield the blocks between words that each side has once and that stand in the same order, and those words."""
    left = _WORK
    at, other = 0, 0
    for start, begin in (*_anchors(old, new), (len(old), len(new))):
        first, second = old[at:start], new[other:begin]
        left -= len(first) * len(second)
        if left >= 0 and first and second:
            for block in SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks():
                yield offset + at + block.a, offset + other + block.b, block.size
        if start < len(old):
            yield offset + start, offset + begin, 1
        at, other = start + 1, begin + 1


def _anchors(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """Return the longest rising sequence of places of words that both sides have exactly once (patience sorting)."""
    once, places = Counter(old), {word: place for place, word in enumerate(new)}
    counts = Counter(new)
    tops: list[int] = []
    piles: list[_Link] = []
    for place, word in enumerate(old):
        if once[word] == 1 and counts[word] == 1:
            pile = bisect_left(tops, places[word])
            link = _Link(place, places[word], piles[pile - 1] if pile else None)
            tops[pile : pile + 1] = [link.after]
            piles[pile : pile + 1] = [link]
    return _chain(piles[-1] if piles else None)


@dataclass(frozen=True, slots=True)
class _Link:
    before: int
    after: int
    previous: "_Link | None"


def _chain(link: _Link | None) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while link is not None:
        found.append((link.before, link.after))
        link = link.previous
    return found[::-1]
