"""The gateway's ends of a child's pipes, on the loop's readiness calls alone: asyncio and uvloop behave the same.

Descriptors are non-blocking and owned: closed exactly once, whatever ends first.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from itertools import islice

READ_SIZE = 64 * 1024
"""Bytes asked for at once: what a pipe of Linux's default size holds (pipe(7))."""

PIPE_MAXIMUM = 1024 * 1024
"""Bytes that an unprivileged process can make a pipe hold (proc(5), pipe-max-size)."""

HIGH_WATER = 256 * 1024
LOW_WATER = 64 * 1024
"""Bytes waiting for the child above which `drain` waits, and below which it goes on."""

_BATCH = 256
"""Pieces handed to one writev; IOV_MAX is 1024 on Linux."""


class Inlet:
    """Reads a pipe whenever there is something, one chunk at a time, until its end; can be paused."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        descriptor: int,
        *,
        on_chunk: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        os.set_blocking(descriptor, False)
        self._loop = loop
        self._descriptor = descriptor
        self._on_chunk = on_chunk
        self._on_end = on_end
        self._reading = False
        self.closed = False

    def resume(self) -> None:
        """Read (again)."""
        if not self._reading and not self.closed:
            self._reading = True
            self._loop.add_reader(self._descriptor, self._ready)

    def pause(self) -> None:
        """Leave what comes in the pipe, so that the child has to wait."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._descriptor)

    def close(self) -> None:
        """Stop reading for good; `on_end` is not called."""
        self.pause()
        if not self.closed:
            self.closed = True
            os.close(self._descriptor)

    def exhaust(self) -> None:
        """Read what stands in the pipe now, as much as a pipe holds, and end; for when nobody writes any more."""
        for _ in range(PIPE_MAXIMUM // READ_SIZE + 1):
            if self.closed or not self._ready():
                break
        if not self.closed:
            self.close()
            self._on_end()

    def _ready(self) -> bool:
        try:
            chunk = os.read(self._descriptor, READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if chunk:
            self._on_chunk(chunk)
            return True
        self.close()
        self._on_end()
        return False


class Outlet:
    """Writes to a pipe: what comes in one turn of the loop goes out in one call, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._loop = loop
        self._descriptor = descriptor
        self._waiting: deque[bytes | memoryview] = deque()
        self._size = 0
        self._scheduled = False
        self._watching = False
        self._closing = False
        self._drained: asyncio.Future[None] | None = None
        self.closed = False

    def write(self, data: bytes) -> None:
        """Queue `data`; dropped once the pipe is closed or closing."""
        if self.closed or self._closing or not data:
            return
        self._waiting.append(data)
        self._size += len(data)
        if not self._scheduled and not self._watching:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    async def drain(self) -> None:
        """Wait while more than HIGH_WATER bytes are queued, until fewer than LOW_WATER are, or the pipe is closed."""
        if self._size <= HIGH_WATER:
            return
        if self._drained is None:
            self._drained = self._loop.create_future()
        await asyncio.shield(self._drained)

    def finish(self) -> None:
        """Close after what is queued has gone out."""
        self._closing = True
        if not self._waiting:
            self.close()

    def close(self) -> None:
        """Close now and drop what is queued."""
        if self._watching:
            self._watching = False
            self._loop.remove_writer(self._descriptor)
        self._waiting.clear()
        self._size = 0
        if not self.closed:
            self.closed = True
            os.close(self._descriptor)
        self._release()

    def _flush(self) -> None:
        self._scheduled = False
        if self.closed:
            return
        try:
            while self._waiting:
                self._sent(os.writev(self._descriptor, list(islice(self._waiting, _BATCH))))
        except BlockingIOError:
            self._watch()
        except OSError:
            self.close()
            return
        if not self._waiting:
            self._unwatch()
            if self._closing:
                self.close()
        if self._size < LOW_WATER:
            self._release()

    def _sent(self, count: int) -> None:
        self._size -= count
        while count:
            first = self._waiting[0]
            if count < len(first):
                self._waiting[0] = memoryview(first)[count:]
                return
            count -= len(first)
            self._waiting.popleft()

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            self._loop.add_writer(self._descriptor, self._flush)

    def _unwatch(self) -> None:
        if self._watching:
            self._watching = False
            self._loop.remove_writer(self._descriptor)

    def _release(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)
