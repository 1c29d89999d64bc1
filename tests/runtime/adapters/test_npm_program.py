import json
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from mcphub_gitops.runtime.adapters import npm_program
from mcphub_gitops.runtime.adapters.npm_program import Npm, scratch
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import Program
from tests.support.node import needs_node

TELL = """
const fs = require('fs');
const held = process.argv.filter((word) => /^\\d+$/.test(word) && fs.fstatSync(Number(word)));
fs.writeFileSync('told', JSON.stringify({ argv: process.argv.slice(2), env: process.env, held }));
"""
FAIL = """
console.log(JSON.stringify({ error: { code: 'E401', summary: 'no http://bob:hunter2@host/t0ken', detail: 'so' } }));
process.exit(1);
"""
HANG = "process.stderr.write('asking http://bob:hunter2@host/'); setInterval(() => {}, 1000);"

BINARY = b"\x7fELF"


def npm_of(tmp_path: Path, environ: dict[str, str] | None = None, *, timeout: float = 30) -> Npm:
    return Npm(environ={"PATH": os.defpath, **(environ or {})}, cache=tmp_path / "cache", timeout=timeout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder that npm is to work in."""
    place = tmp_path / "folder"
    place.mkdir()
    return place


@pytest.fixture
def npm_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a script in npm's place; gives its path."""
    script = tmp_path / "npm-cli.js"
    node = shutil.which("node") or "node"
    tools = npm_program._Tools(node=node, script=str(script), version="11.0.0")  # noqa: SLF001  (its place)
    monkeypatch.setattr(Npm, "_tools", lambda _: tools)
    return script


def told(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "told").read_text()))


@needs_node
def test_npm_inherits_the_way_to_the_registry_and_nothing_else(npm_is: Path, tmp_path: Path, folder: Path) -> None:
    npm_is.write_text(TELL)
    (tmp_path / ".npmrc").write_text("//host/:_authToken=${CORP_TOKEN}\n//other/:_password=${OTHER?}\n")
    (tmp_path / "system").write_text("proxy=http://${PROXY_USER}@proxy\n")
    kept = {
        "HOME": str(tmp_path),
        "HTTPS_PROXY": "http://proxy",
        "NODE_EXTRA_CA_CERTS": "/ca.pem",
        "npm_config_registry": "http://mirror",
        "NPM_CONFIG_STRICT_SSL": "false",
        "npm_config_@acme:registry": "http://acme",
        "npm_config_//host/:_authToken": "hunter2",
        "npm_config_globalconfig": str(tmp_path / "system"),
        "npm_config_min_release_age": "7",
        "NPM_TOKEN": "t",
        "CORP_TOKEN": "t",
        "OTHER": "t",
        "PROXY_USER": "t",
    }
    names = ["NODE_OPTIONS", "NODE_PATH", "npm_config_ignore_scripts", "npm_config_omit", "npm_config_git", "API_KEY"]
    dropped = dict.fromkeys([*names, "npm_config_script_shell", "npm_config_cache", "INIT_CWD"], "x")
    npm_of(tmp_path, {**kept, **dropped}).run("ci", folder=folder)
    env = told(folder)["env"]
    assert isinstance(env, dict)
    assert {name: env[name] for name in kept} == kept
    assert not env.keys() & dropped.keys()


@needs_node
def test_a_run_works_on_its_folder_without_scripts_and_holds_what_it_is_given(
    npm_is: Path, tmp_path: Path, folder: Path
) -> None:
    npm_is.write_text(TELL)
    with (tmp_path / "lock").open("w") as lock:
        npm_of(tmp_path).run("ci", str(lock.fileno()), folder=folder, held=(lock.fileno(),))
        assert told(folder)["held"] == [str(lock.fileno())]
    argv = told(folder)["argv"]
    assert isinstance(argv, list)
    assert argv[0] == "ci"
    wanted = {"--ignore-scripts", "--json", "--no-audit", "--logs-max=0", f"--prefix={folder}"}
    assert wanted | {f"--cache={tmp_path / 'cache'}"} <= set(argv)
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


@needs_node
def test_what_npm_makes_is_readable_whatever_the_umask(npm_is: Path, tmp_path: Path, folder: Path) -> None:
    npm_is.write_text(TELL)
    before = os.umask(0o077)
    try:
        npm_of(tmp_path).run("ci", folder=folder)
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "told").stat().st_mode) == 0o644


@needs_node
def test_an_error_is_told_with_its_code_and_masked(npm_is: Path, tmp_path: Path, folder: Path) -> None:
    npm_is.write_text(FAIL)
    said = npm_of(tmp_path).run("ci", folder=folder)
    assert (said.status, said.code, said.words) == (1, "E401", "no http://host/…\nso")
    npm_is.write_text("throw new Error('no http://bob:hunter2@host/t0ken');")
    said = npm_of(tmp_path).run("ci", folder=folder)
    assert (said.status, said.code) == (1, "")
    assert "no http://host/…" in said.words
    assert "hunter2" not in said.words


