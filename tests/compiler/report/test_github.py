import re

from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.report.github import MOST_SUMMARY, render_github
from mcphub_gitops.compiler.source import Source
from tests.compiler.report.reports import ERROR, NOTE, WARNING, problems, report_of

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def understood(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as GitHub's runner does."""
    match = COMMAND.fullmatch(line)
    assert match is not None, line
    properties = {}
    for pair in match[2].split(","):
        name, _, value = pair.partition("=")
        for escaped, text in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            value = value.replace(escaped, text)
        properties[name] = value
    message = match[3].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
    return match[1], properties, message


def test_an_annotation() -> None:
    source = Source("a,b:c.yaml", "one\ntwo 100%\n")
    problem = Diagnostic(code=WARNING, detail="It is 100%.", span=source.span(4, 7), help="do it")
    annotated = render_github(report_of(problem, source=source, folder="x"))
    assert understood(annotated.commands.strip("\n")) == (
        "warning",
        {
            "file": "x/a,b:c.yaml",
            "line": "2",
            "endLine": "2",
            "col": "1",
            "endColumn": "4",
            "title": "MH902: it is odd",
        },
        "It is 100%.\nhelp: do it",
    )
    assert (annotated.left_out, annotated.summary) == ("", "")


def test_a_stretch_of_several_lines_has_no_columns() -> None:
    source = Source("f", "one\ntwo\nthree\n")
    problem = Diagnostic(code=NOTE, detail="", span=source.span(1, 8))
    level, properties, message = understood(render_github(report_of(problem)).commands.strip("\n"))
    assert (level, message) == ("notice", "it is so")
    assert (properties["line"], properties["endLine"], properties.get("col")) == ("1", "2", None)


def test_the_worst_ten_of_each_level_are_annotations_and_the_rest_stands_in_the_summary() -> None:
    annotated = render_github(report_of(*problems(3, NOTE), *problems(12, WARNING), *problems(11)))
    levels = [understood(line)[0] for line in annotated.commands.splitlines()]
    assert levels == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 3
    assert annotated.left_out == "1 error, 2 warnings"
    rows = [line for line in annotated.summary.splitlines() if line.startswith(("| error", "| warning"))]
    assert len(rows) == 3
    assert "### mcphub: 11 errors, 12 warnings, 3 notes" in annotated.summary
    assert "MH901" in rows[0]
    assert "<code>f&#58;11&#58;1</code>" in rows[0]


def test_a_summary_that_would_be_too_long_says_what_is_missing() -> None:
    annotated = render_github(report_of(*problems(30, detail="x" * (MOST_SUMMARY // 10))))
    assert len(annotated.summary.encode()) < MOST_SUMMARY + 200
    assert "There is no room for 11 errors more." in annotated.summary
    assert annotated.summary.count("| error |") == 9


@given(st.text(max_size=60))
def test_no_text_forges_a_line_or_a_command(text: str) -> None:
    source = Source(text or "f", "x\n")
    problem = Diagnostic(code=ERROR, detail=text, span=source.span(0, 1), help=text)
    annotated = render_github(report_of(*[problem] * 11))
    lines = annotated.commands.removesuffix("\n").split("\n")
    assert len(lines) == 10
    assert {understood(line)[0] for line in lines} == {"error"}
    assert annotated.commands.splitlines() == lines


@given(st.text(st.characters(max_codepoint=0x2FF), max_size=60))
def test_no_text_forges_markdown(text: str) -> None:
    source = Source(text or "f", "x\n")
    annotated = render_github(report_of(*[Diagnostic(code=ERROR, detail=text, span=source.span(0, 1))] * 11))
    (row,) = [line for line in annotated.summary.splitlines() if line.startswith("| error")]
    bare = re.sub(r"&#[0-9]+;|</?code>|<br>", "", row)
    assert bare.count("|") == 5
    assert re.findall(r"[^\w\s|]", bare.replace("|", ""), re.ASCII) == [
        each for each in bare if ord(each) > 127 and each != "|"
    ]
