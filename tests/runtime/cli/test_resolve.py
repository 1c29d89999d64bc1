"""`mcphub lock --resolve` in a real merge: with git's index, with markers alone, and a clean merge that is wrong."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.projects import NOTES, mcphub
from tests.support.repositories import commit, git

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  alpha: {command: [python3, alpha/server.py]}
  beta: {command: [python3, beta/server.py]}
  gamma: {command: [python3, gamma/server.py]}
gateway: {onConflict: prefix}
"""


def edit(folder: Path, server: str, description: str) -> None:
    """Let `server` describe one of its tools as `description`, and lock and commit that."""
    file = folder / server / "server.py"
    file.write_text(file.read_text("utf-8").replace("Return the titles of all notes.", description), "utf-8")
    assert mcphub(folder, "lock").returncode == 0
    commit(folder, {})


def locked(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "mcp-hub.lock").read_bytes())["servers"]
    return found


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give what `folder` is a copy of, to be left as it is."""
    folder = tmp_path_factory.mktemp("merged")
    (folder / "mcp-hub.yaml").write_text(HUB, "utf-8")
    (folder / ".gitignore").write_text(".mcphub\n", "utf-8")
    for name in ("alpha", "beta", "gamma"):
        (folder / name).mkdir()
        shutil.copy(NOTES, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    assert mcphub(folder, "lock").returncode == 0
    commit(folder, {})
    git(folder, "checkout", "--quiet", "-b", "other")
    edit(folder, "alpha", "The titles, theirs.")
    edit(folder, "beta", "The titles of beta.")
    git(folder, "checkout", "--quiet", "main")
    edit(folder, "alpha", "The titles, ours.")
    edit(folder, "gamma", "The titles of gamma.")
    with pytest.raises(subprocess.CalledProcessError):
        git(folder, "merge", "--quiet", "other")
    return folder


@pytest.fixture
def folder(merged: Path, tmp_path: Path) -> Path:
    """Give a repository whose branches `main` and `other` both changed alpha, each also another server."""
    shutil.copytree(merged, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.parametrize("markers", [False, True], ids=["index", "markers"])
def test_each_side_keeps_what_it_alone_changed(folder: Path, *, markers: bool) -> None:
    script = folder / "alpha" / "server.py"
    git(folder, "checkout", "--ours", "alpha/server.py")
    script.write_text(script.read_text("utf-8").replace("ours.", "of both."), "utf-8")
    checked = mcphub(folder, "lock", "--check")
    assert (checked.returncode, "MH407" in checked.stderr) == (1, True)
    assert "mcphub lock --resolve" in checked.stderr
    if markers:
        shutil.rmtree(folder / ".git")
    done = mcphub(folder, "lock", "--resolve")
    assert done.returncode == 0, done.stderr
    assert "alpha: changed on both sides, so it is asked anew\n" in done.stdout
    assert ("beta: taken from theirs\ngamma: taken from ours\n" in done.stdout) is not markers
    assert "probing server.alpha" in done.stderr
    assert "probing server.beta" not in done.stderr
    texts = {path.stem: path.read_text("utf-8") for path in (folder / "mcp-hub.tools").iterdir()}
    assert "The titles, of both." in texts["alpha"]
    assert ("The titles of beta." in texts["beta"], "The titles of gamma." in texts["gamma"]) == (True, True)
    assert mcphub(folder, "lock", "--check").returncode == 0
    assert mcphub(folder, "lock", "--resolve").stdout.endswith("Nothing is in conflict.\n") or not markers


def test_a_hub_in_conflict_comes_first(folder: Path) -> None:
    (folder / "mcp-hub.yaml").write_text(f"<<<<<<< ours\n{HUB}", "utf-8")
    before = (folder / "mcp-hub.lock").read_bytes()
    assert mcphub(folder, "lock", "--resolve").returncode == 1
    assert (folder / "mcp-hub.lock").read_bytes() == before


def test_what_is_no_lock_on_a_side_is_told(folder: Path) -> None:
    shutil.rmtree(folder / ".git")
    lock = folder / "mcp-hub.lock"
    lock.write_bytes(lock.read_bytes().replace(b'"format"', b'"shape"'))
    done = mcphub(folder, "lock", "--resolve")
    assert (done.returncode, "mcp-hub.lock (ours)" in done.stderr) == (1, True)
    lock.write_bytes(b"<<<<<<< a\n")
    assert mcphub(folder, "lock", "--resolve").returncode == 1


def test_a_clean_merge_that_is_wrong_is_found_by_the_check(tmp_path: Path) -> None:
    # One branch adds a server that runs a program, the other changes the program: neither lock knows of both.
    (tmp_path / "mcp-hub.yaml").write_text(HUB, "utf-8")
    for name in ("alpha", "beta", "gamma"):
        (tmp_path / name).mkdir()
        shutil.copy(NOTES, tmp_path / name)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / ".gitignore").write_text(".mcphub\n", "utf-8")
    assert mcphub(tmp_path, "lock").returncode == 0
    commit(tmp_path, {})
    git(tmp_path, "checkout", "--quiet", "-b", "other")
    added = HUB.replace("  gamma:", "  delta: {command: [python3, beta/server.py]}\n  gamma:")
    (tmp_path / "mcp-hub.yaml").write_text(added, "utf-8")
    assert mcphub(tmp_path, "lock").returncode == 0
    commit(tmp_path, {})
    git(tmp_path, "checkout", "--quiet", "main")
    script = tmp_path / "beta" / "server.py"
    script.write_text(script.read_text("utf-8") + "\n# ours\n", "utf-8")
    assert mcphub(tmp_path, "lock").returncode == 0
    commit(tmp_path, {})
    git(tmp_path, "merge", "--quiet", "--no-edit", "other")
    assert git(tmp_path, "status", "--porcelain") == ""
    done = mcphub(tmp_path, "lock", "--check")
    assert (done.returncode, "`delta` runs `beta/server.py`, which has changed" in done.stderr) == (2, True)
    assert "delta: asked anew, what both sides have of it fits no more" in mcphub(tmp_path, "lock", "--resolve").stdout
    assert mcphub(tmp_path, "lock", "--check").returncode == 0
