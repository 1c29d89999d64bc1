import os
import subprocess
import sys
from pathlib import Path

import pytest

from mcphub_gitops.runtime.engines import programs
from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.engines.programs import SYSTEM_FOLDERS, find_program, find_python
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import Program
from tests.runtime.engines.children import IS_ROOT, Record, spec_of
from tests.runtime.engines.conftest import Run

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can take another user")


def tool(path: Path, content: str = "#!/bin/sh\necho hello\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    return str(path)


def installation(prefix: Path, minor: int) -> str:
    """Make what looks like a Python installation."""
    tool(prefix / f"lib/python3.{minor}/os.py", "")
    return tool(prefix / f"bin/python3.{minor}", "\x7fELF")


def search(monkeypatch: pytest.MonkeyPatch, *folders: Path | str) -> None:
    monkeypatch.setenv("PATH", ":".join(map(str, folders)))


def found(name: str, cwd: Path) -> Program:
    return find_program(name, cwd=str(cwd), server="notes")


def failure(name: str, cwd: Path) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as raised:
        found(name, cwd)
    return raised.value


def test_a_bare_name_is_the_first_hit_in_mcphubs_own_path(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    first, _ = tool(place / "a" / "tool"), tool(place / "b" / "tool")
    (place / "none").mkdir()
    search(monkeypatch, place / "none", place / "a", place / "b")
    assert found("tool", place) == Program(path=first, readable=(first,))


def test_the_systems_folders_are_searched_after_the_path(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.delenv("PATH")
    assert Path(found("sh", place).path).parent in map(Path, SYSTEM_FOLDERS)
    assert found("sh", place).readable == ()


@pytest.mark.parametrize("folder", ["", ".", "relative"])
def test_a_relative_folder_in_the_path_is_not_searched(
    monkeypatch: pytest.MonkeyPatch, place: Path, folder: str
) -> None:
    tool(place / "tool")
    tool(place / "relative" / "tool")
    monkeypatch.chdir(place)
    search(monkeypatch, folder)
    assert failure("tool", place).brief == "The program 'tool' of server 'notes' is not installed"


def test_a_name_with_a_slash_is_a_path_from_the_projects_folder(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    search(monkeypatch, "/usr/bin")
    path = tool(place / "bin" / "tool")
    assert found("bin/tool", place).path == path
    assert found("./bin/tool", place).path == path
    assert found(path, Path("/")).path == path


def test_what_is_not_found_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    search(monkeypatch, place)
    told = failure("absent-tool", place)
    assert told.brief == "The program 'absent-tool' of server 'notes' is not installed"
    assert told.detail == f"It was looked for in {place}, {', '.join(SYSTEM_FOLDERS)}"
    assert told.resolution == "Install it, or write the program's path in the server's command."


def test_a_path_to_nothing_and_a_path_to_no_program_are_told_apart(place: Path) -> None:
    told = failure("./absent", place)
    assert told.brief == "There is no './absent' to run"
    assert str(place / "absent") in told.detail
    (place / "text").write_text("")
    (place / "text").chmod(0o644)
    for name in ("./text", f"{place}/"):
        told = failure(name, place)
        assert told.brief == f"The program {name!r} of server 'notes' cannot be run"
        assert "chmod +x" in told.resolution


def test_an_empty_name_is_no_program(place: Path) -> None:
    assert failure("", place).brief == "The program '' of server 'notes' is not installed"


@needs_root
def test_a_program_that_the_servers_user_can_run_goes_before_one_in_a_closed_home(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    tool(place / "home" / "bin" / "tool")
    (place / "home").chmod(0o700)
    opened = tool(place / "open" / "tool")
    search(monkeypatch, place / "home" / "bin", place / "open")
    assert found("tool", place).path == opened


@needs_root
def test_a_script_is_as_closed_as_its_interpreter(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    interpreter = tool(place / "home" / "python", "\x7fELF")
    (place / "home").chmod(0o700)
    tool(place / "a" / "tool", f"#!{interpreter}\n")
    opened = tool(place / "b" / "tool")
    search(monkeypatch, place / "a", place / "b")
    assert found("tool", place).path == opened


@needs_root
def test_where_nothing_is_open_the_first_hit_is_taken(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    first, _ = tool(place / "home" / "a" / "tool"), tool(place / "home" / "b" / "tool")
    (place / "home").chmod(0o700)
    search(monkeypatch, place / "home" / "a", place / "home" / "b")
    assert found("tool", place).path == first


def test_a_program_goes_before_a_shim_and_a_shim_brings_its_manager_along(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    shim, program = tool(place / "pyenv" / "shims" / "tool"), tool(place / "bin" / "tool")
    search(monkeypatch, place / "pyenv" / "shims", place / "bin")
    assert found("tool", place).path == program
    search(monkeypatch, place / "pyenv" / "shims")
    assert found("tool", place) == Program(path=shim, readable=(str(place / "pyenv"),))


def test_an_interpreter_brings_its_installation_along(place: Path) -> None:
    path = installation(place / "opt" / "python", 12)
    assert found(path, place).readable == (str(place / "opt" / "python"),)


def test_a_virtual_environment_brings_its_base_along(place: Path) -> None:
    base = installation(place / "base", 12)
    (place / "venv" / "bin").mkdir(parents=True)
    (place / "venv" / "pyvenv.cfg").write_text("")
    (place / "venv" / "bin" / "python").symlink_to(base)
    script = tool(place / "venv" / "bin" / "tool", f"#!{place}/venv/bin/python\n")
    assert found("venv/bin/python", place).readable == (str(place / "venv"), str(place / "base"))
    assert found(script, place).readable == (str(place / "venv"), str(place / "base"))


def test_a_node_script_brings_its_modules_along_and_no_home(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    tool(place / "home" / "lib" / "node_modules" / "server" / "index.js", "#!/usr/bin/env absent-node\n")
    (place / "home" / "bin").mkdir()
    (place / "home" / "bin" / "server").symlink_to("../lib/node_modules/server/index.js")
    search(monkeypatch, place / "home" / "bin")
    program = found("server", place)
    assert program.path == str(place / "home" / "bin" / "server")
    assert program.readable == (program.path, str(place / "home" / "lib" / "node_modules"))


def test_a_found_program_starts(run: Run, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    tool(place / "lib" / "interpreter", '#!/bin/sh\nexec /bin/sh "$@"\n')
    tool(place / "bin" / "tool", f"#!{place}/lib/interpreter\necho started\n")
    search(monkeypatch, place / "bin")
    program = found("tool", place)

    async def talk() -> Record:
        record = Record()
        await ProcessEngine().spawn(spec_of(place, (program.path,), readable=program.readable), record)
        await record.end()
        return record

    assert run(talk()).lines == [b"started"]


def test_mcphubs_own_python_is_the_one_to_build_with() -> None:
    python = find_python(unprivileged=False)
    assert python.path == os.path.realpath(sys.executable)
    assert Path(python.path).resolve() == Path(python.path)
    if not python.path.startswith("/usr"):
        assert python.readable == (os.path.realpath(sys.base_prefix),)


def test_another_users_python_is_looked_for_where_mcphubs_own_is_closed(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    monkeypatch.setattr(programs, "SYSTEM_FOLDERS", ())
    own = installation(place / "home" / "own", 11)
    closed = installation(place / "home" / "closed", 12)
    (place / "home").chmod(0o700)
    installation(place / "old", 10)
    tool(place / "half" / "bin" / "python3.13", "\x7fELF")
    new, newest = installation(place / "new", 12), installation(place / "newest", 14)
    (place / "new" / "bin" / "python3").symlink_to("python3.12")
    monkeypatch.setattr(sys, "executable", own)
    search(monkeypatch, Path(closed).parent, *(place / name / "bin" for name in ("old", "half", "newest")))
    assert find_python(unprivileged=False).path == own
    assert find_python(unprivileged=True) == Program(path=newest, readable=(str(place / "newest"),))
    search(monkeypatch, *(place / name / "bin" for name in ("newest", "new")))
    assert find_python(unprivileged=True).path == new
    search(monkeypatch, Path(closed).parent)
    assert find_python(unprivileged=True).path == own


def test_a_virtual_environment_of_the_found_python_runs_in_the_sandbox(run: Run, place: Path) -> None:
    python = find_python(unprivileged=True)
    venv = place / "venv"
    subprocess.run([python.path, "-I", "-m", "venv", "--without-pip", venv], check=True, cwd="/", umask=0o022)
    program = find_program("venv/bin/python", cwd=str(place), server="notes")
    assert set(python.readable) < set(program.readable)

    async def talk() -> Record:
        record = Record()
        argv = (program.path, "-I", "-c", "import sys, json; print(sys.prefix, sys.version_info >= (3, 11))")
        await ProcessEngine().spawn(spec_of(place, argv, readable=program.readable), record)
        await record.end()
        return record

    assert run(talk()).lines == [f"{venv} True".encode()]
