import doctest
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
LENIENT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def steps(kind: str = "console", page: str = README) -> Iterator[tuple[str, str]]:
    """Yield each command of the page's blocks of `kind` with the output that it promises."""
    for block in re.findall(rf"^```{kind}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = step.partition("\n")
            yield command, output


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.mark.skipif(not is_free(8811), reason="something listens on the port that the README names")
def test_the_walk_through_goes_as_the_readme_says(tmp_path: Path) -> None:
    walk(tmp_path, steps(), os.environ)


def test_a_change_is_reviewed_merged_and_applied_as_the_readme_says(tmp_path: Path) -> None:
    walk(tmp_path, steps("console review"), {**os.environ, "EXAMPLES": str(ROOT / "examples")})


def walk(tmp_path: Path, commands: Iterator[tuple[str, str]], environment: Mapping[str, str]) -> None:
    """Run `commands` in one folder, and compare what they say with what is promised."""
    env = {**environment, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    checker = doctest.OutputChecker()
    try:
        for command, promised in commands:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert checker.check_output(promised, done.stdout, LENIENT), f"$ {command}\n{done.stdout}"
    finally:
        subprocess.run(["mcphub", "down"], cwd=tmp_path, env=env, check=False)


def test_the_walk_through_has_steps() -> None:
    assert len(list(steps())) > 10
    assert len(list(steps("console review"))) > 10


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
