import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.validation import open_document
from mcphub_gitops.compiler.version import VERSION, find_too_old, is_older

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]

numbers = st.tuples(*[st.integers(0, 999_999)] * 3)


def test_this_version_is_the_package_s() -> None:
    assert PROJECT["version"] == VERSION


@pytest.mark.parametrize(
    ("version", "least", "expected"),
    [
        ("0.1.0", "0.1", False),
        ("0.1.0", "0", False),
        ("0.1.0", "0.1.1", True),
        ("0.9.0", "0.10", True),
        ("0.10.0", "0.9", False),
        ("1", "1.0.0", False),
        ("1.2.3", "2", True),
        ("0.2.0rc1", "0.2", False),
        ("0.2.0.dev3+local", "0.2.1", True),
        ("unknown", "0.0.1", True),
    ],
)
def test_versions_are_compared_number_by_number(version: str, least: str, *, expected: bool) -> None:
    assert is_older(version, least) is expected


@given(numbers, numbers)
def test_versions_are_ordered_as_their_numbers_are(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert is_older(".".join(map(str, one)), ".".join(map(str, other))) is (one < other)


def hub(requires: str) -> bytes:
    return f"apiVersion: mcphub/v1\nname: acme\nrequires: {requires}\nservers: {{}}\n".encode()


@pytest.mark.parametrize(
    "requires", ['">=1"', '"~=2"', '"2"', "2", "[]", '">=2,<3"', '">=2.0.0.1"', '"> 2"', '">=2.x"', '">=٢"', '">=2\\n"']
)
def test_only_what_asks_for_a_later_version_in_the_known_form_is_too_new(requires: str) -> None:
    assert list(find_too_old(open_document("hub", hub(requires)).root, "1.5.0")) == []


def test_a_later_version_is_told_at_its_place() -> None:
    (found,) = find_too_old(open_document("hub", hub('">=0.1"')).root, "0.0.9")
    assert found.code is codes.TOO_OLD
    assert str(found.span) == "hub:3:11"
    assert "0.0.9" in found.detail
    assert "0.1 or later" in found.detail


@pytest.mark.parametrize("requires", ['"~=2"', '"2"', "2", '">=2.0.0.1"', '"> 2"', '">= 2"', '">=٢"', '">=2\\n"'])
def test_other_forms_are_refused(requires: str) -> None:
    assert [each.span.start.line for each in open_document("hub", hub(requires)).diagnostics] == [3]
