"""The repository that a folder lies in, asked for objects alone: no working tree, so no filter, hook or submodule.

One `git cat-file` answers everything. What is set on this machine or by the user is not read; of what the repository's
own settings say nothing is run, since nothing is fetched, checked out or compared. An object that a partial clone lacks
is missing, not fetched.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from typing import IO, Final, Literal, NamedTuple

from git import Git
from git.exc import GitCommandError, GitCommandNotFound

from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.failure import RuntimeFailure

LINK: Final = "120000"
FOLDER: Final = "40000"
FILES: Final = ("100644", "100755", "100664")
"""Modes of entries: of a link, of a folder, and of files (the last one stands in trees that old versions wrote)."""

_SETTINGS: Final = {
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    # Whose repository it is guards what git runs of its settings, and here it runs nothing.
    "safe.directory": "*",
}
_ENVIRONMENT: Final = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
}
_CHUNK: Final = 1024 * 1024
_TREE_BYTES: Final = 64 * 1024 * 1024
_ENTRY: Final = re.compile(rb"(?P<mode>[0-7]{5,6}) (?P<name>[^\0/]+)\0", re.DOTALL)
_HEXADECIMAL: Final = {40: 20, 64: 32}
_TOLD: Final = 4

_ENDED: Final = (
    "git ended early: the repository is damaged, or is a partial clone that lacks files",
    "look at it with `git fsck`, or clone it without --filter",
)

Kind = Literal["blob", "tree", "commit", "tag", ""]


class Entry(NamedTuple):
    """What a folder of a commit holds under a name: the mode in octal digits, and the object's hash."""

    mode: str
    id: str


@dataclass(slots=True)
class Repository:
    """Objects by their hashes; use it through `open_repository`. `prefix` is where the folder lies in it, with slashes.

    What was read once is kept: two commits share most of their objects.
    """

    prefix: tuple[str, ...]
    is_shallow: bool
    _input: IO[bytes]
    _output: IO[bytes]
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _trees: dict[str, Mapping[str, Entry]] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)

    def resolve(self, revision: str) -> str:
        """Return the hash of the commit that `revision` (a branch, ``HEAD~2``, …) leads to; raises RuntimeFailure."""
        name = "" if any(char in revision for char in "\n\0") else revision
        found, kind, size = self._ask(f"{name}^{{commit}}") if name else ("", "", 0)
        if kind != "commit":
            self._skip(size, kind)
            raise self._unknown(revision)
        self._skip(size, kind)
        return found

    def root(self, commit: str) -> Entry:
        """Return the root folder of a commit."""
        found, kind, size = self._ask(f"{commit}^{{tree}}")
        self._skip(size, kind)
        if kind != "tree":
            raise _failure(f"the files of {commit} are not in this clone", self._how_to_fetch(commit))
        return Entry(FOLDER, found)

    def entries(self, tree: str) -> Mapping[str, Entry]:
        """Return what is in the folder `tree`, by name; raises RuntimeFailure."""
        known = self._trees.get(tree)
        if known is None:
            data = self._content(tree, "tree", _TREE_BYTES)
            known = self._trees[tree] = dict(_entries(data, _HEXADECIMAL[len(tree)]))
        return known

    def read(self, blob: str, *, limit: int) -> bytes:
        """Return at most `limit` + 1 bytes of a file; raises RuntimeFailure."""
        known = self._blobs.get(blob)
        if known is None:
            known = self._content(blob, "blob", limit)
            if len(known) <= limit:
                self._blobs[blob] = known
        return known if len(known) <= limit else known[: limit + 1]

    def digest(self, blob: str) -> str:
        """Return the digest (``sha256:…``) of a file, however large it is; raises RuntimeFailure."""
        if blob not in self._digests:
            _, kind, size = self._ask(blob)
            self._expect(blob, kind, "blob", size)
            found = hashlib.sha256()
            for chunk in self._chunks(size):
                found.update(chunk)
            self._output.read(1)
            self._digests[blob] = f"sha256:{found.hexdigest()}"
        return self._digests[blob]

    def _content(self, name: str, wanted: Kind, limit: int) -> bytes:
        _, kind, size = self._ask(name)
        self._expect(name, kind, wanted, size)
        kept = self._output.read(min(size, limit + 1))
        self._skip(size - len(kept), kind)
        return kept

    def _expect(self, name: str, kind: str, wanted: Kind, size: int) -> None:
        if kind == wanted:
            return
        self._skip(size, kind)
        raise _failure(f"the object {name} is not in this clone", self._how_to_fetch(name))

    def _ask(self, name: str) -> tuple[str, str, int]:
        """Return the hash, the kind and the size of an object, whose content is next; empty words where it is none."""
        self._input.write(name.encode("utf-8", "surrogateescape") + b"\n")
        self._input.flush()
        line = self._output.readline().decode("utf-8", "replace").rstrip("\n")
        if not line:
            raise _failure(*_ENDED)
        match line.split(" "):
            case [found, kind, size] if size.isdecimal() and len(found) in _HEXADECIMAL:
                return found, kind, int(size)
        return "", "", 0

    def _skip(self, size: int, kind: str) -> None:
        """Read the rest of an object, and the line break after it."""
        if kind:
            for _ in self._chunks(size):
                pass
            self._output.read(1)

    def _chunks(self, size: int) -> Iterator[bytes]:
        while size > 0:
            chunk = self._output.read(min(size, _CHUNK))
            if not chunk:
                raise _failure(*_ENDED)
            size -= len(chunk)
            yield chunk

    def _unknown(self, revision: str) -> RuntimeFailure:
        detail = "no commit, branch or tag is called so"
        if self.is_shallow:
            detail += "; this clone is shallow: it has the newest commits alone"
        return RuntimeFailure(
            f"there is no commit {printable(revision) or '(no name)'} in this clone",
            detail=detail,
            resolution=self._how_to_fetch(revision),
        )

    def _how_to_fetch(self, revision: str) -> str:
        if set(revision) & set("~^@:"):
            return "look at what there is with `git log`; a shallow clone gets more with `git fetch --unshallow`"
        name = printable(revision).removeprefix("origin/") or "BRANCH"
        deeper = " --unshallow" if self.is_shallow else ""
        return f"fetch it first: `git fetch{deeper} origin {name}` (of actions/checkout: `fetch-depth: 0`)"


