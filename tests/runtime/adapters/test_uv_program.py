import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mcphub_gitops.runtime.adapters import uv_program
from mcphub_gitops.runtime.adapters.uv_program import Uv, scratch
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import Program
from tests.runtime.adapters.conftest import Index, make_wheel

TELL = """#!{python} -I
import json, os, sys
open("told", "w").write(json.dumps({{"argv": sys.argv[1:], "env": dict(os.environ), "input": sys.stdin.read(),
    "held": [fd for fd in sys.argv[1:] if fd.isdigit() and os.fstat(int(fd))]}}))
sys.stderr.write("failed at http://bob:hunter2@host/simple")
sys.exit(7)
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program in uv's place that writes down how it was called."""
    path = tmp_path / "uv"
    path.write_text(TELL.format(python=sys.executable))
    path.chmod(0o755)
    monkeypatch.setattr(uv_program, "find_uv_bin", lambda: str(path))
    return path


def told(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "told").read_text()))


@pytest.mark.usefixtures("program")
def test_uv_inherits_the_way_to_the_index_and_nothing_else(tmp_path: Path) -> None:
    kept = {
        "HTTPS_PROXY": "http://proxy",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_DEFAULT_INDEX": "http://mirror/simple",
        "UV_INDEX_CORP_PASSWORD": "hunter2",
        "UV_CACHE_DIR": "/cache",
        "HOME": "/home/bob",
        "PATH": os.defpath,
    }
    dropped = dict.fromkeys(
        ["VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT", "UV_PYTHON", "UV_OVERRIDE", "UV_NO_VERIFY_HASHES"],
        "x",
    )
    uv = Uv(environ={**kept, **dropped, "GRAFANA_API_KEY": "s3cret", "PYC_INVALIDATION_MODE": "TIMESTAMP"}, timeout=30)
    uv.run("pip", "compile", folder=tmp_path, text="six\n")
    env = told(tmp_path)["env"]
    assert isinstance(env, dict)
    assert {name: env[name] for name in kept} == kept
    assert not env.keys() & {*dropped, "GRAFANA_API_KEY"}
    assert env["UV_PYTHON_DOWNLOADS"] == "never"
    assert env["PYC_INVALIDATION_MODE"] == "UNCHECKED_HASH"


@pytest.mark.usefixtures("program")
def test_a_run_tells_its_exit_code_and_masked_words(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        said = Uv(environ={}, timeout=30).run(
            "x", str(lock.fileno()), folder=tmp_path, text="in", held=(lock.fileno(),)
        )
        assert said.status == 7
        assert said.words == "failed at http://host/…"
        assert said.answer == ""
        assert told(tmp_path)["argv"] == ["x", str(lock.fileno())]
        assert told(tmp_path)["held"] == [str(lock.fileno())]
        assert told(tmp_path)["input"] == "in"


@pytest.mark.usefixtures("program")
def test_what_uv_makes_is_readable_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        Uv(environ={}, timeout=30).run(folder=tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "told").stat().st_mode) == 0o644


def test_a_run_that_takes_too_long_is_ended(program: Path, tmp_path: Path) -> None:
    program.write_text("#!/bin/sh\necho 'asking http://bob:hunter2@host/' >&2\nexec sleep 60\n")
    with pytest.raises(RuntimeFailure, match=r"did not finish within 0\.2 s") as caught:
        Uv(environ={"PATH": os.environ["PATH"]}, timeout=0.2).run(folder=tmp_path)
    assert caught.value.retryable
    assert "hunter2" not in repr(vars(caught.value))


def test_a_package_without_its_program_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing() -> str:
        raise FileNotFoundError("nowhere")

    monkeypatch.setattr(uv_program, "find_uv_bin", find_nothing)
    with pytest.raises(RuntimeFailure, match="uv cannot be started"):
        Uv(environ={}, timeout=10).run("version", folder=tmp_path)


