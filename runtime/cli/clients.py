"""`mcphub clients`: what to put into a client's configuration so that it connects to the hub."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.plan.admission import bind_admission
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.render.client import CLIENTS, VARIABLE, Client, Endpoint, variable_of
from mcphub_gitops.compiler.render.client_file import Unreadable, put_part, write_part
from mcphub_gitops.compiler.resolve.model import Gateway, Hub, HubClient, Token
from mcphub_gitops.compiler.resolve.profile import WHOLE
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.compiler.url import hide_query
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.presence import find_gateway
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import layered_project_option
from mcphub_gitops.runtime.cli.output import show_diagnostics, table
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file
from mcphub_gitops.runtime.project import Project

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104  (what a hub may say)
_LARGEST = 1 << 20


@click.command(
    epilog="\b\nExamples:\n  mcphub clients\n  mcphub clients claude-code > .mcp.json\n"
    "  mcphub clients vscode --profile support\n  mcphub clients cursor --profile support --token help-desk\n"
    "  mcphub clients --write\n  mcphub clients --check"
)
@click.argument("name", metavar="[NAME]", type=click.Choice(tuple(CLIENTS)), required=False)
@layered_project_option
@click.option("--profile", metavar="NAME", help="Connect it to this profile instead of to everything.")
@click.option("--token", metavar="NAME", help="With this token of the hub; needed where several would do.")
@click.option("--write", "task", flag_value="write", help="Put the parts of the hub's own `clients` into their files.")
@click.option("--check", "task", flag_value="check", help="Tell which of these files lack their part, or have another.")
def clients(name: str | None, project: Project, profile: str | None, token: str | None, task: str | None) -> int:
    """Print the part of a client's configuration that connects it to the hub; without NAME, list the clients.

    The part is printed to standard output, and to standard error where it belongs. No token is in it: it says where
    the client finds it, which is the variable MCPHUB_TOKEN, or MCPHUB_TOKEN_NAME for the token that the hub calls
    name. What else stands in a file is kept. Exit code 0; 1 on errors; 2 when --check tells of a file.
    """
    if task is not None and (name or profile):
        raise click.UsageError(f"--{task} is for the clients that the hub declares: leave out NAME and --profile")
    if name is None and task is None:
        rows = ((each, CLIENTS[each].title, CLIENTS[each].file) for each in CLIENTS)
        click.echo(table([("NAME", "CLIENT", "FILE"), *rows]))
        return Exit.OK
    validated = project.validate()
    if validated.hub is None or has_errors(validated.diagnostics):
        show_diagnostics(validated.diagnostics, validated.sources)
        return Exit.ERROR
    if name is None:
        return _keep(project, validated.hub, writes=task == "write")
    return _print(project, validated.hub, CLIENTS[name], profile, token)


def _print(project: Project, hub: Hub, client: Client, profile: str | None, token: str | None) -> int:
    """Print the part of one client, and what else has to be known of it."""
    path = _path(hub, profile)
    if client.starts_it and token is not None:
        raise click.UsageError(f"{client.title} starts the gateway itself, and needs no token.")
    chosen = None if client.starts_it else _token(hub, path, profile, token)
    endpoint = Endpoint(
        name=_entry(hub, profile),
        url="" if client.starts_it else _origin(project, hub) + path,
        argv=_program(project, profile),
        variable=VARIABLE if chosen is None else variable_of(chosen.name),
    )
    click.echo(write_part(client.part(endpoint), client.form), nl=False)
    click.echo(f"It belongs into {client.file}, beside what is there.", err=True)
    if not client.starts_it:
        own = f"keeps it in {Layout(folder=project.runtime_folder).token}"
        kept = own if chosen is None else f"reads it from {printable(hide_query(str(chosen.value)))}"
        click.echo(f"The token is {client.describe_handover(endpoint.variable)}; the gateway {kept}.", err=True)
    return Exit.OK


def _keep(project: Project, hub: Hub, *, writes: bool) -> int:
    """Bring the files of the hub's clients up to date, or tell which are not."""
    if not hub.clients:
        click.echo("The hub declares no `clients`.", err=True)
    files = _with_parts(project, hub)
    different = {file: text for file, (before, text) in files.items() if before != text}
    for file, text in different.items() if writes else ():
        (project.root / file).parent.mkdir(parents=True, exist_ok=True)
        write_file(project.root / file, text.encode())
    found = "Written" if writes else "Different"
    for file in files:
        click.echo(f"{found if file in different else 'Up to date'}: {file}")
    return Exit.CHANGES if different and not writes else Exit.OK


