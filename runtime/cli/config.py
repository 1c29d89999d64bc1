"""`mcphub config`: the hub as all its documents make it, and where a setting of it comes from."""

import click

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.explanation import Setting, explain
from mcphub_gitops.compiler.read.syntax import plain
from mcphub_gitops.compiler.render.block import write_block
from mcphub_gitops.compiler.source import Source, excerpt
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import layered_project_option
from mcphub_gitops.runtime.cli.output import show_diagnostics
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project

_WORDS = {
    "counts": "counts",
    "overridden": "is overridden",
    "part": "gives a part of it",
    "deletes": "deletes it",
}


@click.command(
    epilog="\b\nExamples:\n  mcphub config\n  mcphub config --env prod\n"
    "  mcphub config --env prod --explain servers.grafana.config.url"
)
@layered_project_option
@click.option("--explain", "path", metavar="PATH", help="Show which file and line set PATH, and which one counts.")
def config(project: Project, path: str | None) -> int:
    """Print the hub as its own document, the files that it includes and the environment make it.

    Templates are not filled in, and no secret is looked up. Exit code 0, 1 when the documents cannot be put together.
    """
    document = project.open()
    sources = (document.source, *document.others)
    if document.root is None or has_errors(document.diagnostics):
        show_diagnostics(document.diagnostics, sources)
        return Exit.ERROR
    if path is None:
        whole = plain(document.root)
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


def _described(setting: Setting, sources: dict[str, Source]) -> str:
    line, carets = excerpt(sources[setting.span.source], setting.span)
    gutter = " " * len(str(setting.span.start.line))
    head = f"  {setting.span} {_WORDS[setting.role]}"
    return f"{head}\n    {setting.span.start.line} | {line}\n    {gutter} | {carets}"
