"""What `mcphub lock --resolve` does: puts both sides of a merge together, and asks about what changed on both."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.enumeration import count
from mcphub_gitops.compiler.lock.assembly import Locked
from mcphub_gitops.compiler.lock.catalogs import lock_catalogs
from mcphub_gitops.compiler.lock.definitions import Definitions, read_definitions
from mcphub_gitops.compiler.lock.file import MAX_BYTES, read_lock, write_lock
from mcphub_gitops.compiler.lock.model import Lock, LockedServer
from mcphub_gitops.compiler.lock.offers import OfferDefinitions, read_offers
from mcphub_gitops.compiler.lock.resolution import Resolution, Sides, resolve, split_conflict
from mcphub_gitops.compiler.lock.selection import fitting
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.runtime.adapters.stages import read_stages
from mcphub_gitops.runtime.apply.lease import hold
from mcphub_gitops.runtime.apply.locking import lock_hub
from mcphub_gitops.runtime.apply.question import sweep
from mcphub_gitops.runtime.cli.composition import compose, layout_of
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import pinning
from mcphub_gitops.runtime.cli.output import show_diagnostics, tell
from mcphub_gitops.runtime.cli.progress import reporting
from mcphub_gitops.runtime.files import read_file
from mcphub_gitops.runtime.project import Project


def resolve_lock(project: Project, output: str) -> int:
    """Resolve the conflicts of the project's lock and definitions; return the exit code. Raises RuntimeFailure."""
    found, sources, wrong = _decide(project)
    if found is None:
        show_diagnostics(wrong, sources, output, project.root)
        return Exit.ERROR
    # What the hub's catalogs are pinned to stands in the lock, which is not written yet.
    drafts = {**project.drafts, project.lock_file: write_lock(found.lock)}
    project = pinning(replace(project, drafts=drafts), anew=False)
    validated = project.validate()
    if has_errors(validated.diagnostics) or validated.hub is None:
        show_diagnostics(validated.diagnostics, validated.sources, output, project.root)
        return Exit.ERROR
    hub = validated.hub
    layout = layout_of(project)
    layout.prepare()
    with hold(layout.writer_lock, "mcphub lock --resolve", wait=0.5):
        kept, definitions, offers = _kept(project, hub, found.lock)
        asked = {server.name for server in hub.servers if server.enabled} - kept.keys()
        answered = _ask(project, hub, found, asked)
        problems = _problems(hub, kept, answered)
        show_diagnostics(sort((*validated.diagnostics, *problems)), validated.sources, output, project.root)
        if has_errors(problems) or not isinstance(answered, Locked):
            return Exit.ERROR
        servers = dict(sorted({**kept, **answered.lock.servers}.items()))
        lock = Lock(servers=MappingProxyType(servers), catalogs=lock_catalogs(hub))
        changed = project.save_lock(lock, {**definitions, **answered.definitions}, {**offers, **answered.offers})
    lines = [*found.told, *_further(hub, found, asked)]
    lines.append(
        f"Written: {', '.join(changed)}. Review it, and `git add` it." if changed else "Nothing is in conflict."
    )
    tell("".join(f"{line}\n" for line in lines), output)
    return Exit.OK


def _decide(project: Project) -> tuple[Resolution | None, tuple[Source, ...], tuple[Diagnostic, ...]]:
    """Return what of both sides of the lock is decided, or what is wrong with them."""
    sides = _sides(project, project.lock_file)
    if sides is None:
        whole = project.open_lock()
        if whole.lock is None:
            return None, (whole.source,), whole.diagnostics
        return Resolution(lock=whole.lock, asked={}, told=()), (), ()
    named = {"ours": sides.ours, "theirs": sides.theirs, "base": sides.base}
    read = {side: read_lock(f"{project.lock_file} ({side})", data) for side, data in named.items() if data is not None}
    wrong = tuple(each for _, _, problems in read.values() for each in problems)
    locks = {side: lock for side, (lock, _, _) in read.items() if lock is not None}
    if "ours" not in locks or "theirs" not in locks:
        return None, tuple(source for _, source, _ in read.values()), wrong
    return resolve(locks.get("base"), locks["ours"], locks["theirs"]), (), ()


