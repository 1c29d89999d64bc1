import pytest

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.definitions import read_definitions, write_definitions

TOOL = {"name": "add", "description": "Adds \u202eevil\U000e0041 caf\u00e9\n"}
TOOLS = {"add": fingerprint(TOOL)}


def test_what_is_written_is_read_and_nothing_in_it_is_invisible() -> None:
    text = write_definitions({"add": TOOL})
    assert read_definitions("notes.json", text, TOOLS) == ({"add": TOOL}, ())
    assert all(char.isprintable() or char == "\n" for char in text.decode())
    assert "caf\u00e9" in text.decode()


def test_what_nobody_sees_is_written_as_an_escape_and_read_as_it_was() -> None:
    tool = {"name": "add", "description": "a\u200bb\ufe0f\U000e0041\N{LATIN SMALL LETTER E WITH ACUTE}"}
    text = write_definitions({"add": tool})
    assert '"a\\u200bb\\ufe0f\\udb40\\udc41\N{LATIN SMALL LETTER E WITH ACUTE}"'.encode() in text
    assert read_definitions("notes.json", text, {"add": fingerprint(tool)}) == ({"add": tool}, ())


@pytest.mark.parametrize(
    "change",
    [
        ('"description"', '"description": "shown to the reviewer", "description"'),
        ('"name": "add"', '"name": "add", "x": NaN'),
        ('"name": "add"', '"name": "add", "x": 1e999'),
        ('"name"', '"nmae"'),
    ],
)
def test_a_file_that_was_edited_differs_from_the_lock(change: tuple[str, str]) -> None:
    text = write_definitions({"add": TOOL}).decode()
    assert change[0] in text
    edited = text.replace(*change)
    _, problems = read_definitions("notes.json", edited.encode(), TOOLS)
    assert [each.code.name for each in problems] == ["MH404"]


def test_definitions_that_were_read_are_written_as_they_were() -> None:
    text = write_definitions({"add": TOOL})
    assert write_definitions(read_definitions("notes.json", text, TOOLS)[0]) == text
