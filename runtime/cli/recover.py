"""`mcphub recover`: takes over the containers of a hub whose .mcphub was lost."""

import asyncio

import click

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.lease import hold
from mcphub_gitops.runtime.apply.recovery import choose, find_installations, take_over
from mcphub_gitops.runtime.apply.state import restore_current
from mcphub_gitops.runtime.cli.composition import compose_engines, layout_of
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import project_option
from mcphub_gitops.runtime.cli.output import show_diagnostics
from mcphub_gitops.runtime.project import Project


@click.command(
    epilog="\b\nExamples:\n  mcphub recover\n  mcphub recover --lineage 6f0c3a52-8b1e-4c57-9d0e-2a7f4b1c9e83"
)
@project_option
@click.option(
    "--lineage", default="", metavar="LINEAGE", help="Whose containers, where several installations have some."
)
def recover(project: Project, lineage: str) -> int:
    """Take over the containers of this hub whose .mcphub folder was lost.

    The labels of the containers on the engine say whose they are; this folder becomes that installation. Nothing on the
    engine is touched: `mcphub plan` shows what is left to do, and what has not changed is not made anew. Where only the
    link to what is applied was lost, it is made again. Exit code 0 when there is nothing left to recover, 1 on errors,
    such as when there are several installations, 6 when someone else is changing the hub.
    """
    layout = layout_of(project)
    if layout.folder.is_dir() and _restore(layout):
        return Exit.OK
    validated = project.validate()
    if validated.hub is None or has_errors(validated.diagnostics):
        show_diagnostics(validated.diagnostics, validated.sources)
        return Exit.ERROR
    found = asyncio.run(find_installations(validated.hub.name, compose_engines(layout, "")))
    own = layout.known_lineage()
    chosen = choose(found, lineage, own)
    for each in found:
        click.echo(f"{'*' if each is chosen else ' '} lineage {printable(str(each))}")
    layout.prepare()
    with hold(layout.writer_lock, "mcphub recover", wait=0.5):
        take_over(chosen, layout)
    if chosen.lineage == own:
        click.echo("Its containers are this folder's already. `mcphub plan` shows what is left to do.")
    else:
        click.echo(
            "Taken over. `mcphub plan` shows what is left to do.\n"
            "A gateway that still serves them knows nothing of this folder: end it before `mcphub up`."
        )
    return Exit.OK


def _restore(layout: Layout) -> bool:
    with hold(layout.writer_lock, "mcphub recover", wait=0.5):
        serial = restore_current(layout)
    if serial is not None:
        click.echo(f"What is applied is the generation {serial} again.")
    return serial is not None
