"""Bytes into lines, and the last of a flood into printable text: no file descriptor, no loop."""

from collections import deque
from collections.abc import Iterable

LINE_LIMIT = 4 * 1024**2
"""Longest line in bytes, without its break, unless the engine is told otherwise."""

TAIL_SIZE = 64 * 1024
"""Bytes of standard error that are kept."""

_MASK = "[secret]"
_SHORTEST_SECRET = 4
"""A shorter value is not masked: it would hide half of any text and protect nothing."""


class LineSplitter:
    """Cuts a stream at its line feeds in linear time: an unfinished line is kept in pieces and joined once.

    Holds at most `limit` bytes and one chunk. Once a line has passed the limit it takes nothing more.
    """

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self.limit = limit
        self.overrun = False
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that `chunk` completes; a line over the limit ends them and sets `overrun`."""
        if self.overrun:
            return []
        *ends, rest = chunk.split(b"\n")
        lines: list[bytes] = []
        for end in ends:
            if self._size + len(end) > self.limit:
                return self._cut(lines)
            if self._pieces:
                self._pieces.append(end)
                lines.append(b"".join(self._pieces))
                self._pieces.clear()
                self._size = 0
            else:
                lines.append(end)
        if rest:
            self._pieces.append(rest)
            self._size += len(rest)
        return self._cut(lines) if self._size > self.limit else lines

    def rest(self) -> bytes:
        """Return what stands after the last line feed, and forget it."""
        rest = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return rest

    def _cut(self, lines: list[bytes]) -> list[bytes]:
        self.overrun = True
        self.rest()
        return lines


class Tail:
    """The last `size` bytes of a stream that may be a flood: a queue of chunks, so that a byte is copied once."""

    def __init__(self, size: int = TAIL_SIZE) -> None:
        self._size = size
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._cut = False

    def feed(self, chunk: bytes) -> None:
        """Take `chunk` and let go of what is older than the last `size` bytes before it."""
        self._chunks.append(chunk)
        self._held += len(chunk)
        while self._held - len(self._chunks[0]) >= self._size:
            self._held -= len(self._chunks.popleft())
            self._cut = True

    def text(self, secrets: Iterable[str] = ()) -> str:
        """Return the tail as printable text of at most `size` bytes of the stream, with `secrets` masked.

        What was cut off begins after its first line break (or a secret's length later), so that half a secret does not
        slip past the mask. A character that could move a terminal's cursor or turn the writing direction becomes
        U+FFFD.
        """
        whole = b"".join(self._chunks)
        kept = whole[-self._size :]
        masked = sorted((one for one in secrets if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)
        if self._cut or len(whole) > len(kept):
            _, line_break, lines = kept.partition(b"\n")
            kept = lines if line_break else kept[len(masked[0].encode()) if masked else 0 :]
        text = kept.decode("utf-8", "replace")
        for secret in masked:
            text = text.replace(secret, _MASK)
        return "".join(mark if mark.isprintable() or mark in "\n\t" else "\ufffd" for mark in text)
