"""`mcphub gateway`: serves what is applied, and nothing else."""

import click

from mcphub_gitops.runtime.cli.options import project_option
from mcphub_gitops.runtime.cli.serving import serve_project
from mcphub_gitops.runtime.project import Project


@click.group()
def gateway() -> None:
    """Serve the applied generation as one MCP endpoint."""


@gateway.command(epilog="\b\nExamples:\n  mcphub gateway run\n  mcphub gateway run --port 9000")
@project_option
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of the hub's port; 0 takes a free one.")
def run(project: Project, port: int | None) -> int:
    """Start the servers of the applied generation and serve them until SIGTERM or Ctrl-C.

    A new generation is taken over while it runs; what has not changed keeps running. Clients need the bearer token
    that stands in .mcphub/token.
    """
    return serve_project(project, port=port)
