"""The page on reports: its examples are run, and the formats that it names are those that commands take."""

import os
import re
from pathlib import Path

import click
import pytest

from mcphub_gitops.runtime.cli.main import COMMANDS, cli
from mcphub_gitops.runtime.cli.output import REPORTS
from tests.test_readme import steps, walk

PAGE = (Path(__file__).parents[1] / "docs" / "reports.md").read_text("utf-8")


def test_the_examples_go_as_the_page_says(tmp_path: Path) -> None:
    walk(tmp_path, steps(page=PAGE), os.environ)


def test_the_page_has_examples() -> None:
    assert len(list(steps(page=PAGE))) == 5


@pytest.mark.parametrize("output", REPORTS[1:])
def test_the_page_names_the_commands_that_take_a_format(output: str) -> None:
    row = re.search(rf"^\| `{output}` \|[^|]*\|([^|]*)\|", PAGE, re.MULTILINE)
    assert row is not None
    assert set(re.findall(r"`(\w+)`", row[1])) == {name for name in COMMANDS if takes(name, output)}


def takes(command: str, output: str) -> bool:
    """Whether `command` shows diagnostics as `output`; those whose result is another JSON document do not."""
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    options = (parameter for parameter in found.params if parameter.name == "output")
    choices = next((each.type.choices for each in options if isinstance(each.type, click.Choice)), ())
    return output in choices and tuple(choices) != ("human", "json")
