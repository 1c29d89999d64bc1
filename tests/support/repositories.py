"""Git repositories on the disk."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


def git(folder: Path, *arguments: str) -> str:
    """Run git in `folder`, without anybody's settings, and return what it says."""
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    own |= {"GIT_CONFIG_GLOBAL": "/dev/null", **dict.fromkeys(names, "nobody@example.invalid")}
    done = subprocess.run(["git", *arguments], cwd=folder, env=own, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Make a bare repository below `folder`, with `files` in one commit of its branch `main`; return where it is."""
    work = folder / "work"
    work.mkdir(parents=True)
    git(work, "init", "--quiet", "--initial-branch=main")
    commit(work, files)
    bare = folder / "bare.git"
    git(folder, "clone", "--quiet", "--bare", str(work), str(bare))
    git(bare, "config", "uploadpack.allowFilter", "true")
    git(work, "remote", "add", "origin", str(bare))
    return bare


def commit(work: Path, files: Mapping[str, str | bytes]) -> str:
    """Commit `files` in `work`, and return the commit's hash."""
    for name, content in files.items():
        file = work / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", "files")
    return git(work, "rev-parse", "HEAD")
