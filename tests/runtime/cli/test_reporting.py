"""Diagnostics in the formats of programs, as the commands print them."""

import json
import os
import re
from pathlib import Path

import pytest
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Schema

from tests.support.projects import mcphub, write_project

RIGHT = 'apiVersion: mcphub/v1\nname: acme\nservers:\n  time: {package: "pypi:mcp-server-time@1", run: process}\n'
WRONG = RIGHT + "x: 1\n"
VALUE = "hunter2-hunter2-hunter2"
LEAKY = RIGHT.replace("process}", f"process, colour: red, secrets: {{KEY: {VALUE}}}}}")
MANY = RIGHT + "".join(f"x{number}: 1\n" for number in range(12))


def environment(**names: str) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if name != "GITHUB_STEP_SUMMARY"}
    return {**bare, **names}


@pytest.mark.parametrize("output", ["human", "json", "jsonl", "github", "gitlab", "sarif"])
def test_no_format_changes_the_exit_code_or_shows_a_secret(tmp_path: Path, output: str) -> None:
    for text, code in ((RIGHT, 0), (WRONG, 1), (LEAKY, 1)):
        (tmp_path / "mcp-hub.yaml").write_text(text)
        done = mcphub(tmp_path, "validate", "--output", output)
        assert done.returncode == code
        assert VALUE not in done.stdout + done.stderr
        assert (done.stdout == "") == (output == "human" and code == 1)


def test_json_lines(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(WRONG)
    done = mcphub(tmp_path, "validate", "--output", "jsonl")
    assert [json.loads(line)["code"] for line in done.stdout.splitlines()] == ["MH201"]
    assert done.stderr == ""


@pytest.mark.parametrize("output", ["sarif", "gitlab", "github"])
def test_files_are_named_from_the_root_of_the_repository(tmp_path: Path, output: str) -> None:
    project = tmp_path / "hubs" / "acme"
    project.mkdir(parents=True)
    (project / "mcp-hub.yaml").write_text(WRONG)
    (tmp_path / ".git").mkdir()
    for place, file in ((project, "mcp-hub.yaml"), (Path("/"), str(project / "mcp-hub.yaml"))):
        done = mcphub(place, "validate", "--file", file, "--output", output)
        assert re.search(r'(uri": "|path": "|file=)hubs/acme/mcp-hub\.yaml', done.stdout)
        assert str(tmp_path) not in done.stdout


def test_without_a_repository_files_are_named_from_where_the_user_stands(tmp_path: Path) -> None:
    (tmp_path / "hubs").mkdir()
    (tmp_path / "hubs" / "mcp-hub.yaml").write_text(WRONG)
    inside = mcphub(tmp_path, "validate", "--file", "hubs/mcp-hub.yaml", "--output", "github")
    assert "file=hubs/mcp-hub.yaml," in inside.stdout
    outside = mcphub(Path("/usr"), "validate", "--file", str(tmp_path / "hubs/mcp-hub.yaml"), "--output", "github")
    assert "file=mcp-hub.yaml," in outside.stdout


def test_what_is_no_annotation_stands_in_the_summary(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(MANY)
    summary = tmp_path / "summary.md"
    summary.write_text("Before.\n")
    done = mcphub(tmp_path, "validate", "--output", "github", env=environment(GITHUB_STEP_SUMMARY=str(summary)))
    assert done.stdout.count("::error ") == 10
    assert done.stderr == "Too many for annotations: 2 errors; they stand in the job's summary.\n"
    written = summary.read_text()
    assert written.startswith("Before.\n### mcphub: 12 errors")
    assert written.count("| error |") == 2


def test_without_a_summary_what_is_left_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(MANY)
    done = mcphub(tmp_path, "validate", "--output", "github", env=environment())
    assert done.stderr == "Too many for annotations: 2 errors; GITHUB_STEP_SUMMARY names no file for them.\n"


def test_a_summary_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(MANY)
    done = mcphub(tmp_path, "validate", "--output", "github", env=environment(GITHUB_STEP_SUMMARY=str(tmp_path)))
    assert (done.returncode, done.stdout.count("::error ")) == (1, 10)
    assert done.stderr.startswith("error: the job's summary cannot be written")


def test_a_lock_is_checked_in_every_format(tmp_path: Path) -> None:
    write_project(tmp_path, RIGHT, {"time": ("now",)})
    assert mcphub(tmp_path, "lock", "--check").stdout == "mcp-hub.lock fits mcp-hub.yaml\n"
    fits = mcphub(tmp_path, "lock", "--check", "--output", "gitlab")
    assert (fits.returncode, json.loads(fits.stdout)) == (0, [])
    assert fits.stderr == "mcp-hub.lock fits mcp-hub.yaml\n"
    (tmp_path / "mcp-hub.yaml").write_text(RIGHT.replace("time@1", "time@2"))
    stale = mcphub(tmp_path, "lock", "--check", "--output", "jsonl")
    assert (stale.returncode, json.loads(stale.stdout)["code"]) == (2, "MH402")


def test_a_lock_that_cannot_be_made_is_one_document(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(WRONG)
    done = mcphub(tmp_path, "lock", "--output", "sarif")
    assert done.returncode == 1
    Schema.model_validate_json(done.stdout)


def test_a_plan_goes_to_people_beside_a_report(tmp_path: Path) -> None:
    write_project(tmp_path, RIGHT, {"time": ("now",)})
    words = mcphub(tmp_path, "plan", "--offline").stdout
    sarif = mcphub(tmp_path, "plan", "--offline", "--output", "sarif")
    Schema.model_validate_json(sarif.stdout)
    assert (sarif.returncode, sarif.stderr) == (0, words)
    github = mcphub(tmp_path, "plan", "--offline", "--output", "github")
    match = re.fullmatch(r"::stop-commands::([0-9a-f]{32})\n(.*)::\1::\n", github.stdout, re.DOTALL)
    assert match is not None
    assert match[2] == words


def test_a_plan_of_a_wrong_hub_tells_what_is_wrong_in_the_format(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(WRONG)
    done = mcphub(tmp_path, "plan", "--output", "gitlab")
    assert done.returncode == 1
    assert [each["check_name"] for each in json.loads(done.stdout)] == ["MH201"]
    assert mcphub(tmp_path, "plan", "--output", "jsonl").returncode == 1


def test_an_apply_of_a_wrong_hub_annotates(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(WRONG)
    done = mcphub(tmp_path, "apply", "--output", "github")
    assert (done.returncode, done.stdout[:8]) == (1, "::error ")
