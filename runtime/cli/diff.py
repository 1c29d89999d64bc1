"""`mcphub diff`: what differs between two saved plans, two locks or two commits."""

from pathlib import Path

import click

from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.options import as_of_option, layered_project_option, report_option
from mcphub_gitops.runtime.project import Project


@click.command(
    epilog="\b\nExamples:\n  mcphub diff plan-monday.json plan.json\n  mcphub diff old/mcp-hub.lock mcp-hub.lock\n"
    "  mcphub diff main topic\n  mcphub diff v1:hubs/acme/mcp-hub.yaml HEAD:hubs/acme/mcp-hub.yaml\n"
    "  mcphub diff HEAD~1:mcp-hub.lock HEAD:mcp-hub.lock --output markdown",
)
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@layered_project_option
@report_option("human", "json", "markdown")
@click.option(
    "-o",
    "saved",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the review, as --output says.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when something differs.")
@as_of_option
def diff(
    *, before: str, after: str, project: Project, output: str, saved: Path | None, as_of: str, detailed_exitcode: bool
) -> int:
    """Show what differs between A and B, the worst first.

    Both are saved plans, both locks (files mcp-hub.lock), or both commits: a branch, a tag, a hash, with the hub that
    --file names, or REV:PATH with the hub or the lock at PATH, seen from the repository's root. A file of that name
    counts before a commit. Nothing is checked out, fetched or started. Exit code 0; 1 on errors; 2 when something
    differs and --detailed-exitcode is given; 3 when policies deny B.
    """
    shown = {"output": output, "as_of": as_of, "saved": saved, "detailed_exitcode": detailed_exitcode}
    code: int = lazy.load("differing").show_difference(project, before, after, **shown)
    return code