def _sides(project: Project, name: str) -> Sides | None:
    base, ours, theirs = read_stages(project.root, name)
    if ours is not None and theirs is not None:
        return Sides(ours=ours, theirs=theirs, base=base)
    return split_conflict(read_file(project.root / name, limit=MAX_BYTES) or b"")


def _kept(
    project: Project, hub: Hub, lock: Lock
) -> tuple[dict[str, LockedServer], dict[str, Definitions], dict[str, OfferDefinitions]]:
    """Return what is decided, fits the hub and has its readable definitions on either side, with those."""
    fits, _ = fitting(hub, lock, project.file_digests(hub))
    kept: dict[str, LockedServer] = {}
    definitions: dict[str, Definitions] = {}
    offers: dict[str, OfferDefinitions] = {}
    for name, pins in fits.servers.items():
        # The lock's fingerprints say which side it is: no text is taken for another.
        texts = (read_definitions(name, data, pins.tools) for data in _candidates(project, *project.definitions(name)))
        tools = next((found for found, differing in texts if not differing), None)
        others = _offers(project, name, pins)
        if tools is not None and others is not None:
            kept[name], definitions[name] = pins, tools
            offers |= {name: others} if others else {}
    return kept, definitions, offers


def _offers(project: Project, name: str, pins: LockedServer) -> OfferDefinitions | None:
    if not pins.offers:
        return {}
    texts = (read_offers(name, data, pins.offers) for data in _candidates(project, *project.offers(name)))
    return next((found for found, differing in texts if not differing), None)


def _candidates(project: Project, name: str, data: bytes | None) -> Iterator[bytes]:
    if data is not None:
        yield data
    sides = _sides(project, name)
    if sides is not None:
        yield from (sides.ours, sides.theirs)
    _, *ours_theirs = read_stages(project.root, name)
    yield from (each for each in ours_theirs if each is not None)


def _ask(project: Project, hub: Hub, found: Resolution, names: set[str]) -> Locked | list[Diagnostic]:
    """Ask the servers `names` anew, if there are any; what both sides have pinned alike, or one alone, is kept."""
    if not names:
        return Locked(lock=Lock(servers={}), definitions={}, diagnostics=())
    asked = replace(hub, servers=tuple(server for server in hub.servers if server.name in names))
    before = Lock(servers=MappingProxyType({**found.lock.servers, **found.asked}))
    site = compose(project, realm=layout_of(project).lineage())
    sweep(site)
    with reporting() as reporter:
        return asyncio.run(lock_hub(asked, before, project.file_digests, site, reporter))


def _problems(hub: Hub, kept: dict[str, LockedServer], answered: Locked | list[Diagnostic]) -> tuple[Diagnostic, ...]:
    if not isinstance(answered, Locked):
        return tuple(answered)
    whole = Lock(servers=MappingProxyType({**kept, **answered.lock.servers}))
    _, unbound = build(hub, whole, answered.definitions)
    return (*answered.diagnostics, *unbound)


def _further(hub: Hub, found: Resolution, asked: set[str]) -> Iterator[str]:
    """Yield what became of a server for another reason than that both sides changed it."""
    for name in sorted(asked - found.asked.keys()):
        why = "what both sides have of it fits no more" if name in found.lock.servers else "neither side has it"
        yield f"{name}: asked anew, {why}"
    wanted = {server.name for server in hub.servers if server.enabled}
    gone = sorted({*found.lock.servers, *found.asked} - wanted)
    if gone:
        yield f"Left out, as the hub has no such server enabled: {', '.join(gone)} ({count(len(gone), 'server')})"
