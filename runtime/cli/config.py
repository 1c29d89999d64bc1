"""`mcphub config`: the hub as all its documents make it, and where a setting of it comes from."""

import click

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.explanation import Setting, explain
from mcphub_gitops.compiler.read.redaction import plain_without_secrets
from mcphub_gitops.compiler.render.block import write_block
from mcphub_gitops.compiler.source import Source, excerpt
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.naming import read_address, read_value
from mcphub_gitops.runtime.cli.options import edit_options, layered_project_option
from mcphub_gitops.runtime.cli.output import show_diagnostics
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project

_WORDS = {
    "counts": "counts",
    "overridden": "is overridden",
    "part": "gives a part of it",
    "deletes": "deletes it",
}


@click.group(
    invoke_without_command=True,
    epilog="\b\nExamples:\n  mcphub config\n  mcphub config --env prod\n"
    "  mcphub config --env prod --explain servers.grafana.config.url",
)
@layered_project_option
@click.option("--explain", "path", metavar="PATH", help="Show which file and line set PATH, and which one counts.")
@click.pass_context
def config(context: click.Context, project: Project, path: str | None) -> int | None:
    """Print the hub as its own document, the files that it includes and the environment make it.

    Templates are not filled in, no secret is looked up, and what looks like one is shown as `****`.
    Exit code 0, 1 when the documents cannot be put together.
    """
    if context.invoked_subcommand is not None:
        return None
    document = project.open()
    sources = (document.source, *document.others)
    if document.root is None or has_errors(document.diagnostics):
        show_diagnostics(document.diagnostics, sources)
        return Exit.ERROR
    if path is None:
        whole = plain_without_secrets(document.root, sources)
        assert isinstance(whole, dict)  # noqa: S101  (its shape has been checked)
        click.echo(write_block({key: value for key, value in whole.items() if key != "include"}), nl=False)
        return Exit.OK
    found = explain(document.root, document.layers or (document.root,), path)
    if not found.settings:
        raise RuntimeFailure(f"nothing sets `{path}`", resolution=found.help)
    click.echo(path if found.value is not None else f"{path} is deleted")
    for setting in found.settings:
        click.echo(_described(setting, {source.name: source for source in sources}))
    return Exit.OK


@config.command(
    name="set",
    epilog="\b\nExamples:\n  mcphub config set github.owner acme\n  mcphub config set fs.paths '[/srv/a, /srv/b]'\n"
    "  mcphub config set servers.time.prefix clock\n  mcphub config set gateway.listen 127.0.0.1:9000",
)
@click.argument("address", metavar="SERVER.PATH")
@click.argument("value")
@layered_project_option
@click.option("--text", is_flag=True, help="Take VALUE as a string, whatever it looks like.")
@edit_options
def set_setting(address: str, value: str, project: Project, *, text: bool, dry_run: bool, force: bool) -> int:
    """Set a setting of a server, or any other place of the hub document by its whole path.

    SERVER.PATH is a place under the server's `config`; a path that begins with a key of the document, such as
    `servers.github.config.owner`, is taken as it is. A key with dots in it stands in quotes. VALUE is typed as YAML
    types it: `true`, `3` and `null` are no strings; what begins with a bracket or a quote is read as YAML. It is
    checked as `mcphub validate` does, and not written when new errors would come of it.
    """
    found = value if text else read_value(value)
    code: int = lazy.load("changes").set_value(project, read_address(address), found, dry_run=dry_run, force=force)
    return code


def _described(setting: Setting, sources: dict[str, Source]) -> str:
    line, carets = excerpt(sources[setting.span.source], setting.span)
    gutter = " " * len(str(setting.span.start.line))
    head = f"  {setting.span} {_WORDS[setting.role]}"
    return f"{head}\n    {setting.span.start.line} | {line}\n    {gutter} | {carets}"
