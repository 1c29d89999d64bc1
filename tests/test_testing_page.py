"""docs/testing.md: its tests come to what it shows."""

import re
from pathlib import Path

from tests.support.projects import mcphub, write_project

PAGE = (Path(__file__).parents[1] / "docs" / "testing.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^```(yaml|console)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py]}
profiles:
  support: {servers: [notes], tools: {allow: [notes/search]}}
"""


def test_its_command_prints_what_it_shows(tmp_path: Path) -> None:
    write_project(tmp_path, HUB, {"notes": ("add_note", "delete_note", "search")})
    head, _, text = BLOCKS["yaml"].partition("\n")
    file = tmp_path / head.removeprefix("# ")
    file.parent.mkdir()
    file.write_text(f"{head}\n{text}", "utf-8")
    done = mcphub(tmp_path, "test")
    _, _, shown = BLOCKS["console"].partition("\n")
    assert f"{done.stdout}exit code {done.returncode}\n" == shown


def test_it_has_no_other_blocks() -> None:
    assert PAGE.count("```") == 2 * len(BLOCKS)
