"""`mcphub lock`: the only writer of the lock and of the readable tool definitions."""

import click

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.codes import Severity
from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import layered_project_option, offline_option, pinning, report_option
from mcphub_gitops.runtime.cli.output import show_diagnostics, tell
from mcphub_gitops.runtime.project import Project

_CHANGES = {codes.STALE_LOCK, codes.DEFINITIONS}


@click.command(
    epilog="\b\nExamples:\n  mcphub lock\n  mcphub lock --check\n  mcphub lock --catalogs\n  mcphub lock --resolve"
)
@layered_project_option
@report_option()
@click.option(
    "--check",
    "--locked",
    "check",
    is_flag=True,
    help="Write nothing; exit with 2 when the lock does not fit. Needs no network.",
)
@click.option("--catalogs", is_flag=True, help="Fetch every catalog of a URL or a git branch anew.")
@offline_option("what is neither locked nor at hand is an error")
@click.option(
    "--resolve", is_flag=True, help="Put both sides of a merge together; ask anew only about what changed on both."
)
def lock(project: Project, output: str, *, check: bool, catalogs: bool, offline: bool, resolve: bool) -> int:
    """Pin every catalog and package with its hashes, read every server's tools, and write the lock.

    What is locked now stays locked wherever it still fits the hub, catalogs included unless --catalogs is given. Each
    server is started as it will run; with --offline only those that are not locked as the hub has them. Exit code 0
    when the lock fits, 1 on errors (nothing is written then), 2 with
    --check when it does not fit.
    """
    if check and catalogs:
        raise click.UsageError("--check writes nothing, and --catalogs is about what is written")
    if offline and catalogs:
        raise click.UsageError("--offline asks nobody, and --catalogs is about what others have")
    if resolve and (check or catalogs or offline):
        raise click.UsageError("--resolve goes with none of --check, --catalogs and --offline")
    if check:
        return _check(project, output)
    if resolve:
        resolved: int = lazy.load("resolving").resolve_lock(project, output)
        return resolved
    if offline:
        done: int = lazy.load("offline").lock_offline(project, output)
        return done
    code: int = lazy.load("locking").write_lock(pinning(project, anew=catalogs), output)
    return code


def _check(project: Project, output: str) -> int:
    compiled = project.compile(locked=True)
    show_diagnostics(compiled.diagnostics, compiled.sources, output, project.root)
    if not has_errors(compiled.diagnostics):
        tell(f"{project.lock_file} fits {project.hub_file}\n", output)
        return Exit.OK
    errors = {each.code for each in compiled.diagnostics if each.severity is Severity.ERROR}
    return Exit.CHANGES if errors <= _CHANGES else Exit.ERROR
