"""`mcphub logs`: what a server says on standard error."""

import asyncio
import sys
import time

import click

from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.url import hide_query
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.state import read_applied
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.asking import ask_gateway
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import long_project_option
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project

_GLANCE = 0.5

_OVERLAP = 256
"""Characters by which a text that was cut off at its beginning is found again."""


@click.command(epilog="\b\nExamples:\n  mcphub logs notes\n  mcphub logs notes --follow --tail 20")
@long_project_option
@click.argument("server")
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--tail", type=click.IntRange(0), default=100, show_default=True, help="How many lines back it begins.")
def logs(project: Project, server: str, *, follow: bool, tail: int) -> int:
    """Show what SERVER says on standard error.

    A container's log is the engine's, secrets and all; of a process the running gateway keeps the last 64 KiB, with its
    secrets masked. Exit code 0; 1 on errors.
    """
    layout = Layout(folder=project.runtime_folder)
    applied = read_applied(layout)
    if applied is None:
        raise RuntimeFailure("nothing is applied", resolution="run `mcphub apply`, or `mcphub up`")
    desired = applied.plan.desired
    found = _find(desired, server)
    if found.container is not None:
        name = desired.container_names()[server]
        asyncio.run(lazy.load("composition").show_logs(project, name, follow=follow, tail=tail))
    else:
        show_process(layout, server, follow=follow, tail=tail)
    return Exit.OK


def _find(desired: Desired, name: str) -> DesiredServer:
    found = next((each for each in desired.servers if each.name == name), None)
    if found is None:
        known = [each.name for each in desired.servers]
        raise RuntimeFailure(f"no server {name} is applied", resolution=suggest(name, known))
    return found


def show_process(layout: Layout, server: str, *, follow: bool, tail: int) -> None:
    """Print what the running gateway has heard of `server`; raises RuntimeFailure."""
    said = _said(layout, server)
    click.echo(hide_query("".join(said.splitlines(keepends=True)[-tail:] if tail else ())), nl=False)
    while follow:
        sys.stdout.flush()
        time.sleep(_GLANCE)  # noqa: TID251  (the gateway keeps a text; there is no event to wait for)
        before, said = said, _said(layout, server)
        click.echo(hide_query(_news(before, said)), nl=False)


def _said(layout: Layout, server: str) -> str:
    answer = ask_gateway(layout, f"/logs/{server}")
    if answer is None:
        raise RuntimeFailure("no gateway is running, so the server is not either", resolution="run `mcphub up`")
    return str(answer["said"])


def _news(before: str, now: str) -> str:
    """Return what `now` has after the end of `before`, of which its beginning may be cut off; all, if it began anew."""
    if now.startswith(before):
        return now[len(before) :]
    last = before[-_OVERLAP:]
    place = now.rfind(last) if last else -1
    return now[place + len(last) :] if place >= 0 else now
