import os
import subprocess
import sys
from pathlib import Path

import pytest

from mcphub_gitops.runtime.engines.docker.lease import Lease, is_held
from mcphub_gitops.runtime.failure import RuntimeFailure

HOLD = """
import pathlib, sys, time
from mcphub_gitops.runtime.engines.docker.lease import Lease
lease = Lease(pathlib.Path(sys.argv[1]), "notes")
print("held", flush=True)
sys.stdin.read()
"""


def test_one_at_a_time_has_it_and_is_named(tmp_path: Path) -> None:
    with Lease(tmp_path / "new" / "leases", "notes"):
        with pytest.raises(RuntimeFailure, match="notes is in use") as raised:
            Lease(tmp_path / "new" / "leases", "notes")
        assert raised.value.detail == f"process {os.getpid()} speaks to it"
        assert raised.value.retryable
        Lease(tmp_path / "new" / "leases", "other").release()
    lease = Lease(tmp_path / "new" / "leases", "notes")
    lease.release()
    lease.release()


def test_whether_somebody_has_it_can_be_asked_and_makes_nothing(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "new", "notes")
    assert not (tmp_path / "new").exists()
    with Lease(tmp_path, "notes"):
        assert is_held(tmp_path, "notes")
    assert not is_held(tmp_path, "notes")


def test_it_ends_with_the_process_that_has_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=-1, stdout=-1) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RuntimeFailure) as raised:
            Lease(tmp_path, "notes")
        assert raised.value.detail == f"process {holder.pid} speaks to it"
        holder.kill()
        holder.wait()
        Lease(tmp_path, "notes").release()


def test_a_passing_one_leaves_no_file(tmp_path: Path) -> None:
    with Lease(tmp_path, "once", passing=True), pytest.raises(RuntimeFailure):
        Lease(tmp_path, "once", passing=True)
    assert list(tmp_path.iterdir()) == []
    with Lease(tmp_path, "stays"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["stays.lock"]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"content")
    (tmp_path / "notes.lock").symlink_to(victim)
    with pytest.raises(RuntimeFailure, match="cannot be leased"):
        Lease(tmp_path, "notes")
    assert victim.read_bytes() == b"content"


def test_a_name_is_no_path(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="no name of a container"):
        Lease(tmp_path, "../notes")
