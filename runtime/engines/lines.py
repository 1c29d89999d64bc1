"""Bytes into lines, and the last of a flood into printable text: no file descriptor, no loop."""

import json
import os
import re
from collections.abc import Iterable
from itertools import takewhile

LINE_LIMIT = 4 * 1024**2
"""Longest line in bytes, without its break, unless the engine is told otherwise."""

TAIL_SIZE = 64 * 1024
"""Bytes of standard error that are kept."""

_MASK = b"[secret]"
_SHORTEST_SECRET = 4
"""A shorter value is not masked: it would hide half of any text and protect nothing."""
_SHORTEST_LINE = 8
"""A line of a secret of several lines is masked by itself from this length on."""


class LineSplitter:
    """Cuts a stream at its line feeds in linear time, also when a line comes byte by byte.

    Holds at most `limit` bytes (an eighth more while they grow) and one chunk. Once a line has passed the limit it
    takes nothing more.
    """

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self.limit = limit
        self.overrun = False
        self._begun = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that `chunk` completes; a line over the limit ends them and sets `overrun`."""
        if self.overrun:
            return []
        *lines, rest = chunk.split(b"\n")
        if lines:
            lines[0] = self.rest() + lines[0]
        self._begun += rest
        if max([len(self._begun), *map(len, lines)]) <= self.limit:
            return lines
        self.overrun = True
        self._begun.clear()
        return list(takewhile(lambda line: len(line) <= self.limit, lines))

    def rest(self) -> bytes:
        """Return what stands after the last line feed, and forget it."""
        rest = bytes(self._begun)
        self._begun.clear()
        return rest


class Tail:
    """The last `size` bytes of a stream that may be a flood; holds at most twice as many, and one chunk."""

    def __init__(self, size: int = TAIL_SIZE) -> None:
        self._size = size
        self._kept = bytearray()
        self._cut = False

    def feed(self, chunk: bytes) -> None:
        """Take `chunk` and let go of what is older than the last `size` bytes, now and then."""
        self._kept += chunk
        if len(self._kept) > 2 * self._size:
            del self._kept[: -self._size]
            self._cut = True

    def text(self, secrets: Iterable[str] = ()) -> str:
        """Return the tail as printable text of at most `size` bytes of the stream, with `secrets` masked.

        A secret is masked as it is, as JSON writes it, line by line if it has several, and at the end also if only
        its beginning has come. What was cut off begins after its first line break (or a secret's length later), so
        that half a secret does not slip past the mask. A character that could move a terminal's cursor or turn the
        writing direction becomes U+FFFD.
        """
        kept = bytes(self._kept[-self._size :])
        forms = _forms(secrets)
        if self._cut or len(self._kept) > len(kept):
            _, line_break, lines = kept.partition(b"\n")
            kept = lines if line_break else kept[len(forms[0]) if forms else 0 :]
        text = _mask(kept, forms).decode("utf-8", "replace")
        return "".join(mark if mark.isprintable() or mark in "\n\t" else "\ufffd" for mark in text)


def _forms(secrets: Iterable[str]) -> list[bytes]:
    """Return the byte strings to mask, the longest first, so that none hides a part of another."""
    forms = set()
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            forms |= {os.fsencode(secret), json.dumps(secret)[1:-1].encode()}
            forms |= {os.fsencode(line) for line in secret.splitlines() if len(line) >= _SHORTEST_LINE}
    return sorted(forms, key=lambda form: (-len(form), form))


def _mask(text: bytes, forms: list[bytes]) -> bytes:
    if not forms:
        return text
    masked = re.sub(b"|".join(map(re.escape, forms)), _MASK, text)
    longest = max((_overlap(masked, form) for form in forms), default=0)
    return masked[:-longest] + _MASK if longest else masked


def _overlap(text: bytes, form: bytes) -> int:
    """Return how many bytes of the beginning of `form`, if at least the shortest secret's, `text` ends with."""
    sizes = range(min(len(form) - 1, len(text)), _SHORTEST_SECRET - 1, -1)
    return next((size for size in sizes if text.endswith(form[:size])), 0)
