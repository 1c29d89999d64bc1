"""`mcphub validate`: is the hub document right? Reads files alone, and needs no network."""

import click

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import layered_project_option, output_option
from mcphub_gitops.runtime.cli.output import count, show_diagnostics
from mcphub_gitops.runtime.project import Project


@click.command(
    epilog="\b\nExamples:\n  mcphub validate\n  mcphub validate --file hubs/acme/mcp-hub.yaml --output json",
)
@layered_project_option
@output_option
def validate(project: Project, output: str) -> int:
    """Check the hub document, and show every mistake at its file, line and column.

    With a lock, tool filters and names are checked against it; what cannot be known before there is one is told as a
    note. Exit code 0 when the hub is right, 1 when it has errors.
    """
    compiled = project.compile(locked=False)
    show_diagnostics(compiled.diagnostics, compiled.sources, output)
    if has_errors(compiled.diagnostics):
        return Exit.ERROR
    if compiled.hub is not None and output == "human":
        click.echo(f"{project.hub_file} is valid: {count(len(compiled.hub.servers), 'server')}")
    return Exit.OK
