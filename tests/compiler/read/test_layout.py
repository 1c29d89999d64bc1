import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from mcphub_gitops.compiler.read.layout import lay_out
from mcphub_gitops.compiler.read.syntax import parse, plain
from mcphub_gitops.templates import fill_template
from tests.support.catalog_hubs import catalog_hub
from tests.support.shared import SHARED, needs_shared_data
from tests.support.yaml_texts import documents

ROOT = Path(__file__).parents[3]
MARKS = (("␣", " "), ("———»", "\t"), ("——»", "\t"), ("—»", "\t"), ("»", "\t"), ("↵", ""), ("←", "\r"), ("∎\n", ""))

UNTIDY = """\
#Head
servers:
     # time
     time:\t
        package: "a"   #hi
        args:
        - a
        #  see
        -    - b
             - c
        # last
     # git next
     git:
        text: |
            one
              two  \n\

        k: {a: 1,
            b: 2} # x
        empty:
            # nothing yet
        long: one
           two
#end


"""
TIDY = """\
# Head
servers:
  # time
  time:
    package: "a" # hi
    args:
      - a
      #  see
      - - b
        - c
      # last
  # git next
  git:
    text: |
        one
          two  \n\

    k: {a: 1,
        b: 2} # x
    empty:
      # nothing yet
    long: one
       two
# end
"""


def meaning(text: str) -> str | None:
    parsed = parse("t.yaml", text.encode())
    return json.dumps(plain(parsed.root)) if parsed.root is not None and not parsed.diagnostics else None


def check(text: str) -> str:
    after = lay_out(text)
    assert meaning(after) == meaning(text)
    assert lay_out(after) == after
    return after


def test_indentation_spaces_and_breaks() -> None:
    text = UNTIDY.replace("time:\t", "time:   ")
    assert check(text) == TIDY
    assert check(text.replace("\n", "\r\n")) == TIDY


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a: 1", "a: 1\n"),
        ("a: 1\n \n\n", "a: 1\n"),
        ("  a: 1\n  b: 2\n", "a: 1\nb: 2\n"),
        ("a: [1,   \n 2] #x\n", "a: [1,\n 2] # x\n"),
        ('"a # b":   x#y   #z\n', '"a # b":   x#y # z\n'),
        ("#!x\n##y\n#-z\n#w\na: 1\n", "#!x\n##y\n#-z\n# w\na: 1\n"),
        ("x\n", "x\n"),
        # forms that less is done to
        ("a:\n    b: 1  \n    c: |+\n        x\n\n\n", "a:\n  b: 1\n  c: |+\n      x\n\n\n"),
        ("? a\n:   1  \n", "? a\n:   1\n"),
        ("a: 1\t\r\nb: 1\r\n", "a: 1\t\nb: 1\n"),
        ("a: x\u2028  y\n", "a: x\u2028  y\n"),
        ("--- \na:  \n    b: 1\n...\n", "---\na:\n  b: 1\n...\n"),
        ("a:\n    b: |\n        x", "a:\n  b: |\n      x"),
    ],
)
def test_what_is_certain_is_done_and_nothing_else(text: str, after: str) -> None:
    assert check(text) == after


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_any_document_keeps_its_meaning_and_its_comments(text: str) -> None:
    after = check(text)
    words = [line.partition("#")[2].strip() for line in after.splitlines() if line.lstrip().startswith("#")]
    assert words == [line.partition("#")[2].strip() for line in text.splitlines() if line.lstrip().startswith("#")]
    if text.endswith("\n"):
        assert after.endswith("\n")
        assert "\r" not in after


def test_the_hubs_of_this_project_are_laid_out_already() -> None:
    for text in ((ROOT / "mcp-hub.yaml").read_text("utf-8"), fill_template("mcp-hub.yaml", name="x", schema="x.json")):
        assert lay_out(text) == text


def cases() -> Iterator[str]:
    for path in sorted((SHARED / "yaml-test-suite" / "src").glob("*.yaml")):
        root = parse(path.name, path.read_bytes()).root
        assert root is not None
        found = plain(root)
        for case in found if isinstance(found, list) else []:
            text = str(case.get("yaml", ""))
            for mark, meant in MARKS:
                text = text.replace(mark, meant)
            yield text


@needs_shared_data
def test_every_accepted_document_of_the_yaml_test_suite_keeps_its_meaning() -> None:
    accepted = [text for text in cases() if meaning(text) is not None]
    assert len(accepted) > 150
    for text in accepted:
        check(text)


@needs_shared_data
def test_a_hub_with_the_whole_catalog() -> None:
    after = check(catalog_hub((SHARED / "docker-mcp-catalog.yaml").read_bytes()))
    assert "      - delete_* # never\n      # and no more" not in after
    assert "      - delete_* # never\n" in after
