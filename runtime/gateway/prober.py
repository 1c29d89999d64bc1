"""Asking a server once who it is and what it offers, for locking and for drift."""

import asyncio
from contextlib import AsyncExitStack

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import definitions, handshake
from mcphub_gitops.runtime.gateway.link import Link
from mcphub_gitops.runtime.gateway.offering import list_offers
from mcphub_gitops.runtime.gateway.wire import Fault
from mcphub_gitops.runtime.ports import AnySpawner, Child, Probe, Spec


class StdioProber:
    """A Prober for child processes; `client` is the `Implementation` object that it names itself with.

    `era_seconds` is how long a server may take to answer the question for its era before the old handshake is tried.
    """

    def __init__(self, spawner: AnySpawner, *, client: bytes, era_seconds: float = 5.0) -> None:
        self._spawner = spawner
        self._client = client
        self._era_seconds = era_seconds

    async def probe(self, spec: Spec, *, timeout: float) -> Probe:  # noqa: ASYNC109  (the port's own word)
        """Start `spec`, ask it and stop it; raises RuntimeFailure when it does not answer within `timeout` seconds."""
        deadline = asyncio.get_running_loop().time() + timeout
        try:
            return await self._ask(spec, deadline, legacy_first=False)
        except _DiedOfProbe:
            return await self._ask(spec, deadline, legacy_first=True)

    async def _ask(self, spec: Spec, deadline: float, *, legacy_first: bool) -> Probe:
        loop = asyncio.get_running_loop()
        link = Link(changed=_ignore, ended=_ignore)
        child = await self._spawner.spawn(spec, link)
        link.attach(child)
        async with AsyncExitStack() as undo:
            undo.push_async_callback(child.stop)
            try:
                seconds = deadline - loop.time()
                hello = await handshake.greet(
                    link,
                    client=self._client,
                    probe_seconds=min(self._era_seconds, seconds / 2),
                    seconds=seconds,
                    legacy_first=legacy_first,
                )
                listed = await handshake.list_tools(link, hello, client=self._client, seconds=deadline - loop.time())
                tools = [definitions.read(raw) for raw in listed]
                offers = await list_offers(link, hello, client=self._client, seconds=deadline - loop.time())
            except Fault as reason:
                if link.reason is not None and not legacy_first:
                    raise _DiedOfProbe from None
                raise _failure(spec, child, link.reason or reason.message) from None
            except RuntimeFailure as failure:
                raise _failure(spec, child, f"{failure.brief}: {failure.detail}") from None
            undo.pop_all()
        await child.leave()
        era = "modern" if hello.modern else "legacy"
        return Probe(era=era, revision=hello.revision, server_info=hello.server_info, tools=tools, offers=offers)


class _DiedOfProbe(Exception):  # noqa: N818  (a turn of the search, not an error)
    """The child ended during the first attempt; the old handshake alone may suit it."""


def _ignore(_reason: str = "") -> None:
    """Nothing follows: the child is stopped in any case."""


def _failure(spec: Spec, child: Child, reason: str) -> RuntimeFailure:
    tail = child.stderr_tail()
    return RuntimeFailure(
        f"the server {spec.server} could not be asked for its tools",
        detail=f"{reason}\n{tail}" if tail else reason,
        resolution="start it by hand to see what it says",
    )
