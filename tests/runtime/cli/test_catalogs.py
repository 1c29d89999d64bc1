"""Catalogs of repositories and URLs from `lock` to a clone without a cache, with real servers of this machine."""

import json
import shutil
import ssl
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mcphub_gitops.runtime.cli import downloads
from mcphub_gitops.runtime.cli.main import cli
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.network.download import Downloader
from tests.runtime.cli.test_fast_paths import HEAVY
from tests.support.https import serve_folder, serve_git
from tests.support.projects import MCPHUB, mcphub
from tests.support.remote_sdk import certify
from tests.support.repositories import commit, git, make_repository

CATALOG = "version: 3\nregistry:\n  echo: {type: server, image: 'registry.example/echo:1'}\n"
NEWER = CATALOG + "  time: {type: server, image: 'registry.example/time:1'}\n"
HUB = """\
apiVersion: mcphub/v1
name: acme
catalogs:
  ours: %s
servers:
  echo: {from: ours/echo, enabled: false}
"""


def locked(folder: Path) -> dict[str, str]:
    catalogs: dict[str, dict[str, str]] = json.loads((folder / "mcp-hub.lock").read_bytes())["catalogs"]
    return catalogs["ours"]


def test_a_branch_is_pinned_until_it_is_asked_for_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key, _ = certify(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    bare = make_repository(tmp_path / "repo", {"catalogs/ours.yaml": CATALOG})
    first = git(bare, "rev-parse", "main")
    hub, clone = tmp_path / "hub", tmp_path / "clone"
    hub.mkdir()
    with serve_git(bare.parent, certificate, key) as port:
        repository = f"https://localhost:{port}/bare.git"
        place = f'{{git: {{repo: "{repository}", ref: main, path: catalogs/ours.yaml}}}}'
        (hub / "mcp-hub.yaml").write_text(HUB % place)

        before = mcphub(hub, "validate")
        assert before.returncode == 1
        assert "MH321" in before.stdout + before.stderr

        done = mcphub(hub, "lock")
        assert done.returncode == 0, done.stderr
        assert locked(hub)["source"] == f"{repository}@main:catalogs/ours.yaml"
        assert locked(hub)["commit"] == first
        assert mcphub(hub, "lock", "--check").returncode == 0

        second = commit(bare.parent / "work", {"catalogs/ours.yaml": NEWER})
        git(bare.parent / "work", "push", "--quiet", "origin", "main")
        assert "Nothing has changed." in mcphub(hub, "lock").stdout
        clone.mkdir()
        for name in ("mcp-hub.yaml", "mcp-hub.lock"):
            shutil.copy(hub / name, clone / name)
        assert "MH321" in mcphub(clone, "plan", "--offline").stdout + mcphub(clone, "plan", "--offline").stderr
        planned = mcphub(clone, "plan")
        assert planned.returncode == 0, planned.stderr
        assert mcphub(clone, "plan", "--offline").returncode == 0
        assert mcphub(clone, "validate").returncode == 0

        news = mcphub(hub, "outdated", "--detailed-exitcode")
        assert (news.returncode, f"(commit {first}) -> " in news.stdout) == (2, True)
        young = mcphub(hub, "update", "ours", "--min-age", "1h")
        assert (young.returncode, "says its committer: that is less than 1h ago" in young.stderr) == (0, True)
        assert locked(hub)["commit"] == first
        moved = mcphub(hub, "update", "ours")
        assert (moved.returncode, f"(commit {second})" in moved.stdout) == (0, True)
        assert locked(hub)["commit"] == second
        assert mcphub(hub, "outdated", "--detailed-exitcode").returncode == 0
        assert mcphub(hub, "lock", "--catalogs").returncode == 0
        assert locked(hub)["commit"] == second
    assert mcphub(hub, "validate").returncode == 0


def test_a_catalog_that_both_sides_of_a_merge_moved_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key, _ = certify(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    bare, hub = make_repository(tmp_path / "repo", {"ours.yaml": CATALOG}), tmp_path / "hub"

    def publish(text: str) -> str:
        made = commit(bare.parent / "work", {"ours.yaml": text})
        git(bare.parent / "work", "push", "--quiet", "origin", "main")
        return made

    hub.mkdir()
    git(hub, "init", "--quiet", "--initial-branch=main")
    with serve_git(bare.parent, certificate, key) as port:
        place = f'{{git: {{repo: "https://localhost:{port}/bare.git", ref: main, path: ours.yaml}}}}'
        (hub / "mcp-hub.yaml").write_text(HUB % place)
        assert mcphub(hub, "lock").returncode == 0
        commit(hub, {".gitignore": ".mcphub/\n"})
        git(hub, "checkout", "--quiet", "-b", "other")
        for branch, text in (("other", NEWER), ("main", f"{NEWER}# more\n")):
            git(hub, "checkout", "--quiet", branch)
            publish(text)
            assert mcphub(hub, "update", "ours").returncode == 0
            commit(hub, {})
        newest = publish(f"{NEWER}# and more\n")
        with pytest.raises(subprocess.CalledProcessError):
            git(hub, "merge", "--quiet", "other")
        before = (hub / "mcp-hub.lock").read_bytes()
        moved_away = bare.rename(bare.with_name("gone.git"))
        failed = mcphub(hub, "lock", "--resolve")
        assert (failed.returncode, (hub / "mcp-hub.lock").read_bytes()) == (1, before)
        assert "the catalog https://localhost" in failed.stderr
        moved_away.rename(bare)
        done = mcphub(hub, "lock", "--resolve")
        assert done.returncode == 0, done.stderr
        assert "catalog ours: changed on both sides, so it is read anew\n" in done.stdout
        assert locked(hub)["commit"] == newest
        assert mcphub(hub, "lock", "--check").returncode == 0


def test_what_a_url_holds_is_pinned_and_never_taken_for_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key, trusting = certify(tmp_path, "catalogs.example")
    allow_this_machine(monkeypatch, trusting)
    served, hub = tmp_path / "served", tmp_path / "hub"
    served.mkdir()
    hub.mkdir()
    (served / "ours.yaml").write_text(CATALOG)
    with serve_folder(served, certificate, key) as port:
        (hub / "mcp-hub.yaml").write_text(HUB % f'{{url: "https://catalogs.example:{port}/ours.yaml"}}')
        assert run(hub, "lock").exit_code == 0
        pinned = locked(hub)
        assert pinned.keys() == {"source", "digest"}

        (served / "ours.yaml").write_text(NEWER)
        assert run(hub, "lock").exit_code == 0
        assert locked(hub) == pinned
        shutil.rmtree(hub / ".mcphub" / "catalogs")
        refused = run(hub, "plan")
        assert refused.exit_code == 1
        assert "is not what was locked" in str(refused.exception)
        assert run(hub, "lock", "--catalogs").exit_code == 0
        assert locked(hub) != pinned
        assert run(hub, "plan").exit_code == 0
    for command in (["validate"], ["lock", "--check"], ["plan", "--offline"]):
        assert loaded_by(hub, *command) & HEAVY == set()


def test_a_url_of_this_machine_is_refused_without_the_tests_allowance(tmp_path: Path) -> None:
    certificate, key, _ = certify(tmp_path, "localhost")
    (tmp_path / "served").mkdir()
    with serve_folder(tmp_path / "served", certificate, key) as port:
        (tmp_path / "mcp-hub.yaml").write_text(HUB % f'{{url: "https://localhost:{port}/ours.yaml"}}')
        done = mcphub(tmp_path, "lock")
    assert done.returncode == 1
    assert "not a public address" in done.stderr


def test_a_check_writes_nothing_anew(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text("apiVersion: mcphub/v1\nname: acme\nservers: {}\n")
    assert run(tmp_path, "lock", "--check", "--catalogs").exit_code == 2


def test_a_repository_needs_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = '{git: {repo: "https://git.example/a.git", ref: main, path: ours.yaml}}'
    (tmp_path / "mcp-hub.yaml").write_text(HUB % place)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run(tmp_path, "lock")
    assert isinstance(done.exception, RuntimeFailure)
    assert done.exception.detail == "There is no program `git` on the PATH."


def loaded_by(folder: Path, *arguments: str) -> set[str]:
    script = Path(MCPHUB).read_text("utf-8").partition("\n")[2]
    command = [sys.executable, "-X", "importtime", "-c", script, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--file", str(folder / "mcp-hub.yaml")])


def allow_this_machine(monkeypatch: pytest.MonkeyPatch, trusting: ssl.SSLContext) -> None:
    async def here(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    allowing = partial(Downloader, private=True, tls=trusting, resolve=here)
    monkeypatch.setattr(downloads, "Downloader", allowing)
