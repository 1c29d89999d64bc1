import json
from pathlib import Path

import pytest

from mcphub_gitops.compiler.codes import CODES
from tests.support.projects import mcphub


@pytest.mark.parametrize("name", ["MH403", "mh403"])
def test_a_code_is_explained(tmp_path: Path, name: str) -> None:
    done = mcphub(tmp_path, "explain", name)
    code = CODES["MH403"]
    head, text, _, example = done.stdout.split("\n\n", 3)
    assert (done.returncode, head) == (0, f"MH403: {code.summary} (note)")
    assert text.split() == code.explanation.split()
    assert example.startswith("mcp-hub.yaml:1:1: note[MH403]: not locked yet\n")


def test_without_a_code_all_are_listed(tmp_path: Path) -> None:
    lines = mcphub(tmp_path, "explain").stdout.splitlines()
    assert [line.split(maxsplit=2) for line in lines] == [
        [code.name, code.severity.value, code.summary] for code in CODES.values()
    ]


def test_json(tmp_path: Path) -> None:
    document = json.loads(mcphub(tmp_path, "explain", "--output", "json").stdout)
    assert [each["code"] for each in document["codes"]] == list(CODES)
    (one,) = json.loads(mcphub(tmp_path, "explain", "MH101", "--output", "json").stdout)["codes"]
    assert one["explanation"] == CODES["MH101"].explanation
    assert "[MH101]" in one["example"]


@pytest.mark.parametrize(("name", "help_"), [("MH2001", "did you mean MH201?"), ("x", "`mcphub explain` lists all.")])
def test_an_unknown_code_is_an_error(tmp_path: Path, name: str, help_: str) -> None:
    done = mcphub(tmp_path, "explain", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f"there is no code {name}; {help_}\n")
