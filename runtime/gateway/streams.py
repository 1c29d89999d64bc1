"""A client's two streams: bytes into lines within bounds, and bytes out whole, whatever kind of file they are.

Each stream is served by a thread that blocks. Readiness calls would ask for descriptors that do not block, and that is
a property of the file, not of the descriptor (fcntl(2), F_SETFL): a terminal, or a log that standard error shares,
would stop blocking for everyone; and epoll(7) takes no regular files.
"""

import asyncio
import os
import queue
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from mcphub_gitops.runtime.gateway import wire

READ_SIZE: Final = 64 * 1024
HIGH_WATER: Final = 256 * 1024
"""Bytes waiting for the client above which `Sink.drain` waits."""

_AHEAD: Final = 2
"""Chunks that are read before the first of them was asked for."""

_BATCH: Final = 256
_GLANCE: Final = 0.25
"""Seconds between two looks at whether the client still reads."""

_EDGE: Final = 1024
"""Bytes of an endless line that are kept at either end: its id stands there."""


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line over the limit, which is not kept; `identity` is the raw id of its message where that could be found."""

    identity: bytes | None


class Lines:
    """Cuts a stream at its line feeds in linear time; holds at most `limit` bytes of a line."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begun = bytearray()
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes | Overlong]:
        """Yield the lines that `chunk` ends."""
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            self._take(piece)
            yield self.rest()
        self._take(rest)

    def rest(self) -> bytes | Overlong:
        """Return what stands behind the last line feed, and forget it."""
        line, size = bytes(self._begun), self._size
        self._begun.clear()
        self._size = 0
        if size <= self._limit:
            return line
        return Overlong(wire.outer_identity(line))

    def _take(self, piece: bytes) -> None:
        self._begun += piece
        self._size += len(piece)
        if self._size > self._limit:
            del self._begun[_EDGE:-_EDGE]


class Source:
    """Reads `descriptor`, which stays the caller's, and no further ahead than a little.

    Its thread may still wait for input when the program ends; it is a daemon.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        threading.Thread(target=self._run, name="standard input", daemon=True).start()

    async def read(self) -> bytes:
        """Return the next bytes; nothing, once, at the end of the input."""
        chunk = await self._chunks.get()
        self._room.release()
        return chunk

    def _run(self) -> None:
        chunk = b"begun"
        while chunk:
            self._room.acquire()
            try:
                chunk = os.read(self._descriptor, READ_SIZE)
            except OSError:
                chunk = b""
            if not _tell(self._loop, partial(self._chunks.put_nowait, chunk)):
                return


class Sink:
    """Writes to `descriptor`, which stays the caller's; it is `broken` once nobody reads there any more."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._size = 0
        self._written = asyncio.Event()
        self._poll = select.poll()
        self._poll.register(descriptor, 0)
        self.broken = False
        threading.Thread(target=self._run, name="standard output", daemon=True).start()

    def write(self, data: bytes) -> None:
        """Queue `data`, which is not empty; dropped once nobody reads."""
        if not self.broken:
            self._size += len(data)
            self._waiting.put(data)

    async def drain(self, most: int = HIGH_WATER) -> None:
        """Wait until at most `most` bytes wait for the client, or nobody reads any more."""
        while self._size > most and not self.broken:
            self._written.clear()
            await self._written.wait()

    async def deserted(self) -> None:
        """Wait until nobody reads any more, also where nothing is written: a client that crashed needs no answers."""
        while not self.broken:
            if self._poll.poll(0):  # no condition was asked for, which leaves the ends (poll(2))
                self._break()
            else:
                await asyncio.sleep(_GLANCE)

    def close(self) -> None:
        """Let the thread end once it has written what is queued."""
        self._waiting.put(b"")

    def _run(self) -> None:
        while first := self._waiting.get():
            pieces = [first, *islice(self._more(), _BATCH)]
            data = memoryview(b"".join(pieces))
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:
                _tell(self._loop, self._break)
                return
            size = sum(map(len, pieces))
            if not _tell(self._loop, partial(self._count, size)) or not pieces[-1]:
                return

    def _more(self) -> Iterator[bytes]:
        """Yield what is queued now, up to the mark of the end."""
        piece = b"begun"
        with suppress(queue.Empty):
            while piece:
                piece = self._waiting.get_nowait()
                yield piece

    def _count(self, size: int) -> None:
        self._size -= size
        self._written.set()

    def _break(self) -> None:
        self.broken = True
        self._written.set()


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> bool:
    """Call `what` on `loop`, from a thread; return whether there is still such a loop."""
    try:
        loop.call_soon_threadsafe(what)
    except RuntimeError:
        return False
    return True