def _with_parts(project: Project, hub: Hub) -> dict[str, tuple[str, str]]:
    """Return the text of each client's file as it is, and with the parts of all clients that it belongs to."""
    files: dict[str, tuple[str, str]] = {}
    for client in hub.clients:
        before, text = files.get(client.file) or (_read(project, client.file),) * 2
        files[client.file] = before, _put(hub, client, text)
    return files


def _put(hub: Hub, client: HubClient, text: str) -> str:
    """Return the `text` of a client's file with its part."""
    kind, profile = CLIENTS[client.kind], client.profile or None
    url = _declared_origin(hub.gateway) + _path(hub, profile)
    variable = variable_of(client.token) if client.token else VARIABLE
    endpoint = Endpoint(name=_entry(hub, profile), url=url, argv=(), variable=variable)
    found = put_part(text, kind.part(endpoint), kind.form)
    if isinstance(found, Unreadable):
        raise RuntimeFailure(
            f"{client.file} cannot take the part of the client {client.name}",
            detail=found.why,
            resolution=f"put in what `mcphub clients {client.kind}` prints by hand, or name another `file`",
        )
    return found


def _read(project: Project, file: str) -> str:
    path = project.root / file
    if not path.resolve().is_relative_to(project.root.resolve()):
        raise RuntimeFailure(f"{file} leads out of the hub's folder", detail=f"It is {path.resolve()}.")
    data = read_file(path, limit=_LARGEST)
    try:
        text = (data or b"").decode()
    except UnicodeDecodeError:
        raise RuntimeFailure(f"{file} is no UTF-8") from None
    if len(text) > _LARGEST:
        raise RuntimeFailure(f"{file} is larger than 1 MiB, which no client's configuration is")
    return text


def _entry(hub: Hub, profile: str | None) -> str:
    return hub.name if profile is None else f"{hub.name}-{profile}"


def _token(hub: Hub, path: str, profile: str | None, wanted: str | None) -> Token | None:
    """Return the token of the hub that opens `path`, None where the gateway's own does; raises RuntimeFailure."""
    tokens = {token.name: token for token in hub.gateway.tokens}
    if wanted is not None and wanted not in tokens:
        raise RuntimeFailure(f"the hub has no token {printable(wanted)}", resolution=suggest(wanted, tokens))
    if not tokens:
        return None
    reaching = _reaching(hub, profile)
    if wanted is None and len(reaching) > 1:
        listed = ", ".join(reaching)
        raise RuntimeFailure(f"several tokens open {path}: {listed}", resolution="say which with `--token NAME`")
    chosen = wanted or next(iter(reaching), "")
    if chosen not in reaching:
        raise _shut(path, profile, wanted)
    return tokens[chosen]


def _reaching(hub: Hub, profile: str | None) -> Sequence[str]:
    groups = next((each.groups for each in hub.profiles if each.name == profile), hub.gateway.groups)
    return bind_admission(hub.gateway, hub.stores).reaching([group.value for group in groups])


def _shut(path: str, profile: str | None, wanted: str | None) -> RuntimeFailure:
    key = "gateway.groups" if profile is None else f"profiles.{profile}.groups"
    brief = f"the token {wanted} does not open {path}" if wanted else f"no token opens {path}"
    return RuntimeFailure(brief, resolution=f"name a group that it is in under `{key}`")


def _path(hub: Hub, profile: str | None) -> str:
    if profile is None:
        return WHOLE
    paths = {each.name: each.path for each in hub.profiles}
    if profile not in paths:
        raise RuntimeFailure(f"the hub has no profile {profile}", resolution=suggest(profile, paths))
    return paths[profile]


def _declared_origin(gateway: Gateway) -> str:
    """Return where clients reach the gateway as its settings say."""
    host, _, port = gateway.listen.rpartition(":")
    return gateway.public_url or f"http://{_EVERYWHERE.get(host, host)}:{port}"


def _origin(project: Project, hub: Hub) -> str:
    """Return where clients reach the gateway: as the hub says, unless it runs at a port of another choice."""
    found = find_gateway(Layout(folder=project.runtime_folder)) if not hub.gateway.public_url else None
    place = found.url.removeprefix("http://").removesuffix(WHOLE) if found is not None else hub.gateway.listen
    if place.endswith(":0") and not hub.gateway.public_url:
        raise RuntimeFailure(
            "the gateway's port is not known",
            detail=f"gateway.listen is {hub.gateway.listen}, which takes any free port, and no gateway is running",
            resolution="run `mcphub up` first, or give it a port",
        )
    return _declared_origin(replace(hub.gateway, listen=place))


def _program(project: Project, profile: str | None) -> tuple[str, ...]:
    # A client has another PATH than a shell, and another folder.
    chosen = () if profile is None else ("--profile", profile)
    hub = project.root / project.hub_file
    return str(Path(sys.argv[0]).absolute()), "gateway", "run", "--stdio", "--file", str(hub), *chosen
