"""docs/profiles.md: its hub is right, and what it shows is what the program prints."""

import re
from pathlib import Path

from tests.support.hubs import hub_of
from tests.support.projects import mcphub

PAGE = (Path(__file__).parents[1] / "docs" / "profiles.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
((_, PROFILES), (_, CLIENTS), (_, CONSOLE)) = _BLOCK.findall(PAGE)
HUB = PROFILES + CLIENTS


def test_its_hub_has_the_profiles_that_it_speaks_of() -> None:
    paths = {profile.name: profile.path for profile in hub_of(HUB).profiles}
    assert paths == {"clock": "/clock/mcp", "support": "/support"}


def test_its_hub_keeps_the_files_that_it_speaks_of(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(HUB, "utf-8")
    assert mcphub(tmp_path, "clients", "--check").stdout.splitlines() == [
        "Different: codex.toml",
        "Different: .mcp.json",
        "Different: .vscode/mcp.json",
    ]


def test_its_command_prints_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "mcp-hub.yaml").write_text(HUB, "utf-8")
    command, _, shown = CONSOLE.partition("\n")
    done = mcphub(tmp_path, *command.removeprefix("$ mcphub ").split())
    assert (done.returncode, done.stdout) == (0, shown)


def test_it_has_no_other_blocks() -> None:
    assert PAGE.count("```") == 2 * len((PROFILES, CLIENTS, CONSOLE))
