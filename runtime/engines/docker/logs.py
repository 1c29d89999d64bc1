"""What a container wrote on standard error, from the engine's own log of it."""

import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

from mcphub_gitops.runtime.engines.docker.attach import FrameError, Frames
from mcphub_gitops.runtime.engines.docker.client import Client
from mcphub_gitops.runtime.engines.docker.container import find
from mcphub_gitops.runtime.failure import RuntimeFailure

_LONGEST = 1024**2
"""Bytes after which a line is broken."""


async def read(client: Client, name: str, *, follow: bool, tail: int) -> AsyncGenerator[bytes, None]:
    """Yield the last `tail` lines of standard error and then, with `follow`, each one that comes until it ends.

    The engine counts the lines of both streams when it is asked for the last ones, and standard output is the talkative
    one. So all are asked for (its log is bounded) and counted here; the engine leaves out the other stream itself. What
    came before a moment is told apart from what came after it by the clock that the engine shares with this process.
    The local log of engine 20.10 loses the line break of what is longer than 16 KiB.
    """
    found = await find(client, name)
    if found is None:
        raise RuntimeFailure(f"there is no container {name}", resolution="run `mcphub apply`")
    path = f"/containers/{found['Id']}/logs"
    query: dict[str, object] = {"stderr": True}
    now = f"{time.time():.9f}"
    last: deque[bytes] = deque(maxlen=max(tail, 0))
    async with aclosing(_lines(client, path, {**query, "until": now} if follow else query)) as lines:
        async for line in lines:
            last.append(line)
    while last:
        yield last.popleft()
    if follow:
        async with aclosing(_lines(client, path, {**query, "since": now, "follow": True})) as lines:
            async for line in lines:
                yield line


async def _lines(client: Client, path: str, query: dict[str, object]) -> AsyncGenerator[bytes, None]:
    frames = Frames()
    rest = b""
    with await client.open("GET", path, query=query) as reply:
        async for chunk in reply.chunks(patience=None if "follow" in query else client.patience):
            try:
                said = frames.feed(chunk)
            except FrameError as error:
                raise RuntimeFailure("the Docker engine's answer cannot be read", detail=str(error)) from error
            *lines, rest = (rest + said.stderr).split(b"\n")
            for line in lines:
                yield line
            if len(rest) > _LONGEST:
                yield rest
                rest = b""
    if rest:
        yield rest
