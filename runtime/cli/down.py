"""`mcphub down`: stops the gateway with its servers, and forgets what is applied."""

import os
import signal

import click

from mcphub_gitops.compiler.enumeration import count
from mcphub_gitops.runtime.apply.journal import Journal
from mcphub_gitops.runtime.apply.layout import Layout, check_folder, remove_folder
from mcphub_gitops.runtime.apply.lease import hold, holder_of, wait_until_free
from mcphub_gitops.runtime.apply.state import forget
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.exits import Exit, describe
from mcphub_gitops.runtime.cli.options import project_option
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import names_in
from mcphub_gitops.runtime.project import Project

PATIENCE = 20.0
"""Seconds for a gateway to end: it lets calls that are under way finish for ten."""

_HALF_DOWN = "The gateway is stopped, but the containers of the hub are still there. Run `mcphub down` again."


@click.command(epilog="\b\nExamples:\n  mcphub down\n  mcphub down --data")
@project_option
@click.option("--data", is_flag=True, help="Also remove what servers keep in their private folders.")
def down(project: Project, *, data: bool) -> int:
    """Stop the gateway and its servers, remove the containers, and serve nothing any more.

    Images, named volumes, package environments, the token and, without --data, the servers' private folders stay for
    the next `mcphub up`. Exit code 0 when nothing is left, 1 on errors, 4 when the gateway is stopped but the engine is
    out of reach, so that the containers are still there, 6 when someone else is changing the hub.
    """
    layout = Layout(folder=project.runtime_folder)
    check_folder(layout.folder)
    if not layout.folder.is_dir():
        click.echo("Nothing is applied, and nothing is served.")
        return Exit.OK
    with hold(layout.writer_lock, "mcphub down", wait=0.5):
        stopped = stop_gateway(layout)
        Journal(layout.journal).write("down", data=data)
        try:
            removed = _remove_containers(project, layout)
        except RuntimeFailure as failure:
            if not stopped:
                raise
            click.echo(describe(failure), err=True)
            click.echo(_HALF_DOWN, err=True)
            return Exit.PARTLY_APPLIED
        forget(layout)
        remove_folder(layout.secrets)
        if data:
            remove_folder(layout.scratch)
    click.echo("The gateway is stopped." if stopped else "No gateway was running.")
    if removed:
        click.echo(f"Removed {count(removed, 'container')}.")
    return Exit.OK


def _remove_containers(project: Project, layout: Layout) -> int:
    """Remove every container that was made here, if any was; raises RuntimeFailure when the engine is out of reach."""
    if not names_in(layout.containers):
        return 0
    removed: int = lazy.load("composition").remove_containers(project)
    remove_folder(layout.containers)
    return removed


def stop_gateway(layout: Layout) -> bool:
    """Ask the running gateway to end and wait until it has; return whether there was one. Raises RuntimeFailure."""
    holder = holder_of(layout.gateway_lock)
    if holder is None:
        return False
    try:
        # A number can go to another process; the descriptor cannot, and the lock is looked at again after it is held.
        process = os.pidfd_open(holder.pid)
    except OSError:
        process = -1
    try:
        if process >= 0 and holder_of(layout.gateway_lock) == holder:
            signal.pidfd_send_signal(process, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise RuntimeFailure(
            "the gateway cannot be stopped", detail=f"process {holder.pid} belongs to another user"
        ) from error
    finally:
        if process >= 0:
            os.close(process)
    if not wait_until_free(layout.gateway_lock, PATIENCE):
        raise RuntimeFailure(
            "the gateway does not end",
            detail=f"process {holder.pid} was asked to, {PATIENCE:.0f} s ago",
            resolution=f"look at what it does, or end it with `kill -9 {holder.pid}`; its servers end with it",
        )
    return True
