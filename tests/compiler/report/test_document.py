import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.report.document import render_json, render_json_lines
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.compiler.sourcing import validate
from mcphub_gitops.schemas import load_schema
from tests.compiler.report.reports import ERROR, problems, report_of
from tests.support.cases import CASES

FOUND = sorted(CASES.glob("diagnostics/*/mcp-hub.yaml"))


def test_lines_and_document_say_the_same() -> None:
    report = report_of(*problems(3))
    lines = [json.loads(line) for line in render_json_lines(report).splitlines()]
    assert json.loads(render_json(report)) == {"format": "mcphub.diagnostics/v1", "diagnostics": lines}
    assert [each["span"]["start"]["line"] for each in lines] == [1, 2, 3]


@pytest.mark.parametrize("file", FOUND, ids=lambda file: file.parent.name)
def test_what_is_wrong_with_each_case_fits_the_published_schema(file: Path) -> None:
    validated = validate("mcp-hub.yaml", file.read_bytes())
    text = render_json(report_of(*validated.diagnostics, source=validated.source))
    assert list(Draft202012Validator(load_schema("diagnostics.v1")).iter_errors(json.loads(text))) == []


@given(st.text())
def test_no_text_breaks_a_line(text: str) -> None:
    problem = Diagnostic(code=ERROR, detail=text, span=Source("f", "x").span(0, 1))
    (line,) = render_json_lines(report_of(problem)).splitlines()
    assert json.loads(line)["detail"] == text
