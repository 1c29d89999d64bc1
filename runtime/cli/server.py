"""`mcphub server`: the servers of the hub document, edited in place."""

import shlex
from typing import Any

import click

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.read.redaction import mask
from mcphub_gitops.compiler.read.syntax import plain
from mcphub_gitops.compiler.resolve.model import Remote
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.compiler.validation import Validated
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.naming import read_pairs, read_path, read_value
from mcphub_gitops.runtime.cli.options import edit_options, layered_project_option, output_option, project_option
from mcphub_gitops.runtime.cli.output import show_diagnostics, show_json, table
from mcphub_gitops.runtime.project import Project

ORIGINS = ("from", "package", "image", "command", "remote")


@click.group()
def server() -> None:
    """List, add, remove, enable and disable servers of the hub.

    The file that declares a server is changed, with --env that of the environment. Changes touch no line but their own,
    are shown on standard error, and are not written when new errors would come of them.
    """


@server.command(name="list", epilog="\b\nExamples:\n  mcphub server list\n  mcphub server list --output json")
@project_option
@output_option
def list_servers(project: Project, output: str) -> int:
    """Show the servers that the hub declares, in whatever file. Exit code 1 when it cannot be read."""
    document = project.open()
    if document.root is None:
        show_diagnostics(document.diagnostics, (document.source, *document.others))
        return Exit.ERROR
    rows = _rows(plain(document.root), project.validate())
    if output == "json":
        show_json({"format": "mcphub.servers/v1", "servers": rows})
        return Exit.ERROR if has_errors(document.diagnostics) else Exit.OK
    columns = ["name", "kind", "from", "enabled", *(["owner"] if any(row["owner"] for row in rows) else [])]
    heads = tuple(column.upper() for column in columns)
    click.echo(table([heads, *(tuple(_cell(row[column]) for column in columns) for row in rows)]))
    return Exit.OK


def _rows(document: object, validated: Validated) -> list[dict[str, Any]]:
    servers = document.get("servers") if isinstance(document, dict) else None
    remotes = {
        each.name
        for each in (validated.hub.servers if validated.hub is not None else ())
        if isinstance(each.origin, Remote)
    }
    return [
        _row(name, found if isinstance(found, dict) else {}, is_remote=name in remotes)
        for name, found in sorted(servers.items() if isinstance(servers, dict) else ())
    ]


def _row(name: str, found: dict[str, Any], *, is_remote: bool) -> dict[str, Any]:
    kind = next((key for key in ORIGINS if key in found), "")
    origin = found.get(kind, "")
    if isinstance(origin, dict):
        origin = origin.get("url", "")
    if isinstance(origin, list):
        origin = shlex.join(map(str, origin))
    shown = ("remote" if is_remote else "image") if kind == "from" else kind
    owner = found.get("owner") or ""
    return {
        "name": name,
        "kind": shown or "unknown",
        "from": mask(str(origin)),
        "enabled": found.get("enabled") is not False,
        "owner": owner if isinstance(owner, str) else mask(str(owner)),
    }


