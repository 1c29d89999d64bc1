"""`mcphub ci`: what jobs of a forge do about a change, between its review and its merge."""

from pathlib import Path

import click

from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.options import as_of_option, layered_project_option
from mcphub_gitops.runtime.project import Project


@click.group(epilog="\b\nExamples:\n  mcphub ci comment review.md\n  mcphub ci approved\n  mcphub ci digest HEAD")
def ci() -> None:
    """Take part in a change's review and merge, in a job of GitHub Actions or GitLab CI.

    `mcphub init --ci` writes jobs that call these. GITHUB_TOKEN, or MCPHUB_GITLAB_TOKEN, holds the token.
    """


@ci.command(
    epilog="\b\nExamples:\n  mcphub plan --against main --output markdown > review.md\n  mcphub ci comment review.md"
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--number", type=click.IntRange(min=1), help="The pull or merge request; by default that of the job.")
@click.option("--unchanged", is_flag=True, help="The review says that nothing changes: write none, but update one.")
def comment(file: Path, number: int | None, *, unchanged: bool) -> int:
    """Make FILE, a review in Markdown, the one comment on the pull or merge request: written once, then updated.

    It is found again by the marker in its first line, among the comments of the token's own user or of bots. Where the
    token cannot write, as in a pull request from a fork, that is told and the exit code is 0: the review stands in the
    job's summary.
    """
    code: int = lazy.load("forging").put_comment(file, number, is_news=not unchanged)
    return code


@ci.command(epilog="\b\nExamples:\n  mcphub ci void HEAD main\n  mcphub ci void --env prod HEAD main")
@layered_project_option
@click.argument("head")
@click.argument("against")
@click.option("--number", type=click.IntRange(min=1), help="The pull or merge request; by default that of the job.")
def void(project: Project, head: str, against: str, number: int | None) -> int:
    """Say in the one comment that it holds no more, where it was written: the hub of the commit HEAD has mistakes.

    A review of it cannot be made then, and that of an earlier push would stand there as if it held. The comment is
    found by the hub's name, as HEAD has it, or else AGAINST, the commit that was compared with.
    """
    code: int = lazy.load("forging").void_comment(project, head, against, number)
    return code


@ci.command(epilog='\b\nExamples:\n  mcphub ci approved\n  mcphub ci approved "$GITHUB_SHA" --required 2')
@click.argument("commit", required=False)
@click.option("--required", type=click.IntRange(min=1), default=1, show_default=True, help="How many must approve.")
def approved(commit: str | None, required: int) -> int:
    """Print the commit that was approved, of the pull or merge request whose merge made COMMIT (that of the job).

    It is the last commit of its branch. Approvals count that were given for exactly it, by people who may write to the
    repository and are not its author; a push voids them, and whoever asks for changes stands against them. Exit code 5
    when it was not approved so, or COMMIT is no merge.
    """
    code: int = lazy.load("forging").print_approved(commit, required)
    return code


@ci.command(epilog='\b\nExamples:\n  mcphub ci digest HEAD\n  mcphub apply --expect "$(mcphub ci digest main)"')
@layered_project_option
@click.argument("revision")
@as_of_option
def digest(project: Project, revision: str, as_of: str) -> int:
    """Print the review digest of the hub as it is in the commit REVISION, read from the repository's objects.

    Exit code 1 when the hub of that commit has errors, 3 when nothing but its policies deny it.
    """
    code: int = lazy.load("forging").print_digest(project, revision, as_of)
    return code


@ci.command(epilog="\b\nExamples:\n  mcphub validate --output sarif > mcphub.sarif\n  mcphub ci sarif mcphub.sarif")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--commit", help="The commit that was looked at; by default that of the job.")
@click.option("--ref", required=True, help="The ref that it belongs to, such as refs/heads/main or refs/pull/7/head.")
def sarif(file: Path, commit: str | None, ref: str) -> int:
    """Hand FILE, of `--output sarif`, to GitHub's code scanning, which the repository must have turned on."""
    code: int = lazy.load("forging").upload_sarif(file, commit, ref)
    return code
