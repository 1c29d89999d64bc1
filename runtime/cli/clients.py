"""`mcphub clients`: what to put into a client's configuration so that it connects to the hub."""

import sys
from pathlib import Path

import click

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.render.client import CLIENTS, Endpoint
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.resolve.profile import WHOLE
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.presence import find_gateway
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import layered_project_option
from mcphub_gitops.runtime.cli.output import show_diagnostics, table
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104  (what a hub may say)


@click.command(
    epilog="\b\nExamples:\n  mcphub clients\n  mcphub clients claude-code > .mcp.json\n"
    "  mcphub clients vscode --profile support"
)
@click.argument("name", metavar="[NAME]", type=click.Choice(tuple(CLIENTS)), required=False)
@layered_project_option
@click.option("--profile", metavar="NAME", help="Connect it to this profile instead of to everything.")
def clients(name: str | None, project: Project, profile: str | None) -> int:
    """Print the part of a client's configuration that connects it to the hub; without NAME, list the clients.

    The part is printed to standard output, and to standard error where it belongs. No token is in it: it says where
    the client finds it. Exit code 0; 1 on errors.
    """
    if name is None:
        rows = ((each, CLIENTS[each].title, CLIENTS[each].file) for each in CLIENTS)
        click.echo(table([("NAME", "CLIENT", "FILE"), *rows]))
        return Exit.OK
    validated = project.validate()
    if validated.hub is None or has_errors(validated.diagnostics):
        show_diagnostics(validated.diagnostics, validated.sources)
        return Exit.ERROR
    hub, client = validated.hub, CLIENTS[name]
    path = _path(hub, profile)
    endpoint = Endpoint(
        name=hub.name if profile is None else f"{hub.name}-{profile}",
        url="" if client.starts_it else _origin(project, hub) + path,
        argv=_program(project, profile),
    )
    click.echo(client.render(endpoint), nl=False)
    click.echo(f"It belongs into {client.file}, beside what is there.", err=True)
    if client.handover:
        token = Layout(folder=project.runtime_folder).token
        click.echo(f"The token is {client.handover}; the gateway keeps it in {token}.", err=True)
    return Exit.OK


def _path(hub: Hub, profile: str | None) -> str:
    if profile is None:
        return WHOLE
    paths = {each.name: each.path for each in hub.profiles}
    if profile not in paths:
        raise RuntimeFailure(f"the hub has no profile {profile}", resolution=suggest(profile, paths))
    return paths[profile]


def _origin(project: Project, hub: Hub) -> str:
    """Return where clients reach the gateway: as the hub says, unless it runs at a port of another choice."""
    if hub.gateway.public_url:
        return hub.gateway.public_url
    found = find_gateway(Layout(folder=project.runtime_folder))
    place = found.url.removeprefix("http://").removesuffix(WHOLE) if found is not None else ""
    host, _, port = (place or hub.gateway.listen).rpartition(":")
    if port == "0":
        raise RuntimeFailure(
            "the gateway's port is not known",
            detail=f"gateway.listen is {hub.gateway.listen}, which takes any free port, and no gateway is running",
            resolution="run `mcphub up` first, or give it a port",
        )
    return f"http://{_EVERYWHERE.get(host, host)}:{port}"


def _program(project: Project, profile: str | None) -> tuple[str, ...]:
    # A client has another PATH than a shell, and another folder.
    chosen = () if profile is None else ("--profile", profile)
    hub = project.root / project.hub_file
    return str(Path(sys.argv[0]).absolute()), "gateway", "run", "--stdio", "--file", str(hub), *chosen
