"""`mcphub validate --fix` and `--diff`."""

import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.repair import repair
from mcphub_gitops.compiler.sourcing import validate
from mcphub_gitops.runtime.cli.fixing import write_fixes
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project
from tests.support.projects import mcphub

GOOD = """\
apiVersion: mcphub/v1   # the first
name:   acme
defaults: {run: "process"}

servers:
    time:   # not the usual indentation
        package: 'pypi:mcp-server-time@1'
        args: [ --local-timezone,   UTC ]
"""
VALUE = "hunter2-hunter2-hunter2"
WORDS = ("name", "defaults", "servers", "package", "args", "process")


def test_what_is_certain_is_fixed_and_the_rest_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "mcp-hub.yaml"
    text = GOOD.replace("name:", "\N{RIGHT-TO-LEFT OVERRIDE}nam:").replace("acme", "7").replace("servers", "severs")
    file.write_text(text + "colour: red\n")
    file.chmod(0o640)
    done = mcphub(tmp_path, "validate", "--fix")
    assert done.returncode == 1
    assert file.read_text() == GOOD.replace("acme", '"7"') + "colour: red\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert done.stderr.splitlines()[:4] == [
        "Fixed: mcp-hub.yaml:2:1: MH109: delete U+202E",
        "Fixed: mcp-hub.yaml:5:1: MH201: write `servers`",
        "Fixed: mcp-hub.yaml:2:1: MH201: write `name`",
        "Fixed: mcp-hub.yaml:2:9: MH202: put it in quotes",
    ]
    assert "error[MH201]" in done.stderr
    assert list(tmp_path.iterdir()) == [file]


def test_a_hub_that_is_right_after_the_fix_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "mcp-hub.yaml"
    file.write_text(GOOD.replace("args", "arsg"))
    done = mcphub(tmp_path, "validate", "--fix", "--output", "jsonl")
    assert (done.returncode, file.read_text()) == (0, GOOD)
    assert done.stderr == "Fixed: mcp-hub.yaml:8:9: MH201: write `args`\n"
    assert "MH201" not in done.stdout


def test_without_a_fix_the_file_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "mcp-hub.yaml"
    file.write_text(GOOD)
    before = file.stat()
    done = mcphub(tmp_path, "validate", "--fix")
    assert (done.returncode, done.stdout) == (0, "mcp-hub.yaml is valid: 1 server\n")
    assert done.stderr.startswith("Nothing can be fixed for certain.\n")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_difference_is_a_patch_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "mcp-hub.yaml"
    file.write_text(GOOD.replace("args", "arsg").replace("servers", "severs"))
    before = file.read_bytes()
    done = mcphub(tmp_path, "validate", "--diff")
    assert done.returncode == 1
    assert file.read_bytes() == before
    assert "error[MH201]" in done.stderr
    patched = subprocess.run(
        ["git", "apply", "-p0", "-"], cwd=tmp_path, input=done.stdout, text=True, check=False, capture_output=True
    )
    assert patched.stderr == ""
    assert file.read_text() == GOOD


def test_with_both_options_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "mcp-hub.yaml"
    file.write_text(GOOD.replace("args", "arsg"))
    done = mcphub(tmp_path, "validate", "--fix", "--diff")
    assert done.stdout.startswith("--- mcp-hub.yaml\n")
    assert file.read_text() == GOOD.replace("args", "arsg")


def test_every_document_of_the_hub_is_fixed_and_no_catalog(tmp_path: Path) -> None:
    hub = "apiVersion: mcphub/v1\nnam: acme\ninclude: [teams/a.yaml]\ncatalogs: {c: {path: c.yaml}}\nservers:\n"
    catalog = "version: 3\nnam: c\nregistry: {}\n"
    texts = {
        "mcp-hub.yaml": hub + "  x: {from: c/x, run: container}\n",
        "teams/a.yaml": 'servers:\n  time: {package: "pypi:mcp-server-time@1", arsg: []}\n',
        "environments/prod.yaml": "defaults: {run: proces}\n",
        "c.yaml": catalog,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    shown = mcphub(tmp_path, "validate", "--env", "prod", "--diff").stdout
    assert [line for line in shown.splitlines() if line.startswith("+++")] == [
        "+++ mcp-hub.yaml",
        "+++ teams/a.yaml",
        "+++ environments/prod.yaml",
    ]
    assert {name: (tmp_path / name).read_text() for name in texts} == texts
    mcphub(tmp_path, "validate", "--env", "prod", "--fix")
    assert {name: (tmp_path / name).read_text() for name in texts} == {
        "mcp-hub.yaml": texts["mcp-hub.yaml"].replace("nam:", "name:"),
        "teams/a.yaml": texts["teams/a.yaml"].replace("arsg", "args"),
        "environments/prod.yaml": "defaults: {run: process}\n",
        "c.yaml": catalog,
    }


def test_the_file_behind_a_link_is_fixed(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "hub.yaml"
    file.parent.mkdir()
    file.write_bytes(GOOD.replace("args", "arsg").replace("\n", "\r\n").encode())
    link = tmp_path / "mcp-hub.yaml"
    link.symlink_to(file)
    assert mcphub(tmp_path, "validate", "--fix").returncode == 0
    assert link.is_symlink()
    assert file.read_bytes() == GOOD.replace("\n", "\r\n").encode()


def test_the_difference_of_a_right_hub_is_empty(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(GOOD)
    done = mcphub(tmp_path, "validate", "--diff")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith("mcp-hub.yaml is valid: 1 server\n")


def test_the_difference_shows_no_secret(tmp_path: Path) -> None:
    text = GOOD + f"        secrts: {{KEY: {VALUE}}}\n        # \N{RIGHT-TO-LEFT OVERRIDE}\n"
    (tmp_path / "mcp-hub.yaml").write_text(text)
    done = mcphub(tmp_path, "validate", "--diff")
    assert "+        secrets: {KEY: ****}" in done.stdout
    assert VALUE not in done.stdout + done.stderr


def test_a_difference_is_for_people(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(GOOD)
    assert "--diff is for people" in mcphub(tmp_path, "validate", "--diff", "--output", "json").stderr


def test_what_can_be_fixed_is_told(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(GOOD.replace("args", "arsg"))
    assert "1 of these can be fixed" in mcphub(tmp_path, "validate").stderr


def test_a_file_that_was_changed_meanwhile_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mcp-hub.yaml"
    file.write_text(GOOD.replace("args", "arsg"))
    open_lock = Project.open_lock

    def change(project: Project) -> object:
        file.write_text("other")
        return open_lock(project)

    monkeypatch.setattr(Project, "open_lock", change)
    with pytest.raises(RuntimeFailure, match="was changed meanwhile"):
        write_fixes(Project(root=tmp_path), "2026-06-15")
    assert file.read_text() == "other"


@given(st.sampled_from(WORDS), st.integers(0, 8), st.sampled_from(["", "x", "_"]))
def test_a_fix_touches_the_misspelt_word_and_no_other_byte(word: str, place: int, letter: str) -> None:
    wrong = word[:place] + letter + word[place + 1 :]
    before, _, after = GOOD.partition(word)
    text = before + wrong + after
    validated = validate("mcp-hub.yaml", text.encode())
    repaired = repair(validated.source, validated.diagnostics).text
    assert repaired in {text, GOOD}
    assert repaired.startswith(before)
    assert repaired.endswith(after)
