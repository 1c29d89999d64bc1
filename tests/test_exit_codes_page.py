"""docs/exit-codes.md: the codes are the program's, its commands exist, and those that tell of a code are named."""

import re

import click
import pytest

from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.main import cli
from tests.test_readme import ROOT

PAGE = (ROOT / "docs" / "exit-codes.md").read_text("utf-8")
ROWS = {int(code): told for code, told in re.findall(r"^\| (\d+) \|[^|]*\| ([^|]*) \|$", PAGE, re.MULTILINE)}
EVERY = "every command"


def command_of(words: str) -> tuple[click.Command, str]:
    """Return the command that `words` begin with, and the option that they end with."""
    found: click.Command = cli
    option = ""
    for word in words.split():
        if word.startswith("--"):
            option = word
        else:
            assert isinstance(found, click.Group)
            next_ = found.get_command(click.Context(found), word)
            assert next_ is not None, words
            found = next_
    return found, option


def test_the_codes_are_those_of_the_program() -> None:
    assert list(ROWS) == [code.value for code in Exit]


@pytest.mark.parametrize("code", [code for code, told in ROWS.items() if told != EVERY])
def test_its_commands_and_options_exist(code: int) -> None:
    for words in re.findall(r"`([^`]+)`", ROWS[code]):
        command, option = command_of(words)
        assert not option or option in {name for each in command.params for name in each.opts}


def test_a_command_that_says_a_code_of_itself_stands_in_its_row() -> None:
    assert isinstance(cli, click.Group)
    for name in cli.list_commands(click.Context(cli)):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        said = {int(code) for code in re.findall(r"(?:[Ee]xit\s+code.*?|[,;]\s)\b([2-6])\b", command.help or "")}
        for code in said:
            named = {words.split()[0] for words in re.findall(r"`([^`]+)`", ROWS[code])}
            assert name in named, (name, code)
