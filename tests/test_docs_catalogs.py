"""The examples of docs/catalogs.md: what a section shows is what the compiler says."""

import re
from pathlib import Path

import pytest

from mcphub_gitops.compiler.diagnostic import render
from mcphub_gitops.compiler.sourcing import validate

PAGE = (Path(__file__).parents[1] / "docs" / "catalogs.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.*)\n((?:(?!^## ).*\n)*)", PAGE, re.MULTILINE))
_NAMED = re.compile(r"^```(?:yaml|json) (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SHOWN = re.compile(r"^```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("title", SECTIONS)
def test_what_a_section_shows_is_what_the_compiler_says(title: str) -> None:
    files = {name: content.encode() for name, content in _NAMED.findall(SECTIONS[title])}
    hub = files.pop("mcp-hub.yaml")
    validated = validate("mcp-hub.yaml", hub, files)
    sources = {source.name: source for source in validated.sources}
    said = "\n".join(render(each, sources) + "\n" for each in validated.diagnostics)
    assert said == "\n".join(_SHOWN.findall(SECTIONS[title]))


def test_every_block_belongs_to_a_section_with_a_hub() -> None:
    assert PAGE.count("```") == 2 * sum(len(_NAMED.findall(body) + _SHOWN.findall(body)) for body in SECTIONS.values())
