import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.runtime.adapters.secrets.program import run_secret_program
from mcphub_gitops.runtime.adapters.secrets.value import LONGEST
from mcphub_gitops.runtime.failure import RuntimeFailure

CANARY = "canary-55c2e1"
REFERENCE = "exec://tools/token"


def write(root: Path, body: str, name: str = "tools/token") -> dict[str, str]:
    """Write a program, and return what the lock says of it."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{body}", "utf-8")
    path.chmod(0o755)
    return {name: digest(path.read_bytes())}


def run(root: Path, *argv: str, programs: dict[str, str] | None = None, patience: float = 30) -> bytes:
    environ = {**os.environ, "MARK": "of mcphub"}
    return run_secret_program(REFERENCE, argv, root=root, environ=environ, programs=programs or {}, patience=patience)


def failure(root: Path, *argv: str, programs: dict[str, str] | None = None, patience: float = 30) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        run(root, *argv, programs=programs, patience=patience)
    words = repr((vars(caught.value), caught.value.args, caught.value.__context__))
    assert CANARY not in words
    assert REFERENCE in caught.value.brief
    return caught.value


def test_what_a_program_of_the_folder_writes_is_the_value(tmp_path: Path) -> None:
    body = "import os, sys\nprint(sys.argv[1:], os.environ['MARK'], os.getcwd() == sys.argv[1], sys.stdin.read())"
    programs = write(tmp_path, body)
    hostile = ["$(id)", "; id", "a b", "`id`", "*"]
    said = run(tmp_path, "tools/token", str(tmp_path), *hostile, programs=programs)
    assert said.decode() == f"{[str(tmp_path), *hostile]} of mcphub True \n"


def test_a_word_is_looked_for_in_the_path_and_never_in_the_folder(tmp_path: Path) -> None:
    assert run(tmp_path, "printf", "%s", CANARY) == CANARY.encode()
    assert run(tmp_path, sys.executable, "-c", "print('a')") == b"a\n"
    write(tmp_path, "print()", "token")
    assert "No program token is in mcphub's PATH." in failure(tmp_path, "token").detail
    environ = {"PATH": ".:"}
    with pytest.raises(RuntimeFailure, match=REFERENCE):
        run_secret_program(REFERENCE, ("token",), root=tmp_path, environ=environ, programs={})


def test_a_program_that_is_not_what_was_locked_is_not_run(tmp_path: Path) -> None:
    programs = write(tmp_path, "open('ran', 'w')")
    assert "tools/token is not what was locked" in failure(tmp_path, "tools/token").brief
    (tmp_path / "tools" / "token").write_text("#!/bin/sh\ntouch ran\n")
    assert "not what was locked" in failure(tmp_path, "tools/token", programs=programs).brief
    (tmp_path / "tools" / "token").unlink()
    assert "not what was locked" in failure(tmp_path, "tools/token", programs=programs).brief
    script = write(tmp_path, "open('ran', 'w')", "tools/token.py")
    assert "not what was locked" in failure(tmp_path, sys.executable, "tools/token.py", programs=programs).brief
    assert not (tmp_path / "ran").exists()
    run(tmp_path, sys.executable, "tools/token.py", programs=script)
    assert (tmp_path / "ran").exists()


def test_a_link_that_leads_out_of_the_folder_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "hub" / "tools").mkdir(parents=True)
    programs = write(tmp_path, "print('out')", "outside")
    (tmp_path / "hub" / "tools" / "token").symlink_to(tmp_path / "outside")
    locked = {"tools/token": programs["outside"]}
    assert "not what was locked" in failure(tmp_path / "hub", "tools/token", programs=locked).brief


def test_a_program_that_fails_is_told_without_a_word_of_it(tmp_path: Path) -> None:
    programs = write(tmp_path, f"import sys\nprint('{CANARY}')\nprint('{CANARY}', file=sys.stderr)\nsys.exit(3)")
    found = failure(tmp_path, "tools/token", programs=programs)
    assert found.detail == "tools/token ended with the exit status 3"
    programs = write(tmp_path, f"import os\nprint('{CANARY}', flush=True)\nos.kill(os.getpid(), {signal.SIGTERM:d})")
    assert failure(tmp_path, "tools/token", programs=programs).detail == "tools/token ended by the signal 15"


def test_a_file_that_is_no_program_is_told(tmp_path: Path) -> None:
    programs = write(tmp_path, "")
    (tmp_path / "tools" / "token").chmod(0o644)
    assert "Permission denied" in failure(tmp_path, "tools/token", programs=programs).detail
    assert "No such file" in failure(tmp_path, "/nowhere/token").detail


def test_a_program_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    body = "import subprocess, sys\nsubprocess.run(['sleep', '600'])"
    programs = write(tmp_path, body)
    began = monotonic()
    found = failure(tmp_path, "tools/token", programs=programs, patience=0.5)
    assert found.detail == "tools/token has not ended within 0.5 s"
    assert monotonic() - began < 20


def test_a_program_that_closes_its_output_and_goes_on_is_ended(tmp_path: Path) -> None:
    programs = write(tmp_path, "import os, time\nprint('a', flush=True)\nos.close(1)\ntime.sleep(600)")
    assert "has not ended within" in failure(tmp_path, "tools/token", programs=programs, patience=0.5).detail


def test_what_escapes_and_holds_the_output_is_not_waited_for(tmp_path: Path) -> None:
    body = "import subprocess\nsubprocess.Popen(['sleep', '5'], start_new_session=True)\nprint('a')"
    programs = write(tmp_path, body)
    began = monotonic()
    assert "has not ended within" in failure(tmp_path, "tools/token", programs=programs, patience=0.5).detail
    assert monotonic() - began < 20


def test_what_a_program_leaves_running_is_ended(tmp_path: Path) -> None:
    body = "import subprocess\nleft = subprocess.Popen(['sleep', '600'], stdout=subprocess.DEVNULL)\nprint(left.pid)"
    programs = write(tmp_path, body)
    left = int(run(tmp_path, "tools/token", programs=programs))
    with suppress(ProcessLookupError):
        ended = select.poll()
        ended.register(os.pidfd_open(left), select.POLLIN)
        assert ended.poll(10_000)


def test_a_program_that_writes_without_end_is_stopped(tmp_path: Path) -> None:
    programs = write(tmp_path, f"while True: print('{CANARY}' * 1000)")
    found = failure(tmp_path, "tools/token", programs=programs)
    assert found.detail == f"tools/token writes more than {LONGEST // 1024} KiB"
