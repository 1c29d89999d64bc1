from pathlib import Path

import pytest

from mcphub_gitops.runtime.apply.moving import move_scratch, move_scratch_back, remove_scratch
from mcphub_gitops.runtime.failure import RuntimeFailure


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "kept").write_text("x")
    return tmp_path


def names(scratch: Path) -> set[str]:
    return {each.name for each in scratch.iterdir()}


def test_a_folder_is_moved_once_and_found_by_both_names(scratch: Path) -> None:
    (scratch / "new").mkdir()
    (scratch / "new" / "stale").write_text("left behind")
    for _ in range(2):
        move_scratch(scratch, "old", "new")
        assert names(scratch / "new") == names(scratch / "old") == {"kept"}
        assert (scratch / "old").is_symlink()
    remove_scratch(scratch / "old")
    assert names(scratch) == {"new"}
    move_scratch(scratch, "old", "new")
    assert names(scratch / "new") == {"kept"}


@pytest.mark.parametrize("ended", ["not begun", "moved", "linked"])
def test_a_move_is_taken_back_wherever_it_ended(scratch: Path, ended: str) -> None:
    if ended != "not begun":
        move_scratch(scratch, "old", "new")
    if ended == "moved":
        (scratch / "old").unlink()
    for _ in range(2):
        move_scratch_back(scratch, "old", "new")
        assert names(scratch) == {"old"}
        assert names(scratch / "old") == {"kept"}
        assert not (scratch / "old").is_symlink()


def test_what_cannot_be_moved_is_told(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(RuntimeFailure, match="the scratch folder of old cannot be moved") as raised:
        move_scratch(scratch, "old", "new")
    assert raised.value.detail == "the folder of old cannot become that of new: Input/output error"
    monkeypatch.undo()
    move_scratch(scratch, "old", "new")
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(RuntimeFailure, match="the scratch folder of new cannot be moved"):
        move_scratch_back(scratch, "old", "new")