@needs_node
def test_a_run_that_takes_too_long_is_ended(npm_is: Path, tmp_path: Path, folder: Path) -> None:
    npm_is.write_text(HANG)
    with pytest.raises(RuntimeFailure, match=r"did not finish within 0\.3 s") as caught:
        npm_of(tmp_path, timeout=0.3).run("ci", folder=folder)
    assert caught.value.retryable
    assert "hunter2" not in repr(vars(caught.value))


@needs_node
def test_npms_own_judge_tells_what_is_not_for_this_machine(tmp_path: Path) -> None:
    packages: dict[str, dict[str, object]] = {
        "here": {"os": ["linux", "darwin"], "engines": {"node": ">=18"}},
        "elsewhere": {"os": ["win32"]},
        "not-here": {"os": [f"!{sys.platform}"]},
        "processor": {"cpu": ["mips"]},
        "newer": {"engines": {"node": ">=900"}},
    }
    unfit = npm_of(tmp_path).unfit(packages)
    assert unfit == {"elsewhere", "not-here", "processor", "newer"}


@needs_node
def test_node_and_npm_are_found_on_this_machine(tmp_path: Path) -> None:
    npm = Npm(environ=os.environ, cache=tmp_path, timeout=30)
    node = Path(npm.node().path)
    assert node == node.resolve()
    assert node.name in {"node", "nodejs"}
    assert not node.is_relative_to(sys.prefix)


def make_program(path: Path, content: bytes = BINARY) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)
    return path


@pytest.fixture
def no_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npm_program, "_SYSTEM_FOLDERS", ())
    monkeypatch.setattr(npm_program, "_is_open", lambda _: True)


@pytest.mark.usefixtures("no_system")
def test_node_is_the_first_that_is_node_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    make_program(tmp_path / "venv" / "bin" / "node")
    make_program(tmp_path / "shims" / "node", b"#!/bin/sh\nexec asdf node\n")
    (tmp_path / "volta").mkdir()
    (tmp_path / "volta" / "node").symlink_to(make_program(tmp_path / "lib" / "volta-shim"))
    found = make_program(tmp_path / "opt" / "bin" / "node")
    folders = ["venv/bin", "shims", "volta", "none", "opt/bin"]
    npm = npm_of(tmp_path, {"PATH": ":".join(["relative", *(str(tmp_path / each) for each in folders)])})
    assert npm.node() == Program(path=str(found), readable=(str(found),))


@pytest.mark.usefixtures("no_system")
def test_root_takes_a_node_that_every_user_can_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, open_ = (make_program(tmp_path / each / "node") for each in ("closed", "open"))
    monkeypatch.setattr(npm_program, "_is_open", lambda path: path == open_)
    npm = npm_of(tmp_path, {"PATH": f"{closed.parent}:{open_.parent}"})
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert npm.node().path == str(open_)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert npm.node().path == str(closed)


def test_a_closed_folder_on_the_way_is_seen(tmp_path: Path) -> None:
    program = make_program(tmp_path / "closed" / "bin" / "node")
    (tmp_path / "closed").chmod(0o700)
    assert not npm_program._is_open(program)  # noqa: SLF001  (the machine has no such place of its own)
    assert npm_program._is_open(Path("/bin/sh").resolve())  # noqa: SLF001


@pytest.mark.usefixtures("no_system")
def test_a_missing_node_or_npm_is_told(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = npm_of(tmp_path, {"PATH": str(tmp_path / "bin")})
    with pytest.raises(RuntimeFailure, match=r"Node\.js is not installed") as caught:
        npm.run("ci", folder=folder)
    assert str(tmp_path / "bin") in caught.value.detail
    assert "install Node.js 18 or later" in caught.value.resolution
    make_program(tmp_path / "bin" / "node")
    with pytest.raises(RuntimeFailure, match=r"Node\.js does not run"):
        npm.run("ci", folder=folder)
    monkeypatch.setattr(npm_program, "_node_version", lambda _: 20)
    make_program(tmp_path / "bin" / "npm", b"#!/bin/sh\n")
    with pytest.raises(RuntimeFailure, match="npm is not installed"):
        npm.run("ci", folder=folder)


@pytest.mark.usefixtures("no_system")
def test_what_is_too_old_is_told(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_program(tmp_path / "bin" / "node")
    script = make_program(tmp_path / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
    (script.parent.parent / "package.json").write_text('{"name": "npm", "version": "8.19.4"}')
    npm = npm_of(tmp_path, {"PATH": str(tmp_path / "bin")})
    monkeypatch.setattr(npm_program, "_node_version", lambda _: 16)
    with pytest.raises(RuntimeFailure, match=r"Node\.js 16 is too old"):
        npm.run("ci", folder=folder)
    monkeypatch.setattr(npm_program, "_node_version", lambda _: 20)
    with pytest.raises(RuntimeFailure, match=r"npm 8\.19\.4 is too old") as caught:
        npm.run("ci", folder=folder)
    assert "npm 9 or later" in caught.value.resolution


def test_credentials_of_registries_are_not_shown(tmp_path: Path) -> None:
    assert "hunter2" not in repr(npm_of(tmp_path, {"NPM_TOKEN": "hunter2"}))


def test_a_temporary_folder_that_cannot_be_made_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(RuntimeFailure, match="no temporary file") as caught, scratch():
        pass
    assert "TMPDIR" in caught.value.resolution
