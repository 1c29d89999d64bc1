"""`mcphub gateway`: serves what is applied, and nothing else."""

import click

from mcphub_gitops.runtime.cli.options import project_option
from mcphub_gitops.runtime.cli.serving import serve_client, serve_project
from mcphub_gitops.runtime.project import Project


@click.group()
def gateway() -> None:
    """Serve the applied generation as one MCP endpoint."""


@gateway.command(
    epilog="\b\nExamples:\n  mcphub gateway run\n  mcphub gateway run --port 9000\n"
    "  mcphub gateway run --stdio --file /home/anna/hub/mcp-hub.yaml\n"
    "  mcphub gateway run --stdio --profile support"
)
@project_option
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of the hub's port; 0 takes a free one.")
@click.option("--stdio", is_flag=True, help="Serve the one client on standard input and output, without a token.")
@click.option("--profile", metavar="NAME", help="With --stdio: serve what this profile has, instead of everything.")
def run(project: Project, port: int | None, profile: str | None, *, stdio: bool) -> int:
    """Start the servers of the applied generation and serve them until SIGTERM or Ctrl-C.

    A new generation is taken over while it runs; what has not changed keeps running. Everything is served at /mcp, and
    each profile at its path. Clients need the bearer token that stands in .mcphub/token or, where the hub declares
    tokens, one of those that is for the path.

    With --stdio it is the program that an MCP client starts itself: it ends with its input, and standard error has its
    log. One gateway serves a hub at a time; exit code 6 says that there is one already.
    """
    if not stdio:
        if profile is not None:
            raise click.UsageError("--profile goes with --stdio: over HTTP each profile is served at its path.")
        return serve_project(project, port=port)
    if port is not None:
        raise click.UsageError("--port and --stdio exclude each other: over standard streams nothing listens.")
    return serve_client(project, profile=profile)
