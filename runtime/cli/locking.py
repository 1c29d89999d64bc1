"""What `mcphub lock` does when it writes: asks the package index and the servers, and saves the answers."""

import asyncio
from dataclasses import replace

from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.enumeration import count, listed
from mcphub_gitops.compiler.lock.assembly import Locked
from mcphub_gitops.compiler.lock.catalogs import lock_catalogs
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.resolve.offer import KINDS, WORDS
from mcphub_gitops.runtime.apply.age import aged
from mcphub_gitops.runtime.apply.lease import hold
from mcphub_gitops.runtime.apply.locking import lock_hub
from mcphub_gitops.runtime.apply.question import sweep
from mcphub_gitops.runtime.cli.ages import cutoff_of
from mcphub_gitops.runtime.cli.composition import compose, layout_of
from mcphub_gitops.runtime.cli.enforcing import read_bundles
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.lockable import read_lockable
from mcphub_gitops.runtime.cli.output import show_diagnostics, tell
from mcphub_gitops.runtime.cli.progress import reporting
from mcphub_gitops.runtime.project import Project

_MOST_NAMED = 5


def write_lock(project: Project, output: str) -> int:
    """Lock the project's hub; return the exit code, having told what was found and written.

    People are told what is wrong with the documents before the work; a report for programs is written once.
    """
    read = read_lockable(project, output)
    if read is None:
        return Exit.ERROR
    hub, before = read.hub, read.lock
    if output == "human":
        show_diagnostics(read.problems, read.sources)
    read_bundles(hub, project.root, fetched=True)
    layout = layout_of(project)
    layout.prepare()
    with hold(layout.writer_lock, "mcphub lock", wait=0.5):
        site = compose(project, realm=layout.lineage())
        sweep(site)
        cutoff = cutoff_of(hub.min_age)
        if cutoff is not None:
            site = aged(site, hub, before, cutoff)
        with reporting() as reporter:
            work = lock_hub(hub, before, project.file_digests, site, reporter)
            found = asyncio.run(work)
        diagnostics = _problems(hub, found) if isinstance(found, Locked) else tuple(found)
        told = diagnostics if output == "human" else sort((*read.problems, *diagnostics))
        show_diagnostics(told, read.sources, output, project.root)
        if has_errors(diagnostics) or not isinstance(found, Locked):
            return Exit.ERROR
        lock = replace(found.lock, catalogs=lock_catalogs(hub))
        changed = project.save_lock(lock, found.definitions, found.offers)
    tools = sum(len(server.tools) for server in found.lock.servers.values())
    written = f"Written: {', '.join(changed)}" if changed else "Nothing has changed."
    head = f"Locked {count(len(found.lock.servers), 'server')} with {count(tools, 'tool')}.\n"
    tell(f"{head}{_offers(found.lock)}{_by_name(found.lock)}{written}\n", output)
    return Exit.OK


def _offers(lock: Lock) -> str:
    """Return a line about what servers offer beside tools, empty where they offer nothing."""
    counts = {kind: sum(len(each.offers.get(kind, ())) for each in lock.servers.values()) for kind in KINDS}
    words = [count(number, WORDS[kind]) for kind, number in counts.items() if number]
    return f"Beside tools: {', '.join(words)}.\n" if words else ""


def _by_name(lock: Lock) -> str:
    """Return a line about the servers that were not asked, empty where there are none."""
    names = [name for name, each in lock.servers.items() if each.definitions == "catalog"]
    if not names:
        return ""
    tools = sum(len(lock.servers[name].tools) for name in names)
    shown = listed(names, _MOST_NAMED)
    return f"{count(tools, 'tool')} of {shown} are held to their names alone: the catalog names them, nobody asked.\n"


def _problems(hub: Hub, found: Locked) -> tuple[Diagnostic, ...]:
    _, unbound = build(hub, found.lock, found.definitions)
    return sort((*found.diagnostics, *unbound))
