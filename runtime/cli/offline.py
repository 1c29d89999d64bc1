"""What `mcphub lock --offline` does: what still fits stays, and the rest is answered from what is at hand."""

import asyncio
from dataclasses import dataclass, replace
from types import MappingProxyType

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.enumeration import count
from mcphub_gitops.compiler.lock.assembly import Locked
from mcphub_gitops.compiler.lock.catalogs import lock_catalogs
from mcphub_gitops.compiler.lock.definitions import Definitions, read_definitions
from mcphub_gitops.compiler.lock.model import Lock, LockedServer
from mcphub_gitops.compiler.lock.offers import OfferDefinitions, read_offers
from mcphub_gitops.compiler.lock.offline import answer_offline, find_unknown_platforms
from mcphub_gitops.compiler.lock.selection import fitting
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.resolve.model import Hub, Server
from mcphub_gitops.runtime.apply.lease import hold
from mcphub_gitops.runtime.apply.locking import lock_hub
from mcphub_gitops.runtime.apply.question import sweep
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.cli.composition import compose, layout_of
from mcphub_gitops.runtime.cli.disconnected import OfflinePackages, OfflineRegistries
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.lockable import read_lockable
from mcphub_gitops.runtime.cli.output import show_diagnostics, tell
from mcphub_gitops.runtime.cli.progress import reporting
from mcphub_gitops.runtime.failure import OfflineError
from mcphub_gitops.runtime.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What could be locked, and what could not, at its place."""

    servers: dict[str, LockedServer]
    definitions: dict[str, Definitions]
    offers: dict[str, OfferDefinitions]
    problems: list[Diagnostic]


def lock_offline(project: Project, output: str) -> int:
    """Lock the project's hub without a network; return the exit code. Raises RuntimeFailure."""
    read = read_lockable(project, output)
    if read is None:
        return Exit.ERROR
    hub, before = read.hub, read.lock
    layout = layout_of(project)
    layout.prepare()
    with hold(layout.writer_lock, "mcphub lock --offline", wait=0.5):
        kept = _kept(project, hub, before)
        asked = [server for server in hub.servers if server.enabled and server.name not in kept]
        found = _ask(project, hub, before, asked)
        servers = dict(sorted({**kept, **found.servers}.items()))
        lock = Lock(servers=MappingProxyType(servers), catalogs=lock_catalogs(hub))
        problems = (*found.problems, *(build(hub, lock, found.definitions)[1] if not found.problems else ()))
        show_diagnostics(sort((*read.problems, *problems)), read.sources, output, project.root)
        if has_errors(problems):
            return Exit.ERROR
        changed = project.save_lock(lock, found.definitions, found.offers)
    words = f"Locked {count(len(servers), 'server')} without the network; {len(kept)} of them as they were.\n"
    unknown = find_unknown_platforms(hub, lock)
    if unknown:
        words += f"Locked by digest alone, platforms and user unknown: {', '.join(unknown)}. `mcphub lock` asks.\n"
    tell(words + (f"Written: {', '.join(changed)}\n" if changed else "Nothing has changed.\n"), output)
    return Exit.OK


def _kept(project: Project, hub: Hub, before: Lock) -> dict[str, LockedServer]:
    """Return what is locked as the hub has it, with its readable definitions; nobody has to be asked about it."""
    fits, _ = fitting(hub, before, project.file_digests(hub))
    return {
        name: pins
        for name, pins in fits.servers.items()
        if not read_definitions(*project.definitions(name), pins.tools)[1]
        and not (pins.offers and read_offers(*project.offers(name), pins.offers)[1])
    }


def _ask(project: Project, hub: Hub, before: Lock, servers: list[Server]) -> _Found:
    found = _Found(servers={}, definitions={}, offers={}, problems=[])
    if not servers:
        return found
    layout = layout_of(project)
    site = compose(project, realm=layout.lineage(), offline=True)
    sweep(site)
    for server in servers:
        _ask_one(project, replace(hub, servers=(server,)), before, site, found)
    return found


def _ask_one(project: Project, hub: Hub, before: Lock, site: Site, found: _Found) -> None:
    answers = answer_offline(hub, before)
    if answers.problems:
        found.problems.extend(answers.problems)
        return
    known = replace(
        site,
        packages=OfflinePackages(site.layout, answers.packages),
        registries=OfflineRegistries(answers.images),
    )
    try:
        with reporting() as reporter:
            locked = asyncio.run(lock_hub(hub, before, project.file_digests, known, reporter))
    except OfflineError as failure:
        detail = ": ".join(part for part in (failure.brief, failure.detail) if part)
        (server,) = hub.servers
        found.problems.append(
            Diagnostic(
                code=codes.OFFLINE, detail=f"`{server.name}`: {detail}.", span=server.span, help=failure.resolution
            )
        )
        return
    if not isinstance(locked, Locked):
        found.problems.extend(locked)
        return
    found.problems.extend(locked.diagnostics)
    found.servers.update(locked.lock.servers)
    found.definitions.update(locked.definitions)
    found.offers.update(locked.offers)
