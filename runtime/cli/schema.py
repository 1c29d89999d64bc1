"""`mcphub schema`: the published JSON Schema of a document, for editors and other programs."""

from pathlib import Path

import click

from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.files import write_file
from mcphub_gitops.schemas import read_schema, schema_names

_NAMES = schema_names()


@click.command(
    epilog="\b\nExamples:\n  mcphub schema\n  mcphub schema lock\n  mcphub schema hub -o mcp-hub.schema.json",
)
@click.argument("name", metavar="[NAME]", type=click.Choice(tuple(_NAMES)), default="hub")
@click.option(
    "-o",
    "target",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it there instead of printing it.",
)
def schema(name: str, target: Path | None) -> int:
    """Print the JSON Schema (draft 2020-12) of a document: of the hub, or of the one that NAME says.

    NAME is hub, catalog, server, policy, test or lock; plan, review, update, outdated or drift, which are what
    --output json prints of these; or diagnostics, which is what it prints of what is wrong.

    Editors complete and check mcp-hub.yaml by the copy beside it, which `mcphub init` has written and the first line
    of the hub names; after an update of mcphub, write that anew with -o. Exit code 0; 1 on errors.
    """
    data = read_schema(_NAMES[name])
    if target is None:
        click.echo(data, nl=False)
    else:
        write_file(target, data)
        click.echo(f"Written: {target}")
    return Exit.OK
