"""docs/plan.md: its head is the document's, and what it shows is what plans and refusals say."""

import json
import re
from pathlib import Path

from mcphub_gitops.compiler.plan.plan import OpType
from tests.support.cases import CASES
from tests.support.projects import mcphub, write_project
from tests.test_readme import ROOT

PAGE = (ROOT / "docs" / "plan.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py], env: {LEVEL: info}}
"""


def test_its_head_is_that_of_an_offline_plan(tmp_path: Path) -> None:
    write_project(tmp_path, HUB, {"notes": ("add",)})
    done = mcphub(tmp_path, "plan", "--offline", "--output", "json", "-o", "plan.json")
    document = json.loads(done.stdout)
    (shown,) = [json.loads(text) for kind, text in BLOCKS if kind == "json"]
    assert {name: document[name] for name in shown} == shown
    assert document == json.loads((tmp_path / "plan.json").read_bytes())
    text = mcphub(tmp_path, "plan", "--offline").stdout
    assert text.endswith(f"Review digest: {document['review']}\nPlan digest: {document['digest']}\n")


def test_its_sections_are_those_of_the_case() -> None:
    sections, _ = [text for kind, text in BLOCKS if kind == "text"]
    assert (CASES / "plan" / "changed-outside" / "plan.txt").read_text("utf-8").startswith(sections)


def test_its_table_names_the_head_and_its_text_the_stages() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == [
        *("format", "changes", "applyable", "complete", "review", "digest")
    ]
    assert ", ".join(each.value for each in OpType) in PAGE.replace("\n", " ")


def test_every_link_of_the_page_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
