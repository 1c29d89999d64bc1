"""`mcphub test`, as its users meet it."""

import json
from pathlib import Path

import pytest

from tests.support.projects import mcphub
from tests.support.trials import write_tried

HEAD = "apiVersion: mcphub/test/v1\ncases:\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tried(tmp_path)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.yaml").write_text("servers: {notes: {enabled: false}}\n")
    (tmp_path / "tests").mkdir()
    return tmp_path


def run(folder: Path, cases: str, *arguments: str) -> tuple[int, str]:
    (folder / "tests" / "a.test.yaml").write_text(HEAD + cases)
    done = mcphub(folder, "test", "--as-of", "2026-11-01", *arguments)
    return done.returncode, done.stdout + done.stderr


def test_cases_are_told_one_by_one(folder: Path) -> None:
    code, told = run(folder, "  - {name: a, expect: {}}\n  - {name: b, expect: {servers: {lack: ['t*']}}}\n")
    assert (code, told.splitlines()) == (
        1,
        [
            "ok   tests/a.test.yaml:3:12: a",
            "FAIL tests/a.test.yaml:4:12: b",
            "     tests/a.test.yaml:4:41: servers have `time`, which `t*` says they lack",
            "1 case passed, 1 failed",
        ],
    )


def test_an_environment_and_a_day_are_looked_at(folder: Path) -> None:
    (folder / "locks").mkdir()
    lock = json.loads((folder / "mcp-hub.lock").read_text())
    del lock["servers"]["notes"]
    (folder / "locks" / "prod.lock").write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n")
    (folder / "locks" / "prod.tools").mkdir()
    (folder / "mcp-hub.tools" / "time.json").rename(folder / "locks" / "prod.tools" / "time.json")
    code, told = run(folder, "  - {name: small, env: prod, expect: {servers: {are: [time]}}}\n")
    assert (code, told) == (0, "ok   tests/a.test.yaml:3:12: small (prod)\n1 case passed, 0 failed\n")


def test_a_waiver_that_has_expired_is_an_error_that_can_be_expected(folder: Path) -> None:
    cases = "  - {name: late, asOf: 2027-01-01, expect: {errors: [MH507], policies: {no-python: denied}}}\n"
    assert run(folder, cases)[0] == 0
    code, told = run(folder, "  - {name: late, asOf: 2027-01-01, expect: {}}\n")
    assert code == 1
    assert "mcp-hub.yaml:6:3: MH507, a policy denies this unless it is approved: " in told


def test_programs_are_told_too(folder: Path) -> None:
    code, told = run(folder, "  - {name: a, expect: {servers: {lack: [time]}}}\n", "--output", "json")
    assert code == 1
    found = json.loads(told)
    assert (found["format"], found["cases"][0]["passed"]) == ("mcphub.tests/v1", False)
    assert found["cases"][0]["misses"][0]["said"] == "servers have `time`, which `time` says they lack"


def test_what_cannot_be_run_is_told(folder: Path) -> None:
    code, told = run(folder, "  - {nam: a, expect: {}}\n")
    assert (code, "tests/a.test.yaml:3:6: error[MH201]" in told) == (1, True)
    (folder / "tests" / "a.test.yaml").unlink()
    done = mcphub(folder, "test")
    assert (done.returncode, "mcp-hub.yaml has no tests" in done.stderr) == (1, True)
    (folder / "tests" / "b.test.yaml").symlink_to(folder / "mcp-hub.yaml")
    done = mcphub(folder, "test")
    assert (done.returncode, "tests/b.test.yaml is not used" in done.stderr) == (1, True)
