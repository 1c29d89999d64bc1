"""Git repositories: loaded when one is read, and only where there is a program `git`."""

from mcphub_gitops.runtime.adapters.git import GitRepositories


def read(repository: str, path: str, wanted: str, whose: str, limit: int) -> tuple[bytes, str, int]:
    """Return a file of `repository`, the commit that it was read at, and its moment; raises RuntimeFailure."""
    return GitRepositories(limit=limit).fetch_dated(repository, path, wanted, whose=whose)
