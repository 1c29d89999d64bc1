"""What `mcphub plan --against` does: loaded when it is called."""

import shlex
from dataclasses import replace
from pathlib import Path

from mcphub_gitops.runtime.cli.commits import opened, tree_of
from mcphub_gitops.runtime.cli.reviewing import Manner, State, refuse_own_file, review_states
from mcphub_gitops.runtime.project import HUB_FILE, Project

FOLDER = "the working tree"


def review_against(
    project: Project,
    against: str,
    head: str | None,
    *,
    output: str,
    as_of: str,
    saved: Path | None,
    detailed_exitcode: bool,
) -> int:
    """Show what changes from the commit `against` to the commit `head`, or to the folder; raises RuntimeFailure."""
    refuse_own_file(saved, project)
    words = ["mcphub", "plan", "--against", against, *(["--head", head] if head is not None else [])]
    words.extend(["--env", project.environment] if project.environment else [])
    words.extend(["--file", project.hub_file] if project.hub_file != HUB_FILE else [])
    manner = Manner(
        output=output, as_of=as_of, saved=saved, whole=shlex.join(words), detailed_exitcode=detailed_exitcode
    )
    with opened(project.root) as repository:
        commits = [repository.resolve(each) for each in (against, head) if each is not None]
        trees = [tree_of(repository, commit, repository.prefix) for commit in commits]
        before = State(project=replace(project, tree=trees[0]), name=against, commit=commits[0])
        after = State(project=project, name=FOLDER)
        if head is not None:
            after = State(project=replace(project, tree=trees[1]), name=head, commit=commits[1])
        return review_states(before, after, manner)
