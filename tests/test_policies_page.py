import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.test_readme import LENIENT, ROOT

PAGE = (ROOT / "docs" / "policies.md").read_text("utf-8")
DOCUMENT = re.compile(r"^```yaml\n# (?P<name>\S+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
STEP = re.compile(r"^```console\n\$ (?P<command>.*?)\n(?P<output>.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    documents = list(DOCUMENT.finditer(PAGE))
    assert len(documents) == 3
    for match in documents:
        (tmp_path / match["name"]).write_text(match["text"], "utf-8")
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    checker = doctest.OutputChecker()
    steps = list(STEP.finditer(PAGE))
    assert len(steps) == 3
    for step in steps:
        done = subprocess.run(
            ["bash", "-c", step["command"]],
            cwd=tmp_path,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert checker.check_output(step["output"], done.stdout, LENIENT), f"$ {step['command']}\n{done.stdout}"


def test_every_link_of_the_page_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", PAGE) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
