"""`mcphub init`: the first hub document of a folder."""

import re

import click

from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import check_environment, project_option
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file
from mcphub_gitops.runtime.project import Project
from mcphub_gitops.schemas import read_schema
from mcphub_gitops.templates import fill_template

_SCHEMA = "mcp-hub.schema.json"
"""What editors complete and check the hub by: beside it, so that it is there after a clone and without a network."""

_IGNORED = "/.mcphub/"
_LONGEST_NAME = 63
_LARGEST = 1024 * 1024


def _check_environments(_context: click.Context, _option: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        check_environment(name)
    return tuple(sorted(set(value)))


@click.command(
    epilog="\b\nExamples:\n  mcphub init\n  mcphub init --name acme\n  mcphub init --ci github\n"
    "  mcphub init --ci gitlab --env staging --env prod"
)
@project_option
@click.option("--name", help="The hub's name; by default the folder's.")
@click.option(
    "--ci",
    "forge",
    type=click.Choice(["github", "gitlab"]),
    help="Write the jobs of a forge, too: review, apply, drift. Beside a hub that is there, they alone are written.",
)
@click.option(
    "--env",
    "environments",
    metavar="NAME",
    multiple=True,
    callback=_check_environments,
    help="With --ci: jobs of their own for the environment NAME, instead of for the hub without one; may be repeated.",
)
def init(project: Project, name: str | None, forge: str | None, environments: tuple[str, ...]) -> int:
    """Write a first mcp-hub.yaml, and keep .mcphub/ out of git. Existing files are never overwritten.

    Editors with a YAML language server complete and check the hub by mcp-hub.schema.json, which is written beside it to
    be committed with it.
    """
    if environments and forge is None:
        raise click.UsageError("--env is about the jobs of a forge: say which with --ci.")
    is_there = (project.root / project.hub_file).exists()
    if not is_there:
        _begin(project, name)
    elif forge is None or name is not None:
        raise RuntimeFailure(f"{project.hub_file} is already there", resolution="edit it, or remove it first")
    if forge is not None:
        lazy.load("workflows").write_jobs(project, forge, environments)
    if not is_there:
        click.echo("Next: `mcphub lock`, then `mcphub up`.")
    return Exit.OK


def _begin(project: Project, name: str | None) -> None:
    chosen = name or _slug(project.root.resolve().name)
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,62}", chosen):
        raise RuntimeFailure(
            f"`{chosen}` cannot be a hub's name",
            resolution="take up to 63 lower-case letters, digits and hyphens, beginning with a letter",
        )
    ignored = _with_ignored(project)
    write_file(project.root / project.hub_file, fill_template("mcp-hub.yaml", name=chosen, schema=_SCHEMA).encode())
    click.echo(f"Written: {project.hub_file}")
    if not (project.root / _SCHEMA).exists():
        write_file(project.root / _SCHEMA, read_schema("hub.v1"))
        click.echo(f"Written: {_SCHEMA}")
    if ignored is not None:
        write_file(project.root / ".gitignore", ignored)
        click.echo("Written: .gitignore")


def _slug(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return (words if words[:1].isalpha() else f"hub-{words}".strip("-"))[:_LONGEST_NAME].rstrip("-")


def _with_ignored(project: Project) -> bytes | None:
    """Return the project's ``.gitignore`` with mcphub's own folder in it, None where it is there already."""
    before = read_file(project.root / ".gitignore", limit=_LARGEST) or b""
    if len(before) > _LARGEST:
        raise RuntimeFailure(".gitignore is too large", resolution=f"add the line {_IGNORED} to it yourself")
    if any(line.strip().strip(b"/") == b".mcphub" for line in before.splitlines()):
        return None
    gap = b"" if not before or before.endswith(b"\n") else b"\n"
    return before + gap + _IGNORED.encode() + b"\n"
