"""docs/access.md: who reaches what is what its table says, its policies decide as they say, its command prints that."""

import re
from pathlib import Path

import pytest

from mcphub_gitops.compiler.plan.admission import bind_admission
from tests.support.hubs import hub_of
from tests.support.projects import mcphub

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "access.md").read_text("utf-8")
HUB, POLICY, SHOWN = re.findall(r"^```(?:yaml|console)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
ROWS = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")]


def test_its_table_says_who_reaches_what() -> None:
    hub = hub_of(HUB)
    admission = bind_admission(hub.gateway, hub.stores)
    paths = {each.path: [group.value for group in each.groups] for each in hub.profiles}
    paths["/mcp"] = list(admission.groups)
    (_, _, *names), _, *rows = ROWS
    assert names == [token.name for token in admission.tokens]
    said = {
        path.partition("`")[0]: [name for name, told in zip(names, cells, strict=True) if told == "yes"]
        for path, _, *cells in rows
    }
    assert said == {path: list(admission.reaching(groups)) for path, groups in paths.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mcp-hub.yaml").write_text(f"{HUB}policies: [policies/*.yaml]\n", "utf-8")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "tokens.yaml").write_text(POLICY, "utf-8")
    return tmp_path


def test_its_policy_decides_its_own_cases_as_it_says(folder: Path) -> None:
    done = mcphub(folder, "policy", "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 cases passed, 0 failed" in done.stdout


def test_its_command_prints_what_it_shows(folder: Path) -> None:
    command, _, shown = SHOWN.partition("\n")
    done = mcphub(folder, *command.removeprefix("$ mcphub ").split())
    assert (done.returncode, done.stdout) == (0, shown)


def test_every_link_of_it_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", PAGE) if "://" not in link]
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
