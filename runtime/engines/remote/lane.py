"""Work done side by side, at most so many at once; the rest waits in order."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Work
    size: int


class Lane:
    """Starts work in `group`, `width` at once; `moved` is called when less waits than before.

    `waiting` is the size of what has not begun, in bytes.
    """

    def __init__(self, group: asyncio.TaskGroup, *, width: int, moved: Callable[[], None]) -> None:
        self._group = group
        self._width = width
        self._moved = moved
        self._queue: dict[bytes, _Waiting] = {}
        self._running: dict[bytes, asyncio.Task[None]] = {}
        self._held = False
        self.waiting = 0

    def put(self, key: bytes, work: Work, size: int) -> None:
        """Do `work` as soon as there is room; `key` names it."""
        self._queue[key] = _Waiting(work, size)
        self.waiting += size
        self._fill()

    def drop(self, key: bytes) -> bool:
        """Take back what has not begun, cancel what runs; whether there was anything by that name."""
        found = self._queue.pop(key, None)
        if found is not None:
            self.waiting -= found.size
            self._moved()
            return True
        task = self._running.get(key)
        return task is not None and task.cancel()

    def begun(self, key: bytes) -> bool:
        """Whether work by that name runs."""
        return key in self._running

    def hold(self) -> None:
        """Begin nothing more until `release`."""
        self._held = True

    def release(self) -> None:
        """Begin again."""
        self._held = False
        self._fill()

    def close(self) -> None:
        """Forget what waits, cancel what runs."""
        self._held = True
        self._queue.clear()
        self.waiting = 0
        for task in self._running.values():
            task.cancel()
        self._moved()

    def _fill(self) -> None:
        while self._queue and len(self._running) < self._width and not self._held:
            key = next(iter(self._queue))
            found = self._queue.pop(key)
            self.waiting -= found.size
            task = self._group.create_task(found.work())
            self._running[key] = task
            task.add_done_callback(partial(self._ended, key))
            self._moved()

    def _ended(self, key: bytes, _task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        self._fill()
