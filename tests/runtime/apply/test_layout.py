import os
import stat
from pathlib import Path

import pytest

from mcphub_gitops.runtime.apply.layout import Layout, read_token, remove_folder
from mcphub_gitops.runtime.failure import RuntimeFailure


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_have_their_modes_whatever_the_umask(tmp_path: Path) -> None:
    layout = Layout(folder=tmp_path / ".mcphub")
    before = os.umask(0o077)
    try:
        layout.prepare()
        layout.prepare()
    finally:
        os.umask(before)
    assert [mode(each) for each in (layout.folder, layout.packages, layout.scratch, layout.generations)] == [
        0o711,
        0o755,
        0o711,
        0o700,
    ]


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / ".mcphub").write_text("")
    with pytest.raises(RuntimeFailure, match=r"\.mcphub is in the way"):
        Layout(folder=tmp_path / ".mcphub").prepare()


def test_the_lineage_is_made_once(tmp_path: Path) -> None:
    layout = Layout(folder=tmp_path)
    assert layout.lineage() == layout.lineage()


def test_the_token_is_made_once_for_the_operator_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = read_token(path)
    assert len(token) >= 43
    assert read_token(path) == token
    assert mode(path) == 0o600


@pytest.mark.parametrize(("content", "bits", "brief"), [("x" * 40, 0o640, "read by others"), ("short", 0o600, "used")])
def test_a_token_that_others_can_read_or_guess_is_refused(tmp_path: Path, content: str, bits: int, brief: str) -> None:
    path = tmp_path / "token"
    path.write_text(content)
    path.chmod(bits)
    with pytest.raises(RuntimeFailure, match=brief) as caught:
        read_token(path)
    assert content not in caught.value.detail


def test_removing_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "link").symlink_to(tmp_path / "kept")
    remove_folder(tmp_path / "gone")
    remove_folder(tmp_path / "gone")
    assert (tmp_path / "kept" / "file").read_text() == "x"


def test_what_a_removed_folder_stood_in_stays_as_open_as_it_was(tmp_path: Path) -> None:
    holder = tmp_path / "scratch"
    (holder / "closed" / "below").mkdir(parents=True)
    (holder / "closed" / "below" / "file").write_text("x")
    (holder / "closed" / "below").chmod(0o500)
    (holder / "closed").chmod(0)
    holder.chmod(0o711)
    remove_folder(holder / "closed")
    remove_folder(holder / "was-never-there")
    assert list(holder.iterdir()) == []
    assert mode(holder) == 0o711
