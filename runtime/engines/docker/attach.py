"""A container's standard streams on one connection, and the frames that carry its output.

The format is that of the Engine API, ContainerAttach: a byte for the stream, three of zero, four for the length.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from mcphub_gitops.runtime.engines.pipes import Inlet, Outlet

_HEADER = 8
_STDOUT, _STDERR = 1, 2
_MARKS = {bytes((mark, 0, 0, 0)): stream for mark, stream in enumerate((0, _STDOUT, _STDERR, _STDERR))}
"""How a frame begins, and what it belongs to: 0 is standard input, which is not asked for, and 3 the engine's own word
on why it has nothing to give (moby, pkg/stdcopy)."""


class FrameError(Exception):
    """What came is not in frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What stood in one piece of the connection, by stream."""

    stdout: bytes
    stderr: bytes


class Frames:
    """Takes the frames apart in linear time, however they are cut, and holds no more than an unfinished header."""

    def __init__(self) -> None:
        self._header = b""
        self._stream = 0
        self._left = 0

    def feed(self, chunk: bytes) -> Said:
        """Return what `chunk` holds of each stream; raises FrameError, once and for all, when it is no frame."""
        said: tuple[list[bytes], ...] = ([], [], [])
        position = 0
        if self._header:
            chunk, self._header = self._header + chunk, b""
        size = len(chunk)
        while position < size:
            if not self._left:
                if size - position < _HEADER:
                    self._header = chunk[position:]
                    break
                self._begin(chunk[position : position + _HEADER])
                position += _HEADER
            end = min(position + self._left, size)
            said[self._stream].append(chunk[position:end])
            self._left -= end - position
            position = end
        return Said(stdout=b"".join(said[_STDOUT]), stderr=b"".join(said[_STDERR]))

    def _begin(self, header: bytes) -> None:
        stream = _MARKS.get(header[:4])
        if stream is None:
            raise FrameError(f"a frame begins with {header[:4].hex()}")
        self._stream = stream
        self._left = int.from_bytes(header[4:], "big")


class _Input(Outlet):
    """The writing half of a connection: closing it tells the other side that nothing more will come."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        super().__init__(loop, connection.fileno())
        self._connection = connection

    def close(self) -> None:
        """Close now and drop what is queued."""
        if not self.closed:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)
            # The descriptor is closed by whom it was given to.
            self._connection.detach()
        super().close()


class Attachment:
    """Both directions of an attached connection.

    `on_said` is called for each piece that comes, `on_end` once, with the reason in words when the connection did not
    end as it should. Nothing is read until `resume`.
    """

    def __init__(
        self,
        connection: socket.socket,
        begun: bytes,
        *,
        on_said: Callable[[Said], None],
        on_end: Callable[[str], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._frames = Frames()
        self._begun = begun
        self._on_said = on_said
        self._on_end = on_end
        self._input = _Input(loop, connection.dup())
        self._output = Inlet(loop, connection.detach(), on_chunk=self._heard, on_end=self._over)

    def write(self, data: bytes) -> None:
        """Queue `data` for standard input; what is written in one turn of the loop goes out in one system call."""
        self._input.write(data)

    async def drain(self) -> None:
        """Wait while more than 256 KiB are queued; returns at once when the connection is closed."""
        await self._input.drain()

    def resume(self) -> None:
        """Read (again)."""
        begun, self._begun = self._begun, b""
        if begun:
            self._heard(begun)
        self._output.resume()

    def pause(self) -> None:
        """Leave what comes where it is, so that the engine, and then the container, has to wait."""
        self._output.pause()

    def finish(self) -> None:
        """Say that nothing more will be written, after what is queued has gone out.

        The engine ends the container's standard input if it was made so, and otherwise lets go of this connection.
        """
        self._input.finish()

    def close(self) -> None:
        """Let go of the connection now; `on_end` is not called."""
        self._input.close()
        self._output.close()

    def _heard(self, chunk: bytes) -> None:
        try:
            said = self._frames.feed(chunk)
        except FrameError as error:
            self._end(f"the engine's stream cannot be read: {error}")
            return
        self._on_said(said)

    def _over(self) -> None:
        self._end("")

    def _end(self, reason: str) -> None:
        self.close()
        self._on_end(reason)
