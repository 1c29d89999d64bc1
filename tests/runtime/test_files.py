import stat
from pathlib import Path

import pytest

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import digest_of, read_file, write_file


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, b"one")
    write_file(path, b"two", mode=0o600)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.mkdir()
    (folder / "inside").write_text("x")
    with pytest.raises(RuntimeFailure, match="file cannot be written"):
        write_file(folder, b"data")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_reading_is_bounded_and_absence_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_file(tmp_path / "file", limit=3) == b"1234"
    assert read_file(tmp_path / "file", limit=4) == b"12345"
    assert read_file(tmp_path / "file", limit=5) == b"12345"
    assert read_file(tmp_path / "other", limit=3) is None
    with pytest.raises(RuntimeFailure, match="cannot be read"):
        read_file(tmp_path, limit=3)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="there is no /proc")
def test_a_file_with_more_than_its_size_says_is_read_to_its_end() -> None:
    """As one is that grows meanwhile."""
    found = read_file(Path("/proc/self/status"), limit=1_000_000)
    assert found is not None
    assert found.startswith(b"Name:")
    assert found.endswith(b"\n")
    assert read_file(Path("/proc/self/status"), limit=5) == found[:6]


def test_digests_stay_below_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(b"x")
    (root / "link").symlink_to("file")
    (tmp_path / "outside").write_bytes(b"y")
    (root / "leaves").symlink_to(tmp_path / "outside")
    assert digest_of(root, "file") == digest_of(root, "link") == digest(b"x")
    assert [digest_of(root, name) for name in ("leaves", "../outside", "absent", ".")] == [None] * 4
