"""What a misspelt word certainly means, as a fix to the letter."""

import re
from collections.abc import Iterable
from dataclasses import replace
from difflib import SequenceMatcher, get_close_matches

from mcphub_gitops.compiler.diagnostic import Fix, Replacement
from mcphub_gitops.compiler.source import Position, Span

_CERTAIN = 0.75
"""How alike (`SequenceMatcher.ratio`) two words are at least when one is the other misspelt."""

_MARGIN = 0.15
"""By how much every other word is less alike, so that there is no doubt which was meant."""

_SAME_IN_ALL_STYLES = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
"""Text that stands for itself in plain and in quoted YAML scalars alike."""

_NOT_STRINGS = frozenset({"null", "true", "false"})


def respell(word: str, span: Span, candidates: Iterable[str]) -> Fix | None:
    """Return the fix that writes what `word` certainly means, None when that is not certain.

    It is when exactly one of `candidates` is very close. `span` is where the scalar `word` stands, with its quotes;
    they stay.
    """
    close = get_close_matches(word, sorted(candidates), n=2, cutoff=_CERTAIN - _MARGIN)
    likeness = [SequenceMatcher(None, each, word).ratio() for each in close]
    if not close or likeness[0] < _CERTAIN or any(likeness[0] - other < _MARGIN for other in likeness[1:]):
        return None
    inner, meant = _between_quotes(word, span), close[0]
    if inner is None or not _SAME_IN_ALL_STYLES.match(meant) or meant.lower() in _NOT_STRINGS:
        return None
    return Fix(title=f"write `{meant}`", replacements=(Replacement(span=inner, text=meant),))


def quote(span: Span) -> Fix:
    """Return the fix that makes a string of the plain scalar at `span`, which is a number, true or false."""
    ends = (Span.between(span.source, span.start, span.start), Span.between(span.source, span.end, span.end))
    return Fix(title="put it in quotes", replacements=tuple(Replacement(span=end, text='"') for end in ends))


def _between_quotes(word: str, span: Span) -> Span | None:
    """Return the part of `span` that spells `word`; None where it is written with escapes, over lines, or anchored."""
    spare = span.end.column - span.start.column - len(word)
    if span.start.line != span.end.line or spare not in {0, 2}:
        return None
    start = Position(line=span.start.line, column=span.start.column + spare // 2)
    return Span.between(span.source, start, replace(start, column=start.column + len(word)))
