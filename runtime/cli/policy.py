"""`mcphub policy`: the rules that a hub is held against, and the team's own cases for them."""

import click

from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.options import layered_project_option, output_option
from mcphub_gitops.runtime.project import Project


@click.group(epilog="\b\nExamples:\n  mcphub policy test\n  mcphub policy list")
def policy() -> None:
    """Look at the rules that the hub is held against."""


@policy.command(
    "test",
    epilog="\b\nExamples:\n  mcphub policy test\n"
    "  mcphub policy test policies/images.yaml policies/tests/images.yaml --output json",
)
@layered_project_option
@output_option
@click.argument("files", nargs=-1, type=click.Path(dir_okay=False))
def test(project: Project, output: str, files: tuple[str, ...]) -> int:
    """Run the cases under `tests:` against the rules, and tell which rules no case has denied anything.

    With FILES, rules and cases are those that stand in them; without, those of the hub's policies, and of the folder
    `tests` beside each. Exit code 0 when every case passes, 1 when one fails, there is none, or a policy has mistakes.
    """
    code: int = lazy.load("testing").run_tests(project, files, output)
    return code


@policy.command("list", epilog="\b\nExamples:\n  mcphub policy list\n  mcphub policy list --output json")
@layered_project_option
@output_option
def list_(project: Project, output: str) -> int:
    """List the rules of the hub's policies: where each stands, its level, what it looks at, and why it is there.

    Exit code 0; 1 when a policy has mistakes.
    """
    code: int = lazy.load("testing").list_rules(project, output)
    return code
