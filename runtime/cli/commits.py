"""Projects as commits have them: loaded when one is read, and only where there is a program `git`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from mcphub_gitops.runtime.adapters.commit_tree import CommitTree
from mcphub_gitops.runtime.adapters.commits import Repository, open_repository
from mcphub_gitops.runtime.failure import RuntimeFailure


@contextmanager
def opened(folder: Path) -> Iterator[Repository]:
    """Open the repository that `folder` lies in; raises RuntimeFailure."""
    if which("git") is None:
        raise RuntimeFailure("a commit cannot be read", detail="there is no program `git` on the PATH")
    with open_repository(folder) as repository:
        yield repository


def tree_of(repository: Repository, commit: str, folder: tuple[str, ...]) -> CommitTree:
    """Return the files of `commit` below `folder`."""
    return CommitTree(repository=repository, commit=commit, folder=folder)
