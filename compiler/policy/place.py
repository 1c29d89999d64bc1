"""Where a piece of a string stands in the document, however the string is written there."""

from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.source import Source, Span

_SPACE = " \t\n\r"


def place_of(text: Text, source: Source, offset: int) -> Span:
    """Return the place in `source` of the code point at `offset` of `text`'s value, or after the last.

    Where the string is written with escapes, it is the place of the string.
    """
    start = source.offset(text.span.start)
    raw = source.text[start : source.offset(text.span.end)]
    at = _aligned(text.value, raw, min(offset, len(text.value)))
    return source.span(start + at, start + at + 1) if at is not None else text.span


def offset_of(value: str, line: int, column: int) -> int:
    """Return the offset in `value` of a line and column, both counted from 1."""
    before = value.split("\n")[: line - 1]
    return sum(len(each) + 1 for each in before) + column - 1


def _aligned(value: str, raw: str, target: int) -> int | None:
    """Return where in `raw` the code point `target` of `value` is, None where it is not found.

    What stands between two of them in `raw` is a quote, an indentation or the head of a block.
    """
    at = raw.find("\n") if raw[:1] in {"|", ">"} else 0
    if raw[:1] == '"' and "\\" in raw:
        return None
    for char in value[:target]:
        at = _next(char, raw, at) + 1
    place = _next(value[target], raw, at) if target < len(value) else at
    return place if place < len(raw) + (target == len(value)) else None


def _next(char: str, raw: str, at: int) -> int:
    while at < len(raw) and raw[at] != char and not (char in _SPACE and raw[at] in _SPACE):
        at += 1
    return at
