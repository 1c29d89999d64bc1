"""What a server says, handed over in turns, so that one talkative server does not hold up the others."""

import asyncio
from collections import deque
from collections.abc import Callable

from mcphub_gitops.runtime.engines.lines import LineSplitter
from mcphub_gitops.runtime.ports import LineSink

FLOOD = 4 * 1024**2
FLOOD_PAUSE = 0.05
"""Standard error is read at 80 MiB a second at most: a flood costs 4 % of a core, and holds up only who writes it."""

_LINES_A_TURN = 256
"""Lines handed over before the loop gets its turn."""


class Turns:
    """The lines of one server on their way to `sink`; none is longer than `limit` bytes.

    `after` is called at the end of each turn. In the course of one, lines are handed over while `may_tell` says so.
    """

    def __init__(self, sink: LineSink, limit: int, *, after: Callable[[], None], may_tell: Callable[[], bool]) -> None:
        self._loop = asyncio.get_running_loop()
        self._sink = sink
        self._splitter = LineSplitter(limit)
        self._lines: deque[bytes] = deque()
        self._after = after
        self._may_tell = may_tell
        self._due = False
        self._over = False
        self._overrun_told = False

    @property
    def waiting(self) -> bool:
        """Whether there are lines that were not handed over."""
        return bool(self._lines)

    @property
    def overrun(self) -> bool:
        """Whether a line was too long; nothing is taken any more."""
        return self._splitter.overrun

    def feed(self, chunk: bytes) -> None:
        """Take what the server says."""
        self._lines.extend(self._splitter.feed(chunk))

    def finish(self) -> None:
        """Learn that it says nothing more: what stands after its last line break is a line."""
        rest = self._splitter.rest()
        if rest:
            self._lines.append(rest)

    def clear(self) -> None:
        """Forget the lines that were not handed over."""
        self._lines.clear()

    def end(self) -> None:
        """Plan no turn any more."""
        self._over = True

    def take(self) -> None:
        """Hand over some lines, then leave the loop to others before the next ones are read."""
        self._due = False
        count = 0
        try:
            while self._lines and count < _LINES_A_TURN and self._may_tell():
                count += 1
                self._sink.line_received(self._lines.popleft())
        finally:
            self._after()

    def plan(self) -> None:
        """Take the next turn once the loop has given the others theirs."""
        if not self._due and not self._over:
            self._due = True
            self._loop.call_soon(self.take)

    def tell_overrun(self, kill: Callable[[], None]) -> None:
        """Tell the sink of the line that was too long, and `kill` the server; once."""
        if not self._overrun_told:
            self._overrun_told = True
            kill()
            self._sink.line_overrun(self._splitter.limit)
