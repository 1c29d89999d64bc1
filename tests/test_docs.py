import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.docs import commands_page, diagnostics_page, examples_file, formats_page, page, undocumented

ROOT = Path(__file__).parents[1]
PAGES = {"commands": commands_page, "diagnostics": diagnostics_page, "documents": formats_page}


@pytest.mark.parametrize(("name", "make"), PAGES.items(), ids=list(PAGES))
def test_the_generated_pages_are_those_of_the_program(name: str, make: Callable[[], str], *, update: bool) -> None:
    file = page(ROOT, name)
    text = make()
    if update:
        file.write_text(text, "utf-8")
    assert file.read_text("utf-8") == text


def test_the_examples_of_diagnostics_are_those_of_the_cases(*, update: bool) -> None:
    file = ROOT / "templates" / "examples.json"
    if update:
        file.write_text(examples_file(), "utf-8")
    assert file.read_text("utf-8") == examples_file()


def test_every_field_of_every_document_is_described() -> None:
    assert undocumented() == []


def test_every_guard_that_the_architecture_names_exists() -> None:
    guards = re.findall(r"`(tests/[^`]+|pyproject\.toml)`", (ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    assert len(guards) > 10
    assert [guard for guard in guards if not list(ROOT.glob(guard))] == []
