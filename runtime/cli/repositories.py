"""Git repositories: loaded when one is read, and only where there is a program `git`."""

from mcphub_gitops.runtime.adapters.git import GitRepositories


def read(repository: str, path: str, wanted: str, whose: str, limit: int) -> tuple[bytes, str]:
    """Return a file of `repository` and the commit that it was read at; raises RuntimeFailure."""
    return GitRepositories(limit=limit).fetch(repository, path, wanted, whose=whose)
