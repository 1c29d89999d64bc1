"""The files of commits of real git repositories: what a folder would say, and nothing that git could be made to do."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.runtime.adapters.commit_tree import CommitTree
from mcphub_gitops.runtime.adapters.commits import open_repository
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.tree import Folder, Tree
from tests.support.repositories import commit, git

FILES: Mapping[str, str | bytes] = {
    "mcp-hub.yaml": "name: root\n",
    "hubs/acme/mcp-hub.yaml": "name: acme\n",
    "hubs/acme/teams/a.yaml": "a",
    "hubs/acme/teams/deep/b.yaml": "b",
    "hubs/acme/teams/.hidden.yaml": "h",
    "hubs/acme/srv/server.py": "print()\n",
    "hubs/acme/srv/lib/util.py": "pass\n",
    "hubs/acme/srv/__pycache__/util.pyc": b"\0",
    "hubs/acme/empty.yaml": "",
    "shared/catalog.yaml": "version: 3\n",
}
LINKS = {
    "hubs/acme/linked.yaml": "teams/a.yaml",
    "hubs/acme/up.yaml": "../../shared/catalog.yaml",
    "hubs/acme/out.yaml": "../../../out.yaml",
    "hubs/acme/absolute.yaml": "/etc/hostname",
    "hubs/acme/circle.yaml": "circle.yaml",
    "hubs/acme/dangling.yaml": "nothing.yaml",
    "hubs/acme/teams/c.yaml": "a.yaml",
    "hubs/acme/others": "teams",
    "hubs/acme/srv/alias.py": "server.py",
    "hubs/acme/srv/all": "lib",
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch=main")
    for name, target in LINKS.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).symlink_to(target)
    (tmp_path / "out.yaml").write_text("out", "utf-8")
    commit(work, FILES)
    return work


@contextmanager
def at(folder: Path, revision: str = "HEAD") -> Iterator[CommitTree]:
    with open_repository(folder) as repository:
        yield CommitTree(repository=repository, commit=repository.resolve(revision), folder=repository.prefix)


@pytest.mark.parametrize(
    "name",
    [
        *("mcp-hub.yaml", "teams/a.yaml", "teams/deep/b.yaml", "empty.yaml", "linked.yaml", "others/a.yaml"),
        *("dangling.yaml", "missing.yaml", "mcp-hub.yaml/below", "./teams/../teams/a.yaml", "up.yaml"),
    ],
)
def test_a_file_reads_as_it_does_in_the_folder(work: Path, name: str) -> None:
    folder = work / "hubs" / "acme"
    with at(folder) as tree:
        found = tree.read(name, limit=100)
        inside = tree.read_inside(name, limit=100)
    try:
        expected = Folder(folder).read(name, limit=100)
    except RuntimeFailure:
        # What stands below a file is no file of a commit; the system calls it an error.
        expected = None
    assert found == expected
    assert inside == (
        None if name in {"up.yaml", "mcp-hub.yaml/below"} else Folder(folder).read_inside(name, limit=100)
    )


@pytest.mark.parametrize("name", ["out.yaml", "absolute.yaml", "circle.yaml"])
def test_a_link_out_of_the_repository_leads_nowhere(work: Path, name: str) -> None:
    with at(work / "hubs" / "acme") as tree:
        assert tree.read_inside(name, limit=100) is None
        assert tree.digests([name]) == {}
        with pytest.raises(RuntimeFailure, match="cannot be read"):
            tree.read(name, limit=100)


@pytest.mark.parametrize(
    "pattern",
    [
        *("teams/*.yaml", "teams/**/*.yaml", "**/*.yaml", "teams/[ab].yaml", "teams/a.yaml", "teams", "te?ms/a.yaml"),
        *("nothing/*.yaml", "/etc/*", "../*.yaml", "", "teams/.hidden.yaml"),
    ],
)
def test_a_pattern_finds_what_it_finds_in_the_folder(work: Path, pattern: str) -> None:
    folder = work / "hubs" / "acme"
    with at(folder) as tree:
        found = tree.find(pattern, limit=100)
    assert found == Folder(folder).find(pattern, limit=100)


def test_what_stands_behind_a_link_is_refused_in_both(work: Path) -> None:
    with at(work / "hubs" / "acme") as tree:
        found = tree.find("others/*.yaml", limit=100)
    assert found == {"others": "is a link, or is reached through one (others)"}
    refused = Folder(work / "hubs" / "acme").find("others/*.yaml", limit=100).values()
    assert set(refused) == set(found.values())


def test_names_and_digests_are_those_of_the_folder(work: Path) -> None:
    folder = work / "hubs" / "acme"
    names = ("srv/server.py", "linked.yaml", "missing", "teams", "up.yaml")
    with at(folder) as tree:
        assert tree.names("teams") == Folder(folder).names("teams")
        assert tree.names("missing") == frozenset()
        found = tree.digests(names, ["srv"])
    assert found == Folder(folder).digests(names, ["srv"])
    assert found["srv/server.py"] == digest(b"print()\n")
    assert sorted(found) == ["linked.yaml", "srv/alias.py", "srv/lib/util.py", "srv/server.py"]


def test_a_byte_more_than_is_allowed_tells_that_there_is_more(work: Path) -> None:
    commit(work, {"big.yaml": b"x" * 3_000_000})
    with at(work) as tree:
        assert tree.read("big.yaml", limit=10) == b"x" * 11
        assert tree.read("big.yaml", limit=20) == b"x" * 21
        assert tree.read("mcp-hub.yaml", limit=4) == b"name:"
        assert tree.digests(["big.yaml"]) == {"big.yaml": digest(b"x" * 3_000_000)}
        assert tree.read("big.yaml", limit=4_000_000) == b"x" * 3_000_000


def test_a_branch_a_tag_an_ancestor_and_a_hash_lead_to_the_files_of_their_commit(work: Path) -> None:
    first = git(work, "rev-parse", "HEAD")
    git(work, "tag", "--annotate", "--message", "first", "v1")
    commit(work, {"mcp-hub.yaml": "name: second\n"})
    for revision in ("v1", "HEAD~1", first, first[:8]):
        with at(work, revision) as tree:
            assert tree.commit == first
            assert tree.read("mcp-hub.yaml", limit=100) == b"name: root\n"
    with at(work, "main") as tree:
        assert tree.read("mcp-hub.yaml", limit=100) == b"name: second\n"


@pytest.mark.parametrize("revision", ["nothing", "", "HEAD:mcp-hub.yaml", "--all", "a\nHEAD", "f" * 40])
def test_what_is_no_commit_is_told_with_how_to_get_it(work: Path, revision: str) -> None:
    with open_repository(work) as repository:
        with pytest.raises(RuntimeFailure, match="there is no commit") as caught:
            repository.resolve(revision)
        assert "`git " in caught.value.resolution
        assert repository.resolve("HEAD") == git(work, "rev-parse", "HEAD")


def test_a_shallow_clone_says_that_it_is_one(work: Path, tmp_path: Path) -> None:
    commit(work, {"mcp-hub.yaml": "name: second\n"})
    git(tmp_path, "clone", "--quiet", "--depth=1", work.as_uri(), "shallow")
    with open_repository(tmp_path / "shallow") as repository, pytest.raises(RuntimeFailure) as caught:
        repository.resolve("HEAD~1")
    assert "this clone is shallow" in caught.value.detail
    assert "--unshallow" in caught.value.resolution


def test_outside_of_a_repository_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="lies in no git repository"), open_repository(tmp_path):
        pass


def test_without_git_it_says_so(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RuntimeFailure) as caught, open_repository(work):
        pass
    assert "git" in caught.value.detail


def test_nothing_of_the_repository_or_the_machine_is_run(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = tmp_path / "touched"
    commit(work, {".gitattributes": "*.yaml filter=evil diff=evil\n"})
    settings = (
        f'[filter "evil"]\n\tsmudge = touch {touched}\n\trequired = true\n[diff "evil"]\n\ttextconv = touch {touched}\n'
    )
    settings += f"[core]\n\tfsmonitor = touch {touched}\n\thooksPath = {tmp_path}\n\tsshCommand = touch {touched}\n"
    (tmp_path / "gitconfig").write_text(settings, "utf-8")
    with (work / ".git" / "config").open("a", encoding="utf-8") as file:
        file.write(settings)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "no.git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {touched}")
    with at(work) as tree:
        assert tree.read("mcp-hub.yaml", limit=100) == b"name: root\n"
    assert not touched.exists()


def test_a_replaced_object_is_the_one_that_was_committed(work: Path) -> None:
    blob = git(work, "rev-parse", "HEAD:mcp-hub.yaml")
    (work / "evil").write_text("name: evil\n", "utf-8")
    git(work, "replace", blob, git(work, "hash-object", "-w", "evil"))
    with at(work) as tree:
        assert tree.read("mcp-hub.yaml", limit=100) == b"name: root\n"


def test_what_a_partial_clone_lacks_is_not_fetched(work: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    git(work, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", "--no-checkout", work.as_uri(), "partial")
    git(tmp_path / "partial", "config", "remote.origin.uploadpack", f"touch {touched}; false")
    with at(tmp_path / "partial") as tree, pytest.raises(RuntimeFailure) as caught:
        tree.read("mcp-hub.yaml", limit=100)
    assert "partial clone" in caught.value.detail
    assert not touched.exists()


def test_a_submodule_is_no_folder_of_ours(work: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(work), "other")
    git(work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "other"), "sub")
    git(work, "commit", "--quiet", "--message", "sub")
    with at(work) as tree:
        assert tree.read("sub/mcp-hub.yaml", limit=100) is None
        assert tree.names("sub") == frozenset()
        assert tree.digests([], ["sub"]) == {}
        assert tree.find("sub", limit=10) == {"sub": "is no regular file"}
        with pytest.raises(RuntimeFailure, match="sub cannot be read"):
            tree.read("sub", limit=10)


def test_a_damaged_repository_is_told(work: Path) -> None:
    for folder in (work / ".git" / "objects").iterdir():
        if len(folder.name) == 2:
            shutil.rmtree(folder)
    with open_repository(work) as repository, pytest.raises(RuntimeFailure):
        repository.root("HEAD")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_read(work: Path) -> None:
    for folder, _, files in os.walk(work):
        for name in (".", *files):
            os.chown(Path(folder) / name, 65534, 65534, follow_symlinks=False)
    with at(work) as tree:
        assert tree.read("mcp-hub.yaml", limit=100) == b"name: root\n"


def test_both_are_trees() -> None:
    trees: tuple[type[Tree], ...] = (Folder, CommitTree)
    assert len(trees) == 2
