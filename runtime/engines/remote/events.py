"""Server-sent events out of chunks of bytes, bounded, in linear time (HTML standard, "Server-sent events", 9.2.6)."""

import re
from typing import Final

from mcphub_gitops.runtime.engines.lines import LineSplitter

MESSAGE: Final = b"message"

_FIELD_NAME: Final = len(b"data: ")
_MARK: Final = b"\xef\xbb\xbf"
_LONGEST_ID: Final = 1024
# An identifier goes back as a header's value.
_ID = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_LONGEST_RETRY: Final = 9


class EventReader:
    """Reads one stream; an event may have `limit` bytes of data. After an overrun it takes nothing more.

    `last_id` is the identifier of the last event that had one, `retry` the pause before the next connection in seconds
    that the stream asked for.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lines = LineSplitter(limit + _FIELD_NAME)
        self._first = True
        self._after_return = False
        self._kind = b""
        self._data: list[bytes] = []
        self._size = 0
        self._id: bytes | None = None
        self.last_id = ""
        self.retry: float | None = None
        self.overrun = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of the messages that `chunk` completes; events of other kinds are left out."""
        return [data for kind, data in self.read(chunk) if kind == MESSAGE]

    def read(self, chunk: bytes) -> list[tuple[bytes, bytes]]:
        """Return kind and data of the events that `chunk` completes, several lines of data joined by a line feed.

        Events without data are left out; one that names no kind is a message.
        """
        found: list[tuple[bytes, bytes]] = []
        if self.overrun:
            return found
        for line in self._lines.feed(self._normal(chunk)):
            if line:
                self._take(line)
            else:
                found += self._dispatch()
            if self.overrun:
                return found
        self.overrun = self._lines.overrun
        return found

    def _normal(self, chunk: bytes) -> bytes:
        """Return `chunk` with line feeds for line breaks of all three kinds, also where one is cut in two."""
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_return = False
        if chunk:
            self._after_return = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in chunk else chunk

    def _take(self, line: bytes) -> None:
        if self._first:
            self._first = False
            line = line.removeprefix(_MARK)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
            self.overrun = self._size > self._limit + 1
        elif name == b"event":
            self._kind = value
        elif name == b"id" and len(value) <= _LONGEST_ID and (not value or _ID.fullmatch(value)):
            self._id = value
        elif name == b"retry" and value.isdigit() and len(value) <= _LONGEST_RETRY:
            self.retry = int(value) / 1000

    def _dispatch(self) -> list[tuple[bytes, bytes]]:
        data, kind = self._data, self._kind or MESSAGE
        if self._id is not None:
            self.last_id = self._id.decode("ascii")
        self._kind, self._data, self._size, self._id = b"", [], 0, None
        text = b"\n".join(data)
        return [(kind, text)] if text else []
