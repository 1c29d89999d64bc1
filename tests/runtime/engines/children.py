"""Small real children, and a sink that remembers what they say."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mcphub_gitops.runtime.engines.programs import find_python
from mcphub_gitops.runtime.ports import ChildSpec

PATIENCE = 10.0
"""Seconds after which something that should have happened has not."""

PYTHON = find_python(unprivileged=True)
IS_ROOT = os.geteuid() == 0


class Record:
    """A LineSink that keeps everything, and can be waited on."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.overruns: list[int] = []
        self.statuses: list[int] = []
        self._changed = asyncio.Event()

    def line_received(self, line: bytes) -> None:
        assert not self.statuses, "a line came after the end"
        self.lines.append(line)
        self._changed.set()

    def line_overrun(self, limit: int) -> None:
        assert not self.statuses, "an overrun came after the end"
        self.overruns.append(limit)
        self._changed.set()

    def child_exited(self, status: int) -> None:
        self.statuses.append(status)
        self._changed.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not reached():
                self._changed.clear()
                await self._changed.wait()

    async def line(self, number: int = 0) -> bytes:
        """Return a line, once it has come."""
        await self.until(lambda: len(self.lines) > number)
        return self.lines[number]

    async def end(self) -> int:
        """Return the exit status, once the child is gone."""
        await self.until(lambda: bool(self.statuses))
        assert len(self.statuses) == 1
        return self.statuses[0]


def spec_of(place: Path, argv: tuple[str, ...], **changes: Any) -> ChildSpec:  # noqa: ANN401  (a spec's fields)
    """Return a spec for `argv` in the world-reachable folder `place`, with a scratch folder of its own below."""
    scratch = place / "scratch"
    scratch.mkdir(exist_ok=True)
    env: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "HOME": str(scratch), "TMPDIR": str(scratch)}
    fields: dict[str, Any] = {"server": "notes", "cwd": str(place), "env": env, "writable": (str(scratch),)}
    return ChildSpec(argv=argv, **{"readable": PYTHON.readable, **fields, **changes})


def python(place: Path, code: str, **changes: Any) -> ChildSpec:  # noqa: ANN401
    """Return a spec for a Python child that runs `code`."""
    return spec_of(place, (PYTHON.path, "-I", "-S", "-u", "-c", code), **changes)


def shell(place: Path, script: str, **changes: Any) -> ChildSpec:  # noqa: ANN401
    """Return a spec for a shell that runs `script`."""
    return spec_of(place, ("/bin/sh", "-c", script), **changes)


async def eventually(reached: Callable[[], bool]) -> None:
    """Wait for what nobody tells: look again until it is there."""
    async with asyncio.timeout(PATIENCE):
        while not reached():  # noqa: ASYNC110  (the kernel sets no Event)
            await asyncio.sleep(0.005)


def wait_until(reached: Callable[[], bool]) -> None:
    """Wait without a loop for what nobody tells."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, "it has not happened"
        threading.Event().wait(0.005)


def is_alive(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])


def open_descriptors() -> dict[str, str]:
    """Return what this process has open, by number."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[entry.name] = str(entry.readlink())
        except FileNotFoundError:
            continue
    return found


def child_processes() -> set[int]:
    """Return the processes whose parent is this one, zombies as well."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = parent_of(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == os.getpid():
                found.add(int(entry.name))
    return found