def test_a_missing_program_is_a_failure(program: Path, tmp_path: Path) -> None:
    program.unlink()
    with pytest.raises(RuntimeFailure, match="uv cannot be started") as caught:
        Uv(environ={}, timeout=1).run(folder=tmp_path)
    assert "install mcphub again" in caught.value.resolution


def test_the_pythons_of_a_version_are_named_and_what_does_not_start_is_none(tmp_path: Path, python: Program) -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    for folder, program in {"broken": "exit 127", "whole": f'exec "{python.path}" "$@"'}.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"python{here}").write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / folder / f"python{here}").chmod(0o755)
    uv = Uv(environ={"PATH": f"{tmp_path}/broken:{tmp_path}/whole", "UV_NO_CACHE": "1"}, timeout=30)
    found = uv.pythons(here, folder=tmp_path)
    assert f"{tmp_path}/whole/python{here}" in found
    assert not [path for path in found if "broken" in path]
    assert uv.pythons("3.99", folder=tmp_path) == ()


def test_an_answer_that_is_not_understood_is_a_failure(program: Path, tmp_path: Path) -> None:
    program.write_text("#!/bin/sh\necho 'new format'\n")
    with pytest.raises(RuntimeFailure, match="which Pythons are installed"):
        Uv(environ={}, timeout=30).pythons("3.12", folder=tmp_path)


@pytest.mark.parametrize(("value", "offline"), [("1", True), ("TRUE", True), ("0", False), ("", False)])
def test_the_environment_can_keep_uv_offline(value: str, offline: bool) -> None:  # noqa: FBT001  (a table's column)
    assert Uv(environ={"UV_OFFLINE": value}, timeout=1).is_offline == offline


def test_credentials_of_indexes_are_not_shown() -> None:
    assert "hunter2" not in repr(Uv(environ={"UV_INDEX_CORP_PASSWORD": "hunter2"}, timeout=1))


@pytest.mark.parametrize("name", ["uv.toml", "pyproject.toml", "workspace"])
def test_no_configuration_above_the_working_folder_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: Index, name: str
) -> None:
    index.publish_wheel("demo", "1", make_wheel("demo", "1"))
    prefix = "" if name == "uv.toml" else "tool.uv."
    planted = f'[[{prefix}index]]\nurl = "http://127.0.0.1:9/simple"\ndefault = true\n'
    if name != "uv.toml":
        planted = f'[project]\nname = "above"\nversion = "1"\n{planted}'
    if name == "workspace":
        planted += '[tool.uv.workspace]\nmembers = ["*"]\n'
    (tmp_path / ("uv.toml" if name == "uv.toml" else "pyproject.toml")).write_text(planted)
    user = tmp_path / "user" / "uv"
    user.mkdir(parents=True)
    (user / "uv.toml").write_text(f'[[index]]\nurl = "{index.url}"\ndefault = true\n')
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environ = {"XDG_CONFIG_HOME": str(user.parent), "UV_HTTP_RETRIES": "0", "UV_NO_CACHE": "1"}
    with scratch() as folder:
        assert folder.parent == tmp_path
        said = Uv(environ=environ, timeout=30).run(
            "pip", "compile", "-", "--python", sys.executable, folder=folder, text="demo\n"
        )
    assert said.status == 0, said.words
    assert not folder.exists()


def test_a_temporary_folder_that_cannot_be_made_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(RuntimeFailure, match="no temporary file") as caught, scratch():
        pass
    assert "TMPDIR" in caught.value.resolution


def test_two_threads_may_be_the_first_to_look_for_the_program() -> None:
    program = (
        "import threading\n"
        "from mcphub_gitops.runtime.adapters import uv_program\n"
        "found = []\n"
        "start = threading.Barrier(8)\n"
        "def look():\n"
        "    start.wait()\n"
        "    found.append(uv_program._program())\n"
        "threads = [threading.Thread(target=look) for _ in range(8)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "assert len(found) == 8, found\n"
    )
    for _ in range(5):
        subprocess.run([sys.executable, "-c", program], check=True)
