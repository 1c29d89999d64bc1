import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.runtime.adapters.environments import MARKER, Environments, Marker
from mcphub_gitops.runtime.adapters.inventory import take_inventory
from mcphub_gitops.runtime.failure import RuntimeFailure

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    made = Environments(root=tmp_path / "packages")
    made.prepare()
    return made


def build(environments: Environments, digest: str = DIGEST) -> Marker:
    """Make what looks like an environment, and return a marker that fits it; it is not written yet."""
    home = environments.home(digest)
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(sys.executable)
    (home / "bin" / "demo").write_text("demo")
    return Marker(
        digest=digest,
        package="demo==1",
        home=str(home),
        python=str(Path(sys.executable).resolve()),
        readable=("/opt/python",),
        programs={"demo": ("demo",)},
        files=fingerprint(take_inventory(home)),
    )


def test_an_environment_is_whole_from_its_marker_on(environments: Environments) -> None:
    marker = build(environments)
    assert environments.marker(DIGEST) is None
    environments.complete(marker)
    assert environments.marker(DIGEST) == marker
    assert environments.is_intact(marker)
    assert list(environments.digests()) == [DIGEST]
    assert (environments.home(DIGEST) / MARKER).stat().st_mode & 0o777 == 0o644


def test_a_marker_of_another_place_python_digest_or_format_does_not_count(environments: Environments) -> None:
    marker = build(environments)
    environments.complete(marker)
    path = environments.home(DIGEST) / MARKER
    text = path.read_text()
    changes = {marker.home: "/elsewhere", marker.python: "/usr/bin/python2", DIGEST: OTHER, marker.format: "other/v2"}
    for right, wrong in changes.items():
        path.write_text(text.replace(f'"{right}"', f'"{wrong}"'))
        assert environments.marker(DIGEST) is None
    path.write_text(text)
    assert environments.marker(DIGEST) == marker


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "mcphub.environment/v2"}', "\ud800"])
def test_a_marker_that_cannot_be_read_does_not_count(environments: Environments, text: str) -> None:
    build(environments)
    (environments.home(DIGEST) / MARKER).write_bytes(text.encode("utf-8", "surrogatepass"))
    assert environments.marker(DIGEST) is None


def test_without_its_python_an_environment_is_not_whole(environments: Environments, tmp_path: Path) -> None:
    environments.complete(build(environments))
    link = environments.home(DIGEST) / "bin" / "python"
    link.unlink()
    link.symlink_to(tmp_path / "gone")
    assert environments.marker(DIGEST) is None
    (tmp_path / "gone").write_text("another one")
    assert environments.marker(DIGEST) is None


@pytest.mark.parametrize("change", ["changed", "removed", "added", "bytecode", "link"])
def test_any_change_of_the_files_is_seen(environments: Environments, change: str) -> None:
    marker = build(environments)
    environments.complete(marker)
    folder = environments.home(DIGEST) / "bin"
    match change:
        case "changed":
            (folder / "demo").write_text("evil")
        case "removed":
            (folder / "demo").unlink()
        case "added":
            (folder / "evil.pth").touch()
        case "bytecode":
            (folder / "__pycache__").mkdir()
            (folder / "__pycache__" / "demo.cpython-311.pyc").touch()
        case _:
            (folder / "python3").symlink_to("python")
    assert not environments.is_intact(marker)


def test_what_a_container_runs_is_whole_wherever_it_stands_and_without_a_python_of_its_own(
    environments: Environments, tmp_path: Path
) -> None:
    home = environments.home(DIGEST)
    home.mkdir()
    (home / "demo.py").touch()
    files = fingerprint(take_inventory(home))
    marker = Marker(digest=DIGEST, package="demo==1", home="", python="", readable=(), programs={}, files=files)
    environments.complete(marker)
    assert str(tmp_path) not in (home / MARKER).read_text()
    environments.root.rename(tmp_path / "moved")
    moved = Environments(root=tmp_path / "moved")
    assert moved.marker(DIGEST) == marker
    assert moved.is_intact(marker)
    (moved.home(DIGEST) / "demo.py").write_text("evil")
    assert not moved.is_intact(marker)
    moved.home(DIGEST).rename(moved.home(OTHER))
    assert moved.marker(OTHER) is None


def test_a_marker_without_its_place_or_its_python_does_not_count(environments: Environments) -> None:
    marker = build(environments)
    for damaged in (replace(marker, home=""), replace(marker, python="")):
        environments.complete(damaged)
        assert environments.marker(DIGEST) is None


def test_what_is_called_otherwise_is_left_alone(environments: Environments) -> None:
    for name in ("notes", "A" * 64, "a" * 63, "." + "a" * 64):
        (environments.root / name).mkdir()
    (environments.root / ("c" * 64)).touch()
    (environments.root / ("d" * 64)).symlink_to("notes")
    environments.sweep()
    assert list(environments.digests()) == []
    assert len(list(environments.root.iterdir())) == 6


def test_a_missing_folder_has_no_environments(tmp_path: Path) -> None:
    assert list(Environments(root=tmp_path / "none").digests()) == []


def test_a_digest_is_never_a_path(environments: Environments) -> None:
    for text in ("sha256:../../etc", "a" * 64, "sha256:" + "A" * 64, ""):
        with pytest.raises(ValueError, match=text or "^$"):
            environments.home(text)


def test_discarding_leaves_nothing_and_can_be_repeated(environments: Environments) -> None:
    environments.complete(build(environments))
    environments.discard(DIGEST)
    environments.discard(DIGEST)
    assert list(environments.root.iterdir()) == []


def test_sweeping_removes_leftovers_but_not_what_is_whole_or_under_way(environments: Environments) -> None:
    environments.complete(build(environments))
    build(environments, OTHER)
    with environments.locked(OTHER):
        environments.sweep()
        assert list(environments.digests()) == [DIGEST, OTHER]
    environments.sweep()
    assert [path.name for path in environments.root.iterdir()] == ["a" * 64]


def test_a_lock_keeps_other_threads_out_and_leaves_no_file(environments: Environments) -> None:
    inside = 0
    most = 0
    ready = threading.Barrier(4)

    def work() -> None:
        nonlocal inside, most
        ready.wait()
        for _ in range(5):
            with environments.locked(DIGEST) as held:
                assert held is not None
                inside += 1
                most = max(most, inside)
                # Long enough for another thread to come in, if it could.
                threading.Event().wait(0.002)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert list(environments.root.iterdir()) == []


def test_a_lock_lasts_as_long_as_a_child_holds_it(environments: Environments) -> None:
    with environments.locked(DIGEST, wait=False) as held:
        assert held is not None
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(held,))
        # As when mcphub is killed: its own descriptor goes, without the end of the block.
        os.dup2(os.open(os.devnull, os.O_RDONLY), held)
        with environments.locked(DIGEST, wait=False) as second:
            assert second is None
        child.communicate(b"\n")
        with environments.locked(DIGEST, wait=False) as third:
            assert third is not None


def test_a_folder_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environments = Environments(root=tmp_path / "file" / "packages")
    with pytest.raises(RuntimeFailure, match="cannot be made"):
        environments.prepare()
    with pytest.raises(RuntimeFailure, match="cannot be locked"), environments.locked(DIGEST):
        pass


def test_the_folder_is_open_to_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        Environments(root=tmp_path / "packages").prepare()
    finally:
        os.umask(before)
    assert (tmp_path / "packages").stat().st_mode & 0o777 == 0o755
