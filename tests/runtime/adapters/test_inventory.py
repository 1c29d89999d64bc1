import hashlib
import os
from pathlib import Path

import pytest

from mcphub_gitops.runtime.adapters.inventory import (
    Inventory,
    find_damage,
    open_to_all,
    read_records,
    take_inventory,
)

SITE = "lib/python3.11/site-packages"
EMPTY = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a folder with one distribution: an empty module with its bytecode, and a script."""
    info = tmp_path / SITE / "my_demo-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "demo").touch()
    (tmp_path / SITE / "demo.py").touch()
    (tmp_path / SITE / "__pycache__").mkdir()
    (tmp_path / SITE / "__pycache__" / "demo.cpython-311.pyc").write_bytes(b"bytecode")
    rows = [f"../../../bin/demo,{EMPTY},0", f"demo.py,{EMPTY},0", "my_demo-1.0.dist-info/RECORD,,"]
    (info / "RECORD").write_text("\n".join(rows) + "\n")
    return tmp_path


def damage_of(home: Path) -> str:
    inventory = take_inventory(home)
    return find_damage(inventory, read_records(home, inventory))


def test_an_inventory_has_every_file_link_and_oddity_in_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "file").write_bytes(b"content")
    (tmp_path / "a").symlink_to("b")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "mine").touch()
    (tmp_path / "b" / "mine").touch()
    found: Inventory = take_inventory(tmp_path, leave_out=frozenset({"mine"}))
    assert list(found.items()) == [
        ("a", "-> b"),
        ("b/file", sha256(b"content")),
        ("b/mine", sha256(b"")),
        ("pipe", "special"),
    ]


def test_a_record_is_read_with_paths_from_the_environment(home: Path) -> None:
    assert read_records(home, take_inventory(home)) == {
        "my-demo": {
            "bin/demo": sha256(b""),
            f"{SITE}/demo.py": sha256(b""),
            f"{SITE}/my_demo-1.0.dist-info/RECORD": "",
        }
    }


def test_what_is_as_the_wheels_say_has_no_damage(home: Path) -> None:
    assert damage_of(home) == ""


@pytest.mark.parametrize("path", ["bin/demo", f"{SITE}/demo.py"])
def test_a_changed_or_missing_file_is_damage(home: Path, path: str) -> None:
    (home / path).write_bytes(b"changed")
    assert damage_of(home) == path
    (home / path).unlink()
    assert damage_of(home) == path


@pytest.mark.parametrize(
    "path",
    [f"{SITE}/evil.pth", f"{SITE}/sitecustomize.py", f"{SITE}/__pycache__/other.cpython-311.pyc", f"{SITE}/d.pyc"],
)
def test_a_file_that_no_wheel_lists_is_damage(home: Path, path: str) -> None:
    (home / path).write_bytes(b"")
    assert damage_of(home) == path


def test_a_hash_that_is_not_one_is_told(home: Path) -> None:
    record = home / SITE / "my_demo-1.0.dist-info" / "RECORD"
    record.write_text("demo.py,sha256=x,0\n")
    with pytest.raises(ValueError, match=r"base64|padding"):
        read_records(home, take_inventory(home))


def test_everything_is_opened_to_readers_and_links_stay_what_they_are(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    (home / "sub").mkdir(parents=True)
    outside.touch(mode=0o600)
    (home / "sub" / "link").symlink_to(outside)
    for name, mode in {"shut": 0o600, "program": 0o700, "wide": 0o666}.items():
        (home / "sub" / name).touch()
        (home / "sub" / name).chmod(mode)
    (home / "sub").chmod(0o700)
    home.chmod(0o700)
    open_to_all(home)
    modes = {name: (home / "sub" / name).stat().st_mode & 0o777 for name in ("shut", "program", "wide")}
    assert modes == {"shut": 0o644, "program": 0o755, "wide": 0o644}
    assert [path.stat().st_mode & 0o777 for path in (home, home / "sub")] == [0o755, 0o755]
    assert outside.stat().st_mode & 0o777 == 0o600
