"""`mcphub validate`: is the hub document right? Reads one file, and needs no network."""

import click

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import output_option, project_option
from mcphub_gitops.runtime.cli.output import count, show
from mcphub_gitops.runtime.project import Project


@click.command(
    epilog="\b\nExamples:\n  mcphub validate\n  mcphub validate --file hubs/acme/mcp-hub.yaml --output json",
)
@project_option
@output_option
def validate(project: Project, output: str) -> int:
    """Check the hub document, and show every mistake at its file, line and column.

    Exit code 0 when it is right, 1 when it has errors.
    """
    validated = project.validate()
    show(validated, output)
    if has_errors(validated.diagnostics):
        return Exit.ERROR
    if validated.hub is not None and output == "human":
        click.echo(f"{project.hub_file} is valid: {count(len(validated.hub.servers), 'server')}")
    return Exit.OK
