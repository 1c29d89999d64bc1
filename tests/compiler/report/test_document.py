import json

from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.report.document import render_json, render_json_lines
from mcphub_gitops.compiler.source import Source
from tests.compiler.report.reports import ERROR, problems, report_of


def test_lines_and_document_say_the_same() -> None:
    report = report_of(*problems(3))
    lines = [json.loads(line) for line in render_json_lines(report).splitlines()]
    assert json.loads(render_json(report)) == {"format": "mcphub.diagnostics/v1", "diagnostics": lines}
    assert [each["span"]["start"]["line"] for each in lines] == [1, 2, 3]


@given(st.text())
def test_no_text_breaks_a_line(text: str) -> None:
    problem = Diagnostic(code=ERROR, detail=text, span=Source("f", "x").span(0, 1))
    (line,) = render_json_lines(report_of(problem)).splitlines()
    assert json.loads(line)["detail"] == text