def _cell(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else printable(str(value))


@server.command(
    epilog="\b\nExamples:\n  mcphub server add time --package pypi:mcp-server-time\n"
    "  mcphub server add github --from docker/github --secret github.personal_access_token=env://GITHUB_TOKEN\n"
    "  mcphub server add notes --command 'python3 srv/notes.py' --env LEVEL=info --dry-run"
)
@click.argument("name")
@project_option
@click.option("--from", "source", metavar="CATALOG/SERVER", help="An entry of a catalog that the hub declares.")
@click.option("--package", metavar="ECOSYSTEM:NAME", help="A published package, as pypi:NAME or npm:NAME.")
@click.option("--image", help="An image.")
@click.option("--command", metavar="LINE", help="A program and its arguments, quoted as for a shell.")
@click.option("--remote", metavar="URL", help="The endpoint of a server that others run.")
@click.option("--transport", metavar="streamable-http|sse", help="How the remote speaks, where it is not the first.")
@click.option("--run", metavar="process|container", help="Where a package runs.")
@click.option("--secret", "secrets", metavar="NAME=REF", multiple=True, help="A secret by reference: env://NAME.")
@click.option("--config", "settings", metavar="PATH=VALUE", multiple=True, help="A setting of the catalog's entry.")
@click.option("--env", "variables", metavar="NAME=VALUE", multiple=True, help="An environment variable.")
@edit_options
def add(  # noqa: PLR0917  (click hands over one argument an option)
    name: str,
    project: Project,
    source: str | None,
    package: str | None,
    image: str | None,
    command: str | None,
    remote: str | None,
    transport: str | None,
    run: str | None,
    secrets: tuple[str, ...],
    settings: tuple[str, ...],
    variables: tuple[str, ...],
    *,
    dry_run: bool,
    force: bool,
) -> int:
    """Add the server NAME. Exactly one of --from, --package, --image, --command and --remote says what it is.

    What the entry of a catalog needs and was not given is told with the options that give it.
    """
    origins = {"from": source, "package": package, "image": image, "command": command, "remote": remote}
    given = {key: value for key, value in origins.items() if value is not None}
    if len(given) != 1:
        raise click.UsageError(f"exactly one of {', '.join(f'--{key}' for key in ORIGINS)} says what the server is.")
    if transport is not None and remote is None:
        raise click.UsageError("--transport is about a --remote.")
    refs = read_pairs("--secret", secrets)
    paths = {read_path(path): read_value(value) for path, value in read_pairs("--config", settings).items()}
    entry = _origin(given, transport) | _filled(
        {"run": run, "env": read_pairs("--env", variables), "secrets": refs, "config": _nested(paths)}
    )
    code: int = lazy.load("changes").add_server(project, name, entry, dry_run=dry_run, force=force)
    if source is not None:
        for line in lazy.load("catalogued").tell_needs(project, source, refs, {".".join(path) for path in paths}):
            click.echo(line, err=True)
    return code


def _origin(given: dict[str, str], transport: str | None) -> dict[str, Any]:
    ((key, value),) = given.items()
    if key == "remote":
        return {key: {"url": value, **({"transport": transport} if transport is not None else {})}}
    if key != "command":
        return {key: value}
    try:
        return {key: shlex.split(value)}
    except ValueError as error:
        raise click.UsageError(f"--command: {error}.") from error


def _filled(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value}


def _nested(paths: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path, value in paths.items():
        holder = root
        for key in path[:-1]:
            holder = holder.setdefault(key, {})
            if not isinstance(holder, dict):
                raise click.UsageError(f"--config gives {'.'.join(path)!r} a place in a value that is no mapping.")
        holder[path[-1]] = value
    return root


@server.command(epilog="\b\nExamples:\n  mcphub server rm time\n  mcphub server rm time --dry-run")
@click.argument("name")
@layered_project_option
@edit_options
def rm(name: str, project: Project, *, dry_run: bool, force: bool) -> int:
    """Remove the server NAME, with the comments in it and right above it."""
    code: int = lazy.load("changes").remove_server(project, name, dry_run=dry_run, force=force)
    return code


@server.command(epilog="\b\nExamples:\n  mcphub server enable time")
@click.argument("name")
@layered_project_option
@edit_options
def enable(name: str, project: Project, *, dry_run: bool, force: bool) -> int:
    """Make the server NAME part of the hub again: what `disable` wrote goes."""
    code: int = lazy.load("changes").enable_server(project, name, dry_run=dry_run, force=force)
    return code


@server.command(epilog="\b\nExamples:\n  mcphub server disable time")
@click.argument("name")
@layered_project_option
@edit_options
def disable(name: str, project: Project, *, dry_run: bool, force: bool) -> int:
    """Keep the server NAME in the document, and out of the hub."""
    code: int = lazy.load("changes").disable_server(project, name, dry_run=dry_run, force=force)
    return code
