"""Nothing of a project is read past the witness: what the interpreter itself saw opened stands in the record."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.unchanged import applied

PROGRAM = Path(__file__).parents[2] / "support" / "reads.py"


def test_every_file_that_an_apply_opens_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with applied(tmp_path / "hub", monkeypatch) as world:
        done = subprocess.run([sys.executable, str(PROGRAM)], capture_output=True, text=True, check=True)
        heard = json.loads(done.stdout.splitlines()[-1])
        assert heard["code"] == 0, done.stdout + done.stderr
        _, _, _, questions = json.loads((world.runtime / "unchanged").read_bytes().partition(b"\n")[2])
        asked = {kind: {subject for each, subject, _ in questions if each == kind} for kind in ("file", "names")}
        # The lock is held by who asks again, and the record is what is asked from; it is written beside itself.
        own = {str(world.runtime / name) for name in ("writer.lock", "unchanged")}
        read = {path for path in heard["read"] if path not in own and ".unchanged." not in path} - {str(world.runtime)}
        assert len(read) >= 9
        assert read - asked["file"] == set()
        assert set(heard["listed"]) - asked["names"] == set()
