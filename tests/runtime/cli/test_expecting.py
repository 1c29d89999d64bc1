"""`apply --expect`: what was approved, as a whole digest, or nothing is done."""

from pathlib import Path

import pytest

from tests.support.hubs import NOTES_HUB
from tests.support.projects import mcphub, write_project


@pytest.mark.parametrize("given", ["", "sha256:", "sha256:0123456789ab", "0" * 64, "sha256:" + "G" * 64, "main"])
def test_what_is_no_whole_digest_is_refused(tmp_path: Path, given: str) -> None:
    write_project(tmp_path, NOTES_HUB, {"notes": ("add",)})
    done = mcphub(tmp_path, "apply", "--auto-approve", "--expect", given)
    assert (done.returncode, "--expect" in done.stderr) == (1, True)
    assert not (tmp_path / ".mcphub").exists()


def test_another_digest_ends_an_apply_before_it_begins(tmp_path: Path) -> None:
    write_project(tmp_path, NOTES_HUB, {"notes": ("add",)})
    done = mcphub(tmp_path, "apply", "--auto-approve", "--expect", f"sha256:{64 * '0'}")
    assert (done.returncode, "the hub is not the one that was reviewed" in done.stderr) == (5, True)
    assert not (tmp_path / ".mcphub").exists()
