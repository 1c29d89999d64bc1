"""The cases of the public YAML test suite, whose ReadMe tells the format: one file a test, with one or more cases."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from tests.support.shared import SHARED

FOLDER = SHARED / "yaml-test-suite" / "src"
_TAB = re.compile("\N{EM DASH}*\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}")
_MARKS = {"\N{OPEN BOX}": " ", "\N{LEFT RIGHT DOUBLE ARROW}": "\ufeff", "\N{LEFTWARDS ARROW}": "\r"}
_NOTHING = "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}"
_NO_BREAK = "\N{END OF PROOF}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A document, whether it is invalid, and the JSON that it means where the suite has it."""

    name: str
    text: str
    fails: bool
    json: str | None


def read_cases() -> Iterator[Case]:
    """Yield the usable cases; those after a file's first inherit what they do not say."""
    for file in sorted(FOLDER.glob("*.yaml")):
        known: dict[str, object] = {}
        for number, case in enumerate(yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)):  # noqa: TID251
            known = {**{key: value for key, value in known.items() if key != "fail"}, **case}
            if "yaml" in known and not known.get("skip"):
                meaning = known.get("json")
                yield Case(
                    name=f"{file.stem}-{number}",
                    text=_document(str(known["yaml"])),
                    fails=bool(known.get("fail")),
                    json=str(meaning) if meaning is not None else None,
                )


def _document(text: str) -> str:
    for mark, meant in _MARKS.items():
        text = text.replace(mark, meant)
    return _TAB.sub("\t", text).replace(_NOTHING, "").removesuffix(_NO_BREAK)
