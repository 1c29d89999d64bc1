"""`mcphub outdated`: what upstream has newer than the lock. Writes nothing."""

import asyncio
from dataclasses import asdict
from functools import partial

import click

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.lock.model import Lock, LockedCatalog
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.resolve.provenance import CatalogSource, used_sources
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.apply.news import News, Question, ask, questions_of
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.composition import compose
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import fetching, layered_project_option, output_option
from mcphub_gitops.runtime.cli.output import show_diagnostics, show_json
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
    validated, lock_file = fetching(project).validate(), project.open_lock()
    problems = (*validated.diagnostics, *lock_file.diagnostics)
    if has_errors(problems) or validated.hub is None or lock_file.lock is None:
        show_diagnostics(problems, (*validated.sources, lock_file.source))
        return Exit.ERROR
    root = project.open().root
    sources = used_sources(root) if root is not None else {}
    site, lock = compose(project), lock_file.lock
    known = {*sources, *(server.name for server in validated.hub.servers)}
    for name in names:
        if name not in known:
            raise click.UsageError(f"No server or catalog in use is called {printable(name)}. {suggest(name, known)}")
    questions = _catalogs({name: each for name, each in sources.items() if not names or name in names}, lock)
    for server in validated.hub.servers:
        pins = lock.servers.get(server.name)
        if pins is not None and server.enabled and (not names or server.name in names):
            questions.extend(questions_of(server, pins, site))
    found = asyncio.run(ask(questions))
    _show(found, output)
    if any(each.problem for each in found):
        return Exit.ERROR
    return Exit.CHANGES if detailed_exitcode and any(each.is_new for each in found) else Exit.OK


def _catalogs(sources: dict[str, CatalogSource], lock: Lock) -> list[Question]:
    return [
        (f"catalog {name}", str(source), _pin(pins), partial(_look, source))
        for name, source in sources.items()
        if source.kind != "path" and (pins := lock.catalogs.get(name)) is not None
    ]


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
