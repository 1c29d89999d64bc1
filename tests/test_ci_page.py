"""docs/ci.md: its commands print what it shows, its hub is found by the preset, its hooks and workflows are there."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from tests.support.hubs import hub_of
from tests.test_pre_commit import HOOKS
from tests.test_readme import LENIENT, steps
from tests.test_renovate import compare, found_in

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
HOOKS_SHOWN, HUB = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_its_commands_print_what_it_shows(tmp_path: Path) -> None:
    shown = list(steps(page=PAGE))
    # One shell for all of them: they go from folder to folder.
    script = "\n".join(f"echo '$ step'\n{command}" for command, _ in shown)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    said = re.split(r"^\$ step\n", done.stdout, flags=re.MULTILINE)[1:]
    assert len(said) == len(shown) > 8
    for part, (command, promised) in zip(said, shown, strict=True):
        assert doctest.OutputChecker().check_output(promised, part, LENIENT), f"$ {command}\n{part}"


def test_its_hooks_are_those_that_are_published() -> None:
    (repository,) = yaml.load(HOOKS_SHOWN, Loader=yaml.CSafeLoader)["repos"]  # noqa: TID251  (not a hub)
    assert {each["id"] for each in repository["hooks"]} == set(HOOKS)


def test_its_hub_is_right_and_found_by_the_preset() -> None:
    hub_of(HUB)
    assert compare(HUB) == 1
    assert [each["depName"] for each in found_in(HUB)] == ["registry.example/search", "mcp-server-time"]


def test_it_names_each_workflow() -> None:
    named = set(re.findall(r"^\| `(mcphub-[a-z]+)` \|", PAGE, re.MULTILINE))
    assert named == {path.stem for path in (ROOT / "templates" / "ci" / "github").iterdir()}
