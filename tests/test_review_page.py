"""docs/review.md: its example is right, and prints what it shows."""

import re
from pathlib import Path

from tests.support.projects import mcphub, write_project
from tests.support.repositories import commit, git

PAGE = (Path(__file__).parents[1] / "docs" / "review.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = dict(_BLOCK.findall(PAGE))
_LINE = re.compile(r"`(secrets: \{[^`]*\})`")
_TITLES = re.compile(r"^\d+\. \*\*([^*]+)\*\*", re.MULTILINE)

_ELSEWHERE = {"The headline", "Changes of policies", "Policies", "Settings of the hub"}
"""What the page tells of and its example does not have."""


def test_its_command_prints_what_it_shows(tmp_path: Path) -> None:
    found = _LINE.search(PAGE)
    assert found is not None
    write_project(tmp_path, BLOCKS["yaml"], {"grafana": ("query",), "time": ("now",)})
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path, {"README.md": "ours\n"})
    after = BLOCKS["yaml"].replace('secrets: {GRAFANA_KEY: "env://GRAFANA_KEY"}', found[1]).replace("1" * 64, "2" * 64)
    write_project(tmp_path, after, {"grafana": ("query", "purge"), "time": ("now",)})
    command, _, shown = BLOCKS["console"].partition("\n")
    done = mcphub(tmp_path, *command.removeprefix("$ mcphub ").split())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(shown)
    # Each part that the page tells to read is there under its name, in that order.
    titles = [title for title in _TITLES.findall(PAGE) if title not in _ELSEWHERE]
    places = [done.stdout.index(f"\n{title}") for title in titles]
    assert places == sorted(places)


def test_it_has_no_other_blocks() -> None:
    assert PAGE.count("```") == 2 * len(BLOCKS)
