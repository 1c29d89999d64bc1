"""docs/composition.md: the hub that it writes is what its commands say."""

import os
import re
from pathlib import Path

from tests.test_readme import steps, walk

PAGE = (Path(__file__).parents[1] / "docs" / "composition.md").read_text("utf-8")


def test_the_commands_of_the_page_say_what_it_shows(tmp_path: Path) -> None:
    for name, text in re.findall(r"^```yaml (\S+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    commands = list(steps("console", PAGE))
    assert len(commands) == 5
    walk(tmp_path, iter(commands), os.environ)
