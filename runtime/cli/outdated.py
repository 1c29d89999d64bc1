"""`mcphub outdated`: what upstream has newer than the lock. Writes nothing."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial

import click

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.lock.model import Lock, LockedCatalog
from mcphub_gitops.compiler.resolve.model import Server
from mcphub_gitops.compiler.resolve.provenance import CatalogSource, used_sources
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.apply.news import News, Question, ask, questions_of
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.composition import compose
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.lockable import read_lockable
from mcphub_gitops.runtime.cli.naming import refuse_unknown
from mcphub_gitops.runtime.cli.options import fetching, layered_project_option, output_option
from mcphub_gitops.runtime.cli.output import show_json
from mcphub_gitops.runtime.project import Project


@click.command(
    epilog="\b\nExamples:\n  mcphub outdated\n  mcphub outdated search docker\n  mcphub outdated --output json"
)
@layered_project_option
@output_option
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when something is newer.")
def outdated(project: Project, output: str, names: tuple[str, ...], *, detailed_exitcode: bool) -> int:
    """Tell what upstream has newer than the lock: of the servers and catalogs called NAME, or of all.

    Packages are asked for at their index, tags at their registry, catalogs of a URL or a branch where they are. That
    something is newer makes no lock stale; `mcphub update` takes it. Exit code 0; 1 on errors, and when something could
    not be asked, which is told in its line; 2 when something is newer and --detailed-exitcode is given.
    """
    read = read_lockable(fetching(project))
    if read is None:
        return Exit.ERROR
    root = project.open().root
    sources = used_sources(root) if root is not None else {}
    known = {*sources, *(server.name for server in read.hub.servers)}
    refuse_unknown(names, known)
    wanted = names or known
    of_servers = _of_servers(read.hub.servers, wanted, read.lock, compose(project))
    found = asyncio.run(ask([*_of_catalogs(sources, wanted, read.lock), *of_servers]))
    _show(found, output)
    if any(each.problem for each in found):
        return Exit.ERROR
    return Exit.CHANGES if detailed_exitcode and any(each.is_new for each in found) else Exit.OK


def _of_servers(servers: Iterable[Server], wanted: Collection[str], lock: Lock, site: Site) -> Iterator[Question]:
    for server in servers:
        pins = lock.servers.get(server.name)
        if pins is not None and server.enabled and server.name in wanted:
            yield from questions_of(server, pins, site)


def _of_catalogs(sources: Mapping[str, CatalogSource], wanted: Collection[str], lock: Lock) -> Iterator[Question]:
    for name, source in sources.items():
        pins = lock.catalogs.get(name)
        if pins is not None and source.kind != "path" and name in wanted:
            yield f"catalog {name}", str(source), _pin(pins), partial(_look, source)


def _look(source: CatalogSource) -> tuple[str, str]:
    found = lazy.load("catalogs").look(source)
    newest = _pin(LockedCatalog(source=str(source), digest=digest(found.data), commit=found.commit))
    return newest, newest


def _pin(pins: LockedCatalog) -> str:
    return f"{pins.digest} (commit {pins.commit})" if pins.commit else pins.digest


def _show(found: tuple[News, ...], output: str) -> None:
    if output == "json":
        show_json({"format": "mcphub.outdated/v1", "locked": [{**asdict(each), "new": each.is_new} for each in found]})
        return
    for each in found:
        if each.problem:
            click.echo(printable(f"{each.owner}: {each.what} cannot be asked about: {each.problem}"))
        elif each.is_new:
            held = " (the hub pins what is locked)" if each.allowed == each.locked else ""
            click.echo(printable(f"{each.owner}: {each.what} {each.locked} -> {each.newest}{held}"))
    if not any(each.problem or each.is_new for each in found):
        click.echo("Everything that is locked is what upstream has now.")
