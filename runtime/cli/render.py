"""`mcphub render`: the hub's containers as a compose file."""

from dataclasses import replace
from pathlib import Path

import click

from mcphub_gitops.compiler.enumeration import count
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.render.compose import render_compose
from mcphub_gitops.runtime.apply.container import put_secrets, secrets_of
from mcphub_gitops.runtime.apply.preflight import with_secrets
from mcphub_gitops.runtime.cli.applying import compile_desired
from mcphub_gitops.runtime.cli.composition import prepare
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import as_of_option, frozen_options, layered_project_option, offline_option
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import write_file
from mcphub_gitops.runtime.project import Project

COMPOSE_FILE = "compose.yaml"


@click.command(epilog="\b\nExamples:\n  mcphub render\n  mcphub render -o -\n  mcphub render --secrets")
@layered_project_option
@click.option(
    "-o",
    "target",
    default=COMPOSE_FILE,
    show_default=True,
    metavar="FILE",
    help="Where it is written, in the hub's folder; - is standard output.",
)
@click.option("--secrets", is_flag=True, help="Also read the secrets and put them where the containers get them from.")
@offline_option("catalogs and bundles of policies are those that are kept, and no secret store is asked")
@frozen_options
@as_of_option
def render(project: Project, target: str, *, secrets: bool, as_of: str, offline: bool, frozen: bool) -> int:
    """Write the compose file with which `docker compose up` makes the same containers as `mcphub apply`.

    It holds no secret: those are read from below .mcphub/secrets, where --secrets or an apply has put them. Servers
    that run as processes, tools that are a container a call, and remote servers are not in it. Exit code 0; 1 on
    errors.
    """
    desired = compile_desired(project, as_of, frozen=frozen, offline=offline)
    if isinstance(desired, Exit):
        return desired
    contained = [server for server in desired.servers if server.container is not None]
    if not contained:
        raise RuntimeFailure("no server of the hub runs in a container", resolution="only containers can be rendered")
    site = prepare(project, offline=offline)
    packages = {
        server.name: site.packages.contained(server.environment)
        for server in contained
        if server.environment is not None
    }
    root = project.root.resolve()
    relative = {name: replace(each, folder=str(Path(each.folder).relative_to(root))) for name, each in packages.items()}
    data = render_compose(desired, site.lineage, relative)
    if secrets:
        site, _ = with_secrets(contained, site)
        for server in contained:
            put_secrets(server, site, secrets_of(server.name, site), variables=True)
    if target == "-":
        click.echo(data, nl=False)
    else:
        write_file(project.root / Path(target), data)
        click.echo(f"Written: {target} with {count(len(contained), 'service')}.")
    left = len(desired.servers) - len(contained)
    if left:
        click.echo(f"Not in it: {count(left, 'server')}: {_kinds(desired)}.", err=True)
    return Exit.OK


def _kinds(desired: Desired) -> str:
    """Return why servers are not in the file, by how many."""
    kinds = {
        "run as processes": sum(server.is_process for server in desired.servers),
        "run a container a call": sum(server.calls is not None for server in desired.servers),
        "are run by others": sum(server.endpoint is not None for server in desired.servers),
    }
    return ", ".join(f"{number} {how}" for how, number in kinds.items() if number)
