"""The published hooks, as the real pre-commit installs them from a clone of this project, in scratch repositories."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support.checkouts import ROOT, clone_product
from tests.support.projects import write_project
from tests.support.repositories import git

HOOKS = tuple(each["id"] for each in yaml.load((ROOT / ".pre-commit-hooks.yaml").read_text(), yaml.CSafeLoader))  # noqa: TID251  (not a hub)
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, server.py]}
"""


@dataclass(frozen=True, kw_only=True)
class PreCommit:
    """The program, with its environments in `home`, and the `clone` that the hooks come from, at `revision`."""

    home: Path
    clone: Path
    revision: str

    def run(self, repository: Path, hook: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PRE_COMMIT_HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1"}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "PRE_COMMIT_COLOR": "never"}
        command = [sys.executable, "-m", "pre_commit", "run", "--verbose", hook]
        return subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)

    def configure(self, repository: Path, arguments: str = "[]") -> None:
        lines = [f"repos:\n- repo: {self.clone}\n  rev: {self.revision}\n  hooks:"]
        lines += [f"  - {{id: {hook}, args: {arguments}}}" for hook in HOOKS]
        (repository / ".pre-commit-config.yaml").write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="module")
def pre_commit(tmp_path_factory: pytest.TempPathFactory) -> PreCommit:
    clone = tmp_path_factory.mktemp("hooks") / "clone"
    return PreCommit(home=tmp_path_factory.mktemp("home"), revision=clone_product(clone), clone=clone)


@pytest.fixture
def repository(tmp_path: Path, pre_commit: PreCommit) -> Path:
    """A repository with a hub that is right, locked and staged."""
    write_project(tmp_path, HUB, {"notes": ("add_note",)})
    git(tmp_path, "init", "--quiet")
    pre_commit.configure(tmp_path)
    git(tmp_path, "add", "--all")
    return tmp_path


def change(repository: Path, name: str, before: str, after: str) -> None:
    """Replace `before` by `after` in a file, and stage it."""
    file = repository / name
    assert before in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace(before, after), "utf-8")
    git(repository, "add", "--all")


def test_a_good_hub_passes_every_hook(repository: Path, pre_commit: PreCommit) -> None:
    for hook in HOOKS:
        done = pre_commit.run(repository, hook)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Passed" in done.stdout


def test_a_mistake_in_the_hub_is_told_at_its_line(repository: Path, pre_commit: PreCommit) -> None:
    change(repository, "mcp-hub.yaml", "command:", "comand:")
    done = pre_commit.run(repository, "mcphub-validate")
    assert done.returncode == 1
    assert "mcp-hub.yaml:5:11: error[MH201]: the key is unknown" in done.stdout


def test_a_layout_is_mended_and_the_commit_stopped(repository: Path, pre_commit: PreCommit) -> None:
    change(repository, "mcp-hub.yaml", "  notes:", "     notes:")
    done = pre_commit.run(repository, "mcphub-fmt")
    assert done.returncode == 1
    assert "files were modified by this hook" in done.stdout
    assert (repository / "mcp-hub.yaml").read_text("utf-8") == HUB
    git(repository, "add", "--all")
    assert pre_commit.run(repository, "mcphub-fmt").returncode == 0


def test_a_lock_that_does_not_fit_the_hub_is_told(repository: Path, pre_commit: PreCommit) -> None:
    change(repository, "mcp-hub.yaml", "server.py]", "server.py, --verbose]")
    done = pre_commit.run(repository, "mcphub-lock-check")
    assert done.returncode == 1
    assert "mcp-hub.yaml:5:3: error[MH402]" in done.stdout
    assert "- exit code: 2" in done.stdout


def test_a_program_that_changed_since_it_was_locked_is_told_though_it_is_no_document(
    repository: Path, pre_commit: PreCommit
) -> None:
    git(repository, "commit", "--quiet", "--no-verify", "--message", "The hub")
    change(repository, "server.py", "server.py", "server.py of another day")
    assert "Skipped" in pre_commit.run(repository, "mcphub-validate").stdout
    done = pre_commit.run(repository, "mcphub-lock-check")
    assert done.returncode == 1
    assert "error[MH402]" in done.stdout


def test_a_hub_in_a_subfolder_is_named_by_an_argument(tmp_path: Path, pre_commit: PreCommit) -> None:
    write_project(tmp_path / "hubs" / "acme", HUB, {"notes": ("add_note",)})
    git(tmp_path, "init", "--quiet")
    pre_commit.configure(tmp_path, "[--file, hubs/acme/mcp-hub.yaml]")
    git(tmp_path, "add", "--all")
    for hook in HOOKS:
        done = pre_commit.run(tmp_path, hook)
        assert done.returncode == 0, done.stdout + done.stderr
