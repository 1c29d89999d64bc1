"""`mcphub tool`: which tools of a server are served, edited in the hub document."""

import click

from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.options import edit_options, layered_project_option
from mcphub_gitops.runtime.project import Project


@click.group()
def tool() -> None:
    """Say which tools of a server are served: the lists `tools.allow` and `tools.deny` of the hub.

    The file that has them is changed, with --env that of the environment. Changes touch no line but their own, are
    shown on standard error, and are not written when new errors would come of them, such as a name that no tool of the
    lock has.
    """


@tool.command(epilog="\b\nExamples:\n  mcphub tool allow git git_status 'git_diff*'")
@click.argument("server")
@click.argument("globs", metavar="GLOB...", nargs=-1, required=True)
@layered_project_option
@edit_options
def allow(server: str, globs: tuple[str, ...], project: Project, *, dry_run: bool, force: bool) -> int:
    """Add names or globs to those that SERVER serves; without any, it serves all its tools."""
    code: int = lazy.load("changes").allow_tools(project, server, globs, dry_run=dry_run, force=force)
    return code


@tool.command(epilog="\b\nExamples:\n  mcphub tool deny git 'git_push*' git_reset")
@click.argument("server")
@click.argument("globs", metavar="GLOB...", nargs=-1, required=True)
@layered_project_option
@edit_options
def deny(server: str, globs: tuple[str, ...], project: Project, *, dry_run: bool, force: bool) -> int:
    """Add names or globs to those that SERVER does not serve, whatever it allows."""
    code: int = lazy.load("changes").deny_tools(project, server, globs, dry_run=dry_run, force=force)
    return code


@tool.command(epilog="\b\nExamples:\n  mcphub tool rm git 'git_diff*'")
@click.argument("server")
@click.argument("globs", metavar="GLOB...", nargs=-1, required=True)
@layered_project_option
@edit_options
def rm(server: str, globs: tuple[str, ...], project: Project, *, dry_run: bool, force: bool) -> int:
    """Take names or globs, as they are written there, out of both lists of SERVER."""
    code: int = lazy.load("changes").remove_tools(project, server, globs, dry_run=dry_run, force=force)
    return code
