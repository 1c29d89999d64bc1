"""One container on the engine, known by its id, and how it ended."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mcphub_gitops.runtime.engines.docker.client import Client, RefusedError, Reply
from mcphub_gitops.runtime.failure import RuntimeFailure

LOST = 125
"""The exit status of a container that the engine tells nothing of any more, as `docker run` has it."""

_SIGNALLED, _LAST_SIGNAL = 128, 64
_OUT_OF_MEMORY = 137
_ABSENT, _CONFLICT = 404, 409

_MUTE = 2.0
"""Seconds that a server may go on after its output has ended; nothing can come from it any more."""

_END_PATIENCE = 10.0
"""Seconds for the engine to end, and to remove, what it has killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a container ended: its exit status, negative for a signal, and what the engine said about it."""

    status: int
    reason: str = ""


async def find(client: Client, name: str) -> Mapping[str, Any] | None:
    """Return what the engine knows of the container that is called `name`; None when there is none."""
    try:
        document: Mapping[str, Any] = await client.ask("GET", f"/containers/{quote(name, safe='')}/json")
    except RefusedError as refusal:
        if refusal.status == _ABSENT:
            return None
        raise
    # The engine also takes the beginning of an id for a name.
    return document if document["Name"] == f"/{name}" else None


async def discard(client: Client, identity: str) -> None:
    """Kill and remove a container with its unnamed volumes; returns when it is gone, also when it was."""
    try:
        await client.ask("DELETE", f"/containers/{identity}", query={"force": True, "v": True})
    except RefusedError as refusal:
        if refusal.status == _CONFLICT:
            # It is being removed already.
            await _removed(client, identity)
        elif refusal.status != _ABSENT:
            raise


async def _removed(client: Client, identity: str) -> None:
    try:
        await client.ask("POST", f"/containers/{identity}/wait", query={"condition": "removed"})
    except RefusedError as refusal:
        if refusal.status != _ABSENT:
            raise


class Container:
    """A container that is spoken to; `stop_signal` is what it asks to be stopped with.

    One that is `passing` is removed by the engine when it has ended.
    """

    def __init__(self, client: Client, identity: str, *, stop_signal: str = "", passing: bool = False) -> None:
        self._client = client
        self._path = f"/containers/{identity}"
        self._stop_signal = stop_signal or "SIGTERM"
        self._passing = passing
        self._removal: Reply | None = None
        self.identity = identity

    async def watch(self) -> None:
        """Ask to be told of the removal of a passing container, before it is started: later it may be gone."""
        if self._passing:
            self._removal = await self._client.open("POST", f"{self._path}/wait", query={"condition": "removed"})

    async def start(self) -> None:
        """Start it, unless it runs; raises RefusedError."""
        await self._client.ask("POST", f"{self._path}/start")

    async def users(self) -> frozenset[str]:
        """Return the numbers of the users that its processes have, none when it has ended; raises RefusedError."""
        try:
            told = await self._client.ask("GET", f"{self._path}/top", query={"ps_args": "-eo uid,pid"})
        except RefusedError as refusal:
            if refusal.status in (_ABSENT, _CONFLICT):
                return frozenset()
            raise
        column = told["Titles"].index("UID")
        return frozenset(row[column] for row in told["Processes"])

    async def terminate(self) -> None:
        """Send the signal that its image asks for, unless it has ended."""
        await self._signal(self._stop_signal)

    async def kill(self) -> None:
        """Send SIGKILL to all of it, unless it has ended."""
        await self._signal("SIGKILL")

    async def _signal(self, name: str) -> None:
        try:
            await self._client.ask("POST", f"{self._path}/kill", query={"signal": name}, patience=_END_PATIENCE)
        except RefusedError as refusal:
            if refusal.status not in (_ABSENT, _CONFLICT):
                raise

    async def outcome(self) -> Outcome:
        """Return how it ended, soon after its output has; one that only closed its output is killed. Raises nothing."""
        try:
            status = await self._status(_MUTE)
            if status is None:
                await self.kill()
                status = await self._status(_END_PATIENCE)
            if status is None:
                return Outcome(status=LOST, reason="the engine does not end it")
            return Outcome(status=_signed(status), reason=await self._reason(status))
        except RuntimeFailure as failure:
            return Outcome(status=LOST, reason=f"{failure.brief}: {failure.detail}")
        finally:
            self.close()

    def close(self) -> None:
        """Ask nothing more."""
        if self._removal is not None:
            self._removal.close()

    async def _status(self, seconds: float) -> int | None:
        """Return the engine's number for how it ended; None when it has not after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                if self._removal is not None:
                    answer = await self._removal.document(patience=None)
                else:
                    answer = await self._client.ask("POST", f"{self._path}/wait", query={"condition": "not-running"})
        except TimeoutError:
            return None
        return int(answer["StatusCode"])

    async def _reason(self, status: int) -> str:
        if status != _OUT_OF_MEMORY or self._passing:
            return ""
        document = await self._client.ask("GET", f"{self._path}/json")
        return "it had no memory left within its limit" if document["State"].get("OOMKilled") else ""


def _signed(status: int) -> int:
    """Return an exit status that stands for a signal, as a shell or an init writes it, as a negative number."""
    return _SIGNALLED - status if _SIGNALLED < status <= _SIGNALLED + _LAST_SIGNAL else status