@contextmanager
def open_repository(folder: Path) -> Iterator[Repository]:
    """Open the repository that `folder` lies in; raises RuntimeFailure when there is none, or no git."""
    git = Git(str(folder))
    try:
        prefix, is_shallow = _look(git, folder)
        process = git.execute([*_command(), "cat-file", "--batch"], istream=PIPE, as_process=True)
    except GitCommandNotFound:
        raise _failure("there is no program `git` on the PATH", "install git") from None
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise _failure("git cannot be spoken to", "try again")
    try:
        yield Repository(prefix=prefix, is_shallow=is_shallow, _input=stdin, _output=stdout)
    finally:
        stdin.close()
        stdout.close()
        with suppress(GitCommandError):
            # Told to stop in the midst of an answer, it does not end well.
            process.wait()


def _look(git: Git, folder: Path) -> tuple[tuple[str, ...], bool]:
    status, output, told = git.execute(
        [*_command(), "rev-parse", "--show-prefix", "--is-shallow-repository", "--is-inside-work-tree"],
        with_extended_output=True,
        with_exceptions=False,
        stdout_as_string=False,
        strip_newline_in_stdout=False,
    )
    if status != 0:
        lines = [printable(line) for line in str(told).splitlines() if line.strip()]
        raise RuntimeFailure(
            f"{folder} lies in no git repository",
            detail="\n".join(lines[:_TOLD]),
            resolution="run mcphub in a clone, or compare files: `mcphub diff plan-a.json plan-b.json`",
        )
    prefix, shallow, _inside = (*os.fsdecode(output).split("\n"), "", "", "")[:3]
    return tuple(part for part in prefix.split("/") if part), shallow == "true"


def _command() -> list[str]:
    """Return what begins each call of git: its whole environment, which holds no secret."""
    variables = {"PATH": os.environ.get("PATH", os.defpath), **_ENVIRONMENT, "GIT_CONFIG_COUNT": str(len(_SETTINGS))}
    for number, (key, value) in enumerate(_SETTINGS.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), "git"]


def _entries(data: bytes, width: int) -> Iterator[tuple[str, Entry]]:
    """Yield what a tree object holds: a mode, a name, a NUL, and a hash of `width` bytes each (gitformat-tree)."""
    place = 0
    while found := _ENTRY.match(data, place):
        place = found.end() + width
        name = found["name"].decode("utf-8", "surrogateescape")
        yield name, Entry(found["mode"].decode().lstrip("0"), data[found.end() : place].hex())


def _failure(detail: str, resolution: str) -> RuntimeFailure:
    return RuntimeFailure("the repository cannot be read", detail=detail, resolution=resolution)
