import subprocess
import sys
from pathlib import Path

import pytest

from mcphub_gitops.runtime.apply.lease import hold, holder_of, wait_until_free
from mcphub_gitops.runtime.failure import LockHeldError, RuntimeFailure

HOLDER = """
import sys
from pathlib import Path
from mcphub_gitops.runtime.apply.lease import hold
with hold(Path(sys.argv[1]), "mcphub apply"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_holder_at_a_time_and_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(LockHeldError) as caught, hold(path, "mcphub lock"):
            pass
        assert caught.value.detail == f"process {other.pid} is at `mcphub apply`"
        holder = holder_of(path)
        assert holder is not None
        assert (holder.pid, holder.doing) == (other.pid, "mcphub apply")
        other.kill()
    assert wait_until_free(path, 5.0)
    with hold(path, "mcphub lock"):
        assert not wait_until_free(path, 0.01)
    assert holder_of(path) is None


def test_a_lock_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeFailure, match=r"writer\.lock cannot be opened"),
        hold(tmp_path / "no" / "writer.lock", "x"),
    ):
        pass
