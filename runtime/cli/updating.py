"""What `mcphub update` does: asks about what it is told to, and puts the answers into the lock."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.enumeration import listed
from mcphub_gitops.compiler.lock.assembly import Locked
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.lock.movement import Movement, describe_movement, find_movements
from mcphub_gitops.compiler.lock.selection import Selection, find_pinned, fitting, narrow, put_back
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.report.document import describe_diagnostics
from mcphub_gitops.compiler.resolve.model import Hub, Package
from mcphub_gitops.compiler.resolve.nodes import entries, value
from mcphub_gitops.compiler.resolve.provenance import CatalogSource, used_sources
from mcphub_gitops.compiler.validation import Document
from mcphub_gitops.runtime.apply.age import Cutoff, aged
from mcphub_gitops.runtime.apply.lease import hold
from mcphub_gitops.runtime.apply.locking import lock_hub
from mcphub_gitops.runtime.apply.question import sweep
from mcphub_gitops.runtime.cli.ages import cutoff_of
from mcphub_gitops.runtime.cli.composition import compose, layout_of
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.lockable import read_lockable
from mcphub_gitops.runtime.cli.naming import refuse_unknown
from mcphub_gitops.runtime.cli.options import renewing
from mcphub_gitops.runtime.cli.output import show_diagnostics, show_json, tell
from mcphub_gitops.runtime.cli.progress import reporting
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project

_SHOWN = 8
"""How many names one line lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What an update is about, and how old things have to be."""

    selection: Selection
    sources: dict[str, CatalogSource]
    cutoff: Cutoff | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What came of an update: files, what moved, the places that pin something, and servers that do not fit."""

    dry_run: bool
    written: tuple[str, ...]
    moves: tuple[Movement, ...]
    pinned: tuple[str, ...]
    unfit: tuple[str, ...]


def update_lock(project: Project, names: tuple[str, ...], output: str, *, min_age: str | None, dry_run: bool) -> int:
    """Update the project's lock; return the exit code, having told what moved. Raises RuntimeFailure."""
    wish = _wish(project.open(), names, min_age)
    project = renewing(project, {str(source) for source in wish.sources.values()}, wish.cutoff)
    read = read_lockable(project, output)
    if read is None:
        return Exit.ERROR
    hub, before = read.hub, read.lock
    _refuse_disabled(hub, wish.selection)
    layout = layout_of(project)
    layout.prepare()
    with hold(layout.writer_lock, "mcphub update", wait=0.5):
        found, hub_asked = _ask(project, hub, before, wish)
        told = sort((*read.problems, *_told(project, hub, before, found, wish)))
        if has_errors(told) or not isinstance(found, Locked):
            show_diagnostics(told, read.sources, output, project.root)
            return Exit.ERROR
        after = put_back(hub, before, found.lock, wish.selection)
        written = () if dry_run else project.save_lock(after, found.definitions, found.offers)
    done = _Done(
        dry_run=dry_run,
        written=written,
        moves=find_movements(before, after),
        pinned=tuple(_pinned(hub_asked, wish.selection)),
        unfit=tuple(fitting(hub, after, project.file_digests(hub))[1]),
    )
    if output == "json":
        show_json(_document(done, told))
        return Exit.OK
    show_diagnostics(told, read.sources, output, project.root)
    tell("".join(f"{line}\n" for line in _words(done)), output)
    return Exit.OK


def _wish(document: Document, names: tuple[str, ...], min_age: str | None) -> _Wish:
    """Return what `names` mean; raises UsageError where one means nothing."""
    root = document.root
    servers = {entry.key for entry in entries(root, "servers")} if root is not None else set()
    catalogs = used_sources(root) if root is not None else {}
    if root is not None:
        refuse_unknown(names, {*servers, *catalogs})
    selection = Selection(
        servers=frozenset(names) & frozenset(servers),
        catalogs=frozenset(catalogs if not names else catalogs.keys() & set(names)),
        everything=not names,
    )
    chosen = {name: source for name, source in catalogs.items() if name in selection.catalogs}
    return _Wish(
        selection=selection, sources=chosen, cutoff=cutoff_of(min_age if min_age is not None else _declared_age(root))
    )


