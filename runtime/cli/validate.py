"""`mcphub validate`: is the hub document right? Reads files alone, and needs no network."""

import click

from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors
from mcphub_gitops.compiler.enumeration import count
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.exits import Exit, exit_of
from mcphub_gitops.runtime.cli.options import as_of_option, layered_project_option, report_option
from mcphub_gitops.runtime.cli.output import show_compiled
from mcphub_gitops.runtime.project import Project


@click.command(
    epilog="\b\nExamples:\n  mcphub validate\n  mcphub validate --diff\n  mcphub validate --fix\n"
    "  mcphub validate --file hubs/acme/mcp-hub.yaml --output json\n  mcphub validate --as-of 2026-12-31",
)
@layered_project_option
@report_option()
@as_of_option
@click.option("--fix", is_flag=True, help="Mend in the hub's documents what can be mended for certain, and look again.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
def validate(project: Project, output: str, as_of: str, *, fix: bool, diff: bool) -> int:
    """Check the hub document, and show every mistake at its file, line and column.

    With a lock, tool filters and names are checked against it; what cannot be known before there is one is told as a
    note. Exit code 0 when the hub is right, after --fix as it is then; 1 when it has errors, 3 when
    nothing but its policies deny it.
    """
    if diff and output != "human":
        raise click.UsageError("--diff is for people: --output has every fix to the letter, without it.")
    compiled = _compile(project, as_of, fix=fix, diff=diff)
    show_compiled(compiled, output, project.root)
    if output == "human" and not fix and not diff:
        _tell_fixable(compiled.diagnostics, project)
    if has_errors(compiled.diagnostics):
        return exit_of(compiled.diagnostics)
    if compiled.hub is not None and output == "human":
        # With --diff, standard output holds the difference and nothing else.
        click.echo(f"{project.hub_file} is valid: {count(len(compiled.hub.servers), 'server')}", err=diff)
    return Exit.OK


def _compile(project: Project, as_of: str, *, fix: bool, diff: bool) -> Compiled:
    if not fix and not diff:
        return project.compile(locked=False, as_of=as_of)
    fixing = lazy.load("fixing")
    compiled: Compiled = fixing.print_fixes(project, as_of) if diff else fixing.write_fixes(project, as_of)
    return compiled


def _tell_fixable(diagnostics: tuple[Diagnostic, ...], project: Project) -> None:
    sources = [each.span.source for each in diagnostics if each.fix is not None]
    known = lazy.load("fixing").documents(project) if sources else ()
    fixable = sum(source in known for source in sources)
    if fixable:
        click.echo(f"{fixable} of these can be fixed: `mcphub validate --fix`, or --diff to look first.", err=True)
