from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.report.identity import Report, count_by_severity
from mcphub_gitops.compiler.source import Position, Source, Span
from mcphub_gitops.compiler.sourcing import validate
from tests.compiler.report.reports import ERROR, NOTE, WARNING, problems, report_of

HUB = """\
apiVersion: mcphub/v1
name: acme
servers:
  time: {package: "pypi:mcp-server-time@1", run: docker, colour: red}
  more: {package: "pypi:mcp-server-time@1", run: docker}
  nose: {package: "pypi:mcp-server-time@1", run: docker}
"""


def fingerprints(text: str) -> list[str]:
    validated = validate("mcp-hub.yaml", text.encode())
    report = Report(
        diagnostics=validated.diagnostics, sources={"mcp-hub.yaml": validated.source}, folder="", version="1"
    )
    return sorted(each.fingerprint for each in report.findings())


@given(st.lists(st.sampled_from(["", "# a comment", "  "]), max_size=5))
def test_fingerprints_stay_when_lines_move(above: list[str]) -> None:
    moved = HUB.replace("servers:\n", "servers:\n" + "".join(f"{line}\n" for line in above))
    assert fingerprints(moved) == fingerprints(HUB)


def test_fingerprints_are_unique_even_of_equal_problems() -> None:
    found = fingerprints(HUB)
    assert len(found) == len(set(found)) == 4
    twins = [each.fingerprint for each in report_of(*problems(2)).findings()]
    assert len(set(twins)) == 2


def test_a_fingerprint_is_made_of_nothing_that_is_hidden() -> None:
    texts = [Source("f", f"key: {secret}\n") for secret in ("hunter2", "hunter3")]
    found = set()
    for text in texts:
        source = Source("f", text.text, hidden=(text.span(5, 12),))
        problem = Diagnostic(code=ERROR, detail="It is.", span=source.span(0, 3))
        found |= {each.fingerprint for each in report_of(problem, source=source).findings()}
    assert len(found) == 1


def test_the_most_important_come_first() -> None:
    given_ = (problems(1, NOTE)[0], problems(1, WARNING)[0], *problems(2, ERROR))
    assert [each.diagnostic.code for each in report_of(*given_).findings()] == [ERROR, ERROR, WARNING, NOTE]


def test_counts_in_words() -> None:
    assert count_by_severity([*problems(2), *problems(1, NOTE)]) == "2 errors, 1 note"
    assert count_by_severity([]) == ""


def test_a_file_is_named_from_the_repository() -> None:
    span = problems(1)[0].span
    assert report_of(folder="a/b").path(span) == "a/b/f"
    assert report_of().path(span) == "f"


def test_a_stretch_that_ends_where_a_line_begins_has_nothing_of_it() -> None:
    start, end = Position(line=2, column=3), Position(line=4, column=1)
    assert Span.between("f", start, end).last_line == 3
    assert Span.between("f", start, start).last_line == 2
    assert Span("f", 1, 1, 1, 1).last_line == 1