def _declared_age(root: Node | None) -> str:
    declared = value(root, "defaults", "minAge") if root is not None else None
    return declared if isinstance(declared, str) else ""


def _refuse_disabled(hub: Hub, selection: Selection) -> None:
    for server in hub.servers:
        if server.name in selection.servers and not server.enabled:
            raise RuntimeFailure(
                f"server {server.name} is not enabled, so it is not locked",
                resolution=f"run `mcphub server enable {server.name}`, then `mcphub lock`",
            )


def _ask(project: Project, hub: Hub, before: Lock, wish: _Wish) -> tuple[Locked | list[Diagnostic], Hub]:
    """Return what was found of the servers that the wish is about, and the hub of those alone."""
    layout = layout_of(project)
    asked, kept = narrow(hub, before, project.file_digests(hub), wish.selection)
    site = compose(project, realm=layout.lineage())
    sweep(site)
    if wish.cutoff is not None:
        site = aged(site, asked, before, wish.cutoff)
    with reporting() as reporter:
        return asyncio.run(lock_hub(asked, kept, project.file_digests, site, reporter)), asked


def _told(
    project: Project, hub: Hub, before: Lock, found: Locked | list[Diagnostic], wish: _Wish
) -> tuple[Diagnostic, ...]:
    if not isinstance(found, Locked):
        return tuple(found)
    after = put_back(hub, before, found.lock, wish.selection)
    usable, _ = fitting(hub, after, project.file_digests(hub))
    _, unbound = build(hub, usable, found.definitions)
    pinned = find_pinned(hub, wish.selection.servers)
    return (*found.diagnostics, *unbound, *pinned, *_held(hub, wish))


def _held(hub: Hub, wish: _Wish) -> Iterator[Diagnostic]:
    held = wish.cutoff.held if wish.cutoff is not None else {}
    help_ = "wait, or take it all the same with `--min-age 0d`"
    for server in hub.servers:
        wanted = {server.origin.requirement} if isinstance(server.origin, Package) else set()
        wanted.update(str(image.reference) for image in server.images.values())
        for each in sorted(wanted & held.keys()):
            yield Diagnostic(code=codes.HELD, detail=held[each], span=server.span, help=help_)
    for source in wish.sources.values():
        if str(source) in held:
            yield Diagnostic(code=codes.HELD, detail=held[str(source)], span=source.span, help=help_)


def _pinned(hub: Hub, selection: Selection) -> list[str]:
    """Return the places that pin something, where the update is about everything; a name that is pinned is told of."""
    if selection.servers:
        return []
    return [str(each.span) for each in find_pinned(hub, {server.name for server in hub.servers if server.enabled})]


def _document(done: _Done, told: tuple[Diagnostic, ...]) -> dict[str, object]:
    return {
        "format": "mcphub.update/v1",
        "dryRun": done.dry_run,
        "written": list(done.written),
        "moves": [describe_movement(each) for each in done.moves],
        "pinned": list(done.pinned),
        "unfit": list(done.unfit),
        "diagnostics": describe_diagnostics(told),
    }


def _words(done: _Done) -> Iterator[str]:
    yield from [str(each) for each in done.moves] or ["Nothing has moved."]
    if done.pinned:
        yield f"Pinned there, so that no update moves it: {listed(done.pinned, _SHOWN)}."
    if done.unfit:
        yield f"Not updated, and not locked as the hub has them: {listed(done.unfit, _SHOWN)}. Run `mcphub lock`."
    unchanged = "Nothing was written." if done.dry_run else "The lock is as it was."
    yield f"Written: {', '.join(done.written)}" if done.written else unchanged
