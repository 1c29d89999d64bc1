"""Files of real git repositories: by commit, branch or tag, and nothing of the user's own git."""

import os
import socket
from pathlib import Path

import pytest

from mcphub_gitops.runtime.adapters.git import GitRepositories
from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.support.repositories import commit, git, make_repository

CATALOG = "version: 3\n\n"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    files: dict[str, str | bytes] = {
        "catalogs/ours.yaml": CATALOG,
        "big.yaml": b"x" * 2000,
        ".gitattributes": "*.yaml filter=evil\n",
    }
    return make_repository(tmp_path / "repo", files)


def fetch(bare: Path, wanted: str, path: str = "catalogs/ours.yaml", *, limit: int = 1000) -> tuple[bytes, str]:
    reader = GitRepositories(limit=limit, schemes=("file",), seconds=20)
    return reader.fetch(bare.as_uri(), path, wanted, whose="catalog 'ours'")


def test_a_branch_a_tag_and_a_commit_lead_to_the_file_of_their_commit(bare: Path) -> None:
    work = bare.parent / "work"
    first = git(work, "rev-parse", "HEAD")
    git(work, "tag", "--annotate", "--message", "first", "v1")
    second = commit(work, {"catalogs/ours.yaml": "version: 2\n"})
    git(work, "push", "--quiet", "origin", "main", "v1")
    assert fetch(bare, "main") == (b"version: 2\n", second)
    assert fetch(bare, "v1") == (CATALOG.encode(), first)
    assert fetch(bare, first) == (CATALOG.encode(), first)


def test_neither_settings_nor_variables_nor_hooks_of_this_machine_count(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = tmp_path / "touched"
    settings = tmp_path / "gitconfig"
    elsewhere = "file:///nowhere/"
    settings.write_text(
        f'[filter "evil"]\n\tsmudge = touch {touched}\n\trequired = true\n[url "{elsewhere}"]\n\tinsteadOf = file://\n'
        f"[core]\n\tfsmonitor = touch {touched}\n\thooksPath = {tmp_path}\n"
    )
    hook = tmp_path / "reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {touched}\n")
    hook.chmod(0o755)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, str(settings))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "no.git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {touched}")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.hooksPath'='" + str(tmp_path) + "'")
    assert fetch(bare, "main")[0] == CATALOG.encode()
    assert not touched.exists()


def test_nothing_is_left_behind(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    fetch(bare, "main")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "path", "words"),
    [
        ("main", "nothing.yaml", "There is no file `nothing.yaml`"),
        ("main", "catalogs", "is no file"),
        ("main", "catalogs/", "There is no file"),
        ("main", "*.yaml", "There is no file"),
        ("main", "link.yaml", "is no file"),
        ("main", "big.yaml", "has 2,000 bytes; 1,000 are allowed"),
        ("nowhere", "catalogs/ours.yaml", "couldn't find remote ref nowhere"),
        ("0" * 40, "catalogs/ours.yaml", "not our ref"),
        ("--upload-pack=touch pwned", "catalogs/ours.yaml", "invalid refspec '--upload-pack=touch pwned'"),
    ],
)
def test_what_is_not_there_is_told(bare: Path, wanted: str, path: str, words: str) -> None:
    work = bare.parent / "work"
    (work / "link.yaml").symlink_to("catalogs/ours.yaml")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", "a link")
    git(work, "push", "--quiet", "origin", "main")
    with pytest.raises(RuntimeFailure, match="The repository of catalog 'ours' cannot be read") as raised:
        fetch(bare, wanted, path)
    assert words in raised.value.detail


def test_a_hash_of_something_else_is_no_commit(bare: Path) -> None:
    work = bare.parent / "work"
    git(work, "tag", "--annotate", "--message", "first", "v1")
    git(work, "push", "--quiet", "origin", "v1")
    with pytest.raises(RuntimeFailure) as raised:
        fetch(bare, git(work, "rev-parse", "v1"))
    assert "is no commit" in raised.value.detail


@pytest.mark.parametrize("url", ["file:///srv/a.git", "ext::sh -c whoami", "git://git.example/a.git", "/srv/a.git"])
def test_other_ways_to_a_repository_are_refused(url: str) -> None:
    with pytest.raises(RuntimeFailure) as raised:
        GitRepositories(limit=10).fetch(url, "a", "main", whose="it")
    assert raised.value.detail == "Repositories are reached over https or ssh."


def test_who_does_not_answer_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"git://127.0.0.1:{silent.getsockname()[1]}/a.git"
        with pytest.raises(RuntimeFailure) as raised:
            GitRepositories(limit=10, schemes=("git",), seconds=0.5).fetch(url, "a", "main", whose="it")
        assert raised.value.detail == "It takes longer than 0.5 s."


def test_without_git_the_reader_is_told_so(monkeypatch: pytest.MonkeyPatch, bare: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "env").symlink_to("/usr/bin/env")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(RuntimeFailure) as raised:
        fetch(bare, "main")
    assert "git" in raised.value.detail
    assert "No such file" in raised.value.detail


def test_ssh_asks_nobody_and_trusts_known_hosts_alone(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands in for ssh does what it would do on the other side: it runs the command that it is given."""
    programs, told = tmp_path / "bin", tmp_path / "told"
    programs.mkdir()
    (programs / "ssh").write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {told}\nenv > {told}.env\n'
        'for last; do :; done\nunset GIT_DIR\nexec sh -c "$last"\n'
    )
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setenv("TOKEN", "canary")
    reader = GitRepositories(limit=1000, schemes=("ssh",), seconds=20)
    data, _ = reader.fetch(f"ssh://git@git.example{bare}", "catalogs/ours.yaml", "main", whose="it")
    assert data == CATALOG.encode()
    words = told.read_text().splitlines()
    assert words[-2] == "git@git.example"
    assert {"BatchMode=yes", "StrictHostKeyChecking=yes", "ForwardAgent=no"} <= set(words)
    variables = Path(f"{told}.env").read_text()
    assert "SSH_AUTH_SOCK=/run/agent" in variables
    assert "canary" not in variables
