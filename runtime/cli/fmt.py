"""`mcphub fmt`: the one layout of the hub document."""

import click

from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.options import project_option
from mcphub_gitops.runtime.project import Project


@click.command(epilog="\b\nExamples:\n  mcphub fmt\n  mcphub fmt --check\n  mcphub fmt --diff")
@project_option
@click.option("--check", is_flag=True, help="Write nothing; exit code 2 when something would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change on standard error.")
def fmt(project: Project, *, check: bool, diff: bool) -> int:
    """Bring the hub document into its one layout, which never changes what it says.

    Mappings and lists are indented by two spaces, no line ends with spaces, a comment has one space before and after
    its hash, lines end with LF and the document with one. Comments, quotes, brackets and blank lines stay. Exit code 1
    when the document cannot be read.
    """
    code: int = lazy.load("editing").lay_out_hub(project, check=check, diff=diff)
    return code
