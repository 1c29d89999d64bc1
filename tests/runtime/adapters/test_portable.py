import marshal
import os
import sys
from pathlib import Path
from types import CodeType

import pytest

from mcphub_gitops.compiler.plan.container import PACKAGE_FOLDER
from mcphub_gitops.runtime.adapters.inventory import find_damage, read_records, take_inventory
from mcphub_gitops.runtime.adapters.portable import compile_for, settle_scripts
from mcphub_gitops.runtime.adapters.targets import Target
from mcphub_gitops.runtime.failure import RuntimeFailure

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
TARGET = Target(version=HERE, libc="gnu")
CODE = "# -*- coding: utf-8 -*-\nimport sys\n"

LONG = f"#!/bin/sh\n'''exec' '/a folder/{'x' * 130}/python3.11' \"$0\" \"$@\"\n' '''\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a folder with one distribution, without scripts so far."""
    info = tmp_path / TARGET.site / "my_demo-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / TARGET.scripts).mkdir()
    (tmp_path / TARGET.site / "demo.py").write_text("def main(): return 1\n")
    return tmp_path


def add_script(home: Path, text: str | bytes, name: str = "demo") -> Path:
    """Add a script that the distribution lists, with any hash."""
    path = home / TARGET.scripts / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o755)
    record = home / TARGET.site / "my_demo-1.0.dist-info" / "RECORD"
    record.write_text(f'bin/{name},sha256=AAAA,7\ndemo.py,,\n"demo,x.py",,\nmy_demo-1.0.dist-info/RECORD,,\n')
    (home / TARGET.site / "demo,x.py").touch()
    return path


@pytest.mark.parametrize(
    "head",
    ["#!/root/.pyenv/versions/3.11.7/bin/python3.11\n", "#!/usr/bin/env python\n", "#!/usr/bin/python3 -u\n", LONG],
)
def test_a_python_script_names_no_interpreter_of_this_machine(home: Path, head: str) -> None:
    path = add_script(home, head + CODE)
    settle_scripts(home, TARGET)
    assert path.read_text() == f"#!/usr/bin/env python3\n{CODE}"
    assert path.stat().st_mode & 0o777 == 0o755
    inventory = take_inventory(home)
    records = read_records(home, inventory)
    assert records["my-demo"][f"{TARGET.scripts}/demo"] == inventory[f"{TARGET.scripts}/demo"]
    assert f"{TARGET.site}/demo,x.py" in records["my-demo"]
    assert find_damage(inventory, records) == ""


@pytest.mark.parametrize("text", [b"#!/bin/sh\nexec true\n", b"\x7fELF\x02#!python\n", b"#!/usr/bin/env node\n", b""])
def test_any_other_script_stays_as_it_is(home: Path, text: bytes) -> None:
    path = add_script(home, text)
    before = take_inventory(home)
    settle_scripts(home, TARGET)
    assert path.read_bytes() == text
    assert take_inventory(home) == before


def test_an_environment_without_scripts_is_settled(home: Path) -> None:
    (home / TARGET.scripts).rmdir()
    before = take_inventory(home)
    settle_scripts(home, TARGET)
    assert take_inventory(home) == before


def compile_here(home: Path, *pythons: str, target: Target = TARGET, timeout: float = 60.0) -> bool:
    return compile_for(target, home, pythons, package="demo==1", environ={}, held=(), timeout=timeout)


def bytecode_of(home: Path) -> list[Path]:
    return sorted(home.rglob("*.pyc"))


def test_bytecode_counts_whatever_the_times_and_names_the_places_in_the_container(home: Path) -> None:
    assert compile_here(home, sys.executable)
    (path,) = (each for each in bytecode_of(home) if each.name.startswith("demo."))
    assert path.name == f"demo.{sys.implementation.cache_tag}.pyc"
    data = path.read_bytes()
    # Flags of PEP 552: a hash instead of times, and nobody compares it.
    assert data[4:8] == b"\x01\x00\x00\x00"
    code = marshal.loads(data[16:])  # noqa: S302  (compiled a moment ago)
    assert isinstance(code, CodeType)
    assert code.co_filename == f"{PACKAGE_FOLDER}/{TARGET.site}/demo.py"


def test_the_first_python_of_the_right_version_compiles(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\nexit 3\n")
    other.chmod(0o755)
    assert compile_here(home, str(tmp_path / "none"), str(other), sys.executable, "/never/reached")
    assert bytecode_of(home)


def test_a_python_of_another_version_compiles_nothing(home: Path) -> None:
    version = "3.99"
    target = Target(version=version, libc="gnu")
    (home / target.site).mkdir(parents=True)
    (home / target.site / "demo.py").touch()
    assert not compile_here(home, sys.executable, target=target)
    assert bytecode_of(home) == []


def test_a_file_that_is_no_python_of_that_version_is_left_out(home: Path) -> None:
    (home / TARGET.site / "old.py").write_text("print 'hello'\n")
    (home / TARGET.site / "bad.py").write_bytes(b"\xff\xfe\x00")
    assert compile_here(home, sys.executable)
    assert [path.name.partition(".")[0] for path in bytecode_of(home)] == ["demo"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("OSError: [Errno 28] No space left on device: 'x.pyc'", "the disk is full"),
        ("PermissionError: [Errno 13] Permission denied: 'x.pyc'", "a file cannot be read or written"),
    ],
)
def test_a_disk_that_refuses_is_told(home: Path, tmp_path: Path, line: str, reason: str) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "*** Error compiling \'x.py\'..."\necho "{line}"\n')
    python.chmod(0o755)
    with pytest.raises(RuntimeFailure, match=f"^demo==1 cannot be compiled: {reason}$"):
        compile_here(home, str(python))


def test_a_folder_that_cannot_be_made_is_told(home: Path) -> None:
    (home / TARGET.site / "__pycache__").touch()
    with pytest.raises(RuntimeFailure, match="cannot be compiled") as raised:
        compile_here(home, sys.executable)
    assert "Errno" in raised.value.detail


def test_an_interpreter_that_hangs_is_told(home: Path, tmp_path: Path) -> None:
    stuck = tmp_path / "stuck"
    stuck.write_text('#!/bin/sh\nread line <"$0.pipe"\n')
    stuck.chmod(0o755)
    os.mkfifo(f"{stuck}.pipe")
    with pytest.raises(RuntimeFailure, match=r"demo==1 was not compiled within 0\.2 s") as raised:
        compile_here(home, str(stuck), timeout=0.2)
    assert raised.value.retryable


def test_the_interpreter_inherits_only_what_it_is_given(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nset >"{told}"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("GRAFANA_API_KEY", "s3cret")
    assert compile_for(
        TARGET, home, [str(python)], package="demo==1", environ={"HOME": "/home/bob"}, held=(), timeout=60
    )
    assert "/home/bob" in told.read_text()
    assert "s3cret" not in told.read_text()


def test_the_interpreter_keeps_a_lock_open_that_it_is_given(home: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    with (tmp_path / "lock").open("w") as lock:
        python.write_text(f"#!/bin/sh\necho held >/dev/fd/{lock.fileno()}\n")
        python.chmod(0o755)
        environ = {"PATH": os.defpath}
        assert compile_for(
            TARGET, home, [str(python)], package="demo==1", environ=environ, held=(lock.fileno(),), timeout=60
        )
    assert (tmp_path / "lock").read_text() == "held\n"
