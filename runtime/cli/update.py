"""`mcphub update`: beside `mcphub lock` the only writer of the lock."""

import click

from mcphub_gitops.compiler.lock.age import seconds_of
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.options import layered_project_option, report_option
from mcphub_gitops.runtime.project import Project


def _age(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and seconds_of(value) is None:
        raise click.BadParameter(f"{value} is no age; one is written as 12h, 7d or 2w")
    return value


@click.command(
    epilog="\b\nExamples:\n  mcphub update\n  mcphub update search time\n  mcphub update --min-age 7d\n"
    "  mcphub update docker --dry-run"
)
@layered_project_option
@report_option()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--min-age",
    metavar="AGE",
    callback=_age,
    help="Take up nothing that was published less than AGE ago, such as 12h, 7d or 2w; `defaults.minAge` unless given.",
)
@click.option("--dry-run", is_flag=True, help="Ask everything, say what would move, and write nothing.")
def update(project: Project, output: str, names: tuple[str, ...], min_age: str | None, *, dry_run: bool) -> int:
    """Move the lock to what is newest: of the servers and catalogs called NAME, or of all.

    A package is taken in the newest version that the hub allows, with all it needs; a tag in what it leads to now; a
    catalog of a URL or a branch as it is now; and the tools of each server are read anew. Everything else in the lock
    stays as it is, to the byte. What moved is told. Exit code 0, 1 on errors (nothing is written then).
    """
    code: int = lazy.load("updating").update_lock(project, names, output, min_age=min_age, dry_run=dry_run)
    return code
