"""Asking servers for their tools: each is started as it will run, in a scratch folder of its own, and stopped again."""

import asyncio
import secrets as randomness
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic
from typing import TypeVar

from mcphub_gitops.compiler.plan.desired import DesiredServer
from mcphub_gitops.runtime.apply.container import filled_spec, secrets_of
from mcphub_gitops.runtime.apply.launch import launch_of, remote_launch
from mcphub_gitops.runtime.apply.layout import make_folder, remove_folder
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.events import Begun, Done, Failed
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import check_code, names_in
from mcphub_gitops.runtime.ports import Probe, Reporter
from mcphub_gitops.runtime.wish import read_secrets, wish_for

T = TypeVar("T")
R = TypeVar("R")


async def ask_server(server: DesiredServer, hub: str, site: Site, *, made: bool = False) -> Probe:
    """Return who `server` is and what it offers; raises RuntimeFailure when it does not start or answer.

    A process is started in a folder of its own. So is a container, unless it was `made` to serve and goes on running.
    """
    if server.container is not None:
        return await _ask_container(server, hub, site, made=made)
    if server.endpoint is not None:
        launch = remote_launch(server, server.endpoint)
        values = await asyncio.to_thread(read_secrets, site.secrets, wish_for(server.name, launch))
        return await site.prober.probe(launch.filled(values), timeout=site.patience)
    scratch = site.layout.probes / f"{server.name}-{randomness.token_hex(4)}"
    launch = launch_of(server, hub, site, scratch)
    check_code(site.root, launch.files, launch.code)
    values = await asyncio.to_thread(read_secrets, site.secrets, wish_for(server.name, launch))
    make_folder(scratch, 0o700)
    try:
        return await site.prober.probe(launch.filled(values), timeout=site.patience)
    finally:
        remove_folder(scratch)


async def _ask_container(server: DesiredServer, hub: str, site: Site, *, made: bool) -> Probe:
    if made:
        spec = await filled_spec(server, hub, site, folder=secrets_of(server.name, site), lasting=True)
        return await site.prober.probe(spec, timeout=site.patience)
    folder = site.layout.probes / f"{server.name}-{randomness.token_hex(4)}"
    try:
        spec = await filled_spec(server, hub, site, folder=folder, lasting=False)
        return await site.prober.probe(spec, timeout=site.patience)
    finally:
        remove_folder(folder)


def sweep(site: Site) -> None:
    """Remove what interrupted questions left; only for the holder of the writer lock."""
    for name in names_in(site.layout.probes):
        remove_folder(site.layout.probes / name)


async def run_together(
    items: Iterable[T], act: Callable[[T], Awaitable[R]], *, limit: int = 4
) -> list[R | RuntimeFailure]:
    """Run `act` on each item, at most `limit` at once; return results and failures in the order of the items.

    One failure does not stop the others. Anything but a RuntimeFailure does, and is raised.
    """
    gate = asyncio.Semaphore(limit)

    async def guarded(item: T) -> R | RuntimeFailure:
        async with gate:
            try:
                return await act(item)
            except RuntimeFailure as failure:
                return failure

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(guarded(item)) for item in items]
    return [task.result() for task in tasks]


async def tell(reporter: Reporter, act: str, address: str, cause: str, work: Awaitable[R]) -> R:
    """Await `work`, and report its beginning and its end."""
    began = monotonic()
    reporter.report(Begun(act=act, address=address, cause=cause))
    try:
        result = await work
    except RuntimeFailure as failure:
        reporter.report(Failed(act=act, address=address, brief=failure.brief))
        raise
    reporter.report(Done(act=act, address=address, seconds=monotonic() - began))
    return result
