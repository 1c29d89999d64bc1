"""`mcphub test`: is the hub what its team's tests say it is? Starts nothing."""

import click

from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.options import as_of_option, output_option, project_option
from mcphub_gitops.runtime.project import Project


@click.command(
    epilog="\b\nExamples:\n  mcphub test\n  mcphub test tests/prod.test.yaml\n  mcphub test --output json",
)
@project_option
@output_option
@as_of_option
@click.argument("files", nargs=-1, type=click.Path(dir_okay=False))
def test(project: Project, output: str, as_of: str, files: tuple[str, ...]) -> int:
    """Hold the hub, in each environment that a case names, against what its tests expect. Starts nothing.

    Tests stand in FILES; without, in tests/*.test.yaml of the hub's folder, and in *.test.yaml beside the hub. Exit
    code 0 when every case passes, 1 when one fails, there is none, or a document of tests has mistakes.
    """
    code: int = lazy.load("trying").run_tests(project, files, output, as_of)
    return code
