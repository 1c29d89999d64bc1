"""The sides of a file that a merge of the hub's own repository has left undecided, as git's index has them."""

import os
from pathlib import Path
from typing import Final

from git import Git
from git.exc import GitCommandNotFound

_BASE, _OURS, _THEIRS = 1, 2, 3
_SECONDS: Final = 30.0
# Nothing of the repository is run, and nothing of the index is written.
_QUIET: Final = ("--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


def read_stages(root: Path, name: str) -> tuple[bytes | None, bytes | None, bytes | None]:
    """Return what is in the file `name` of `root` in the base, in ours and in theirs; None where a side has none.

    All are None where the file is in no conflict, `root` in no repository, or git is not there. Blocking.
    """
    base, ours, theirs = (_read(root, f":{stage}:./{name}") for stage in (_BASE, _OURS, _THEIRS))
    return base, ours, theirs


def _read(root: Path, what: str) -> bytes | None:
    variables = {"PATH": os.environ.get("PATH", ""), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    environment = [f"{key}={value}" for key, value in variables.items()]
    try:
        status, output, _ = Git(str(root)).execute(
            ["env", "-i", *environment, "git", *_QUIET, "cat-file", "blob", what],
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            kill_after_timeout=_SECONDS,
        )
    except GitCommandNotFound:
        return None
    return output if status == 0 and isinstance(output, bytes) else None
