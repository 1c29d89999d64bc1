"""One file of a git repository at a commit, and nothing else of it: no working tree, so no filter, hook or submodule.

What git does is said by this module alone: neither the machine's nor the user's settings are read, nobody is asked for
a password, and no variable of mcphub's own environment reaches it but those of `_PASSED`. A key agent opens what is
behind ssh; https is for what everybody may read.
"""

import os
import re
from collections.abc import Iterator, Mapping
from tempfile import TemporaryDirectory
from typing import Final

from git import Git
from git.exc import GitCommandNotFound

from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.failure import RuntimeFailure

SECONDS: Final = 120.0
SCHEMES: Final = ("https", "ssh")

_PASSED: Final = ("PATH", "SSH_AUTH_SOCK", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
_TRUSTED: Final = {"SSL_CERT_FILE": "GIT_SSL_CAINFO", "SSL_CERT_DIR": "GIT_SSL_CAPATH"}
_SETTINGS: Final = {
    "core.hooksPath": "/dev/null",
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "maintenance.auto": "false",
    "protocol.allow": "never",
}
_ENTRY = re.compile(r"(?P<mode>[0-7]{6}) (?P<type>[a-z]+) (?P<id>[0-9a-f]{40,64})\t(?P<path>[^\0]*)\0")
_FILES: Final = ("100644", "100755")
_TOLD: Final = 4


class GitRepositories:
    """Reads files of at most `limit` bytes; `schemes` are the ways to a repository, `seconds` bounds each step."""

    def __init__(self, *, limit: int, schemes: tuple[str, ...] = SCHEMES, seconds: float = SECONDS) -> None:
        self._limit = limit
        self._schemes = schemes
        self._seconds = seconds

    def fetch(self, repository: str, path: str, wanted: str, *, whose: str) -> tuple[bytes, str]:
        """Return what is in the file at `path`, and the full hash of the commit that `wanted` leads to.

        `wanted` is such a hash, a branch or a tag; `whose` names the repository in messages. Raises RuntimeFailure.
        Blocking.
        """
        data, commit, _ = self.fetch_dated(repository, path, wanted, whose=whose)
        return data, commit

    def fetch_dated(self, repository: str, path: str, wanted: str, *, whose: str) -> tuple[bytes, str, int]:
        """Return what `fetch` does, and when the commit was made as it says itself, in seconds since 1970."""
        scheme = repository.partition("://")[0]
        if scheme not in self._schemes:
            raise _failure(whose, f"Repositories are reached over {' or '.join(self._schemes)}.", "correct its URL")
        try:
            with TemporaryDirectory(prefix="mcphub-git-") as folder:
                return _Step(folder, self._schemes, self._seconds, whose).read(repository, path, wanted, self._limit)
        except GitCommandNotFound:
            raise _failure(whose, "There is no program `git` on the PATH.", "install git") from None


class _Step:
    """What is done in one folder that is gone afterwards."""

    def __init__(self, folder: str, schemes: tuple[str, ...], seconds: float, whose: str) -> None:
        self._git = Git(folder)
        self._environment = _environment(folder, schemes, os.environ)
        self._seconds = seconds
        self._whose = whose

    def read(self, repository: str, path: str, wanted: str, limit: int) -> tuple[bytes, str, int]:
        self._run("init", "--quiet", "--bare", "--template=", ".")
        self._run("config", "remote.origin.url", repository)
        # Without the files of the commit, where the server can: the one that is asked for comes when it is read.
        self._run("fetch", "--quiet", "--depth=1", "--no-tags", "--filter=blob:none", "--", "origin", wanted)
        commit = self._run("rev-parse", "--verify", "FETCH_HEAD^{commit}").decode().strip()
        if len(wanted) == len(commit) and set(wanted) <= set("0123456789abcdef") and commit != wanted:
            raise self._refuse(f"`{wanted}` is no commit.")
        blob = self._blob(commit, path)
        size = int(self._run("cat-file", "-s", blob))
        if size > limit:
            raise self._refuse(f"`{path}` has {size:,} bytes; {limit:,} are allowed.")
        made = int(self._run("show", "--no-patch", "--format=%ct", commit))
        return self._run("cat-file", "blob", blob), commit, made

    def _blob(self, commit: str, path: str) -> str:
        listed = self._run("ls-tree", "-z", commit, "--", path).decode("utf-8", "replace")
        found = _ENTRY.fullmatch(listed)
        if found is None or found["path"] != path:
            raise self._refuse(f"There is no file `{path}` at {commit}.")
        if found["mode"] not in _FILES:
            raise self._refuse(f"`{path}` is no file at {commit}, but a folder, a link or a submodule.")
        return found["id"]

    def _run(self, *arguments: str) -> bytes:
        status, output, told = self._git.execute(
            ["env", "-i", *self._environment, "git", *arguments],
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            kill_after_timeout=self._seconds,
        )
        if status != 0:
            lines = [printable(line) for line in str(told).splitlines() if line.strip()]
            if any("Timeout" in line for line in lines):
                lines = [f"It takes longer than {self._seconds:g} s."]
            raise self._refuse("\n".join(lines[:_TOLD]) or f"git {arguments[0]} ended with {status}.")
        return output

    def _refuse(self, detail: str) -> RuntimeFailure:
        return _failure(self._whose, detail, "see whether git reaches it from this machine without a password")


def _environment(folder: str, schemes: tuple[str, ...], outer: Mapping[str, str]) -> list[str]:
    """Return the whole environment of git, as ``NAME=VALUE``; it holds no secret."""
    settings = {**_SETTINGS, **{f"protocol.{scheme}.allow": "always" for scheme in schemes}}
    variables = {name: outer[name] for name in _PASSED if name in outer}
    variables |= {ours: outer[name] for name, ours in _TRUSTED.items() if name in outer}
    variables |= {
        "GIT_ASKPASS": "/bin/false",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_DIR": folder,
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=15 -o StrictHostKeyChecking=yes -o ForwardAgent=no",
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": folder,
        "LC_ALL": "C",
    }
    return [f"{name}={value}" for name, value in (*variables.items(), *_numbered(settings))]


def _numbered(settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "GIT_CONFIG_COUNT", str(len(settings))
    for number, (key, value) in enumerate(sorted(settings.items())):
        yield f"GIT_CONFIG_KEY_{number}", key
        yield f"GIT_CONFIG_VALUE_{number}", value


def _failure(whose: str, detail: str, resolution: str) -> RuntimeFailure:
    return RuntimeFailure(f"The repository of {whose} cannot be read", detail=detail, resolution=resolution)
