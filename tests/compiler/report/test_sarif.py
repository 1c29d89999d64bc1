import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Schema

from mcphub_gitops.compiler.codes import CODES
from mcphub_gitops.compiler.diagnostic import Diagnostic, Fix, Note, Replacement
from mcphub_gitops.compiler.report.identity import Report
from mcphub_gitops.compiler.report.sarif import Caps, render_sarif
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.compiler.sourcing import validate
from tests.compiler.report.reports import report_of
from tests.support.cases import CASES

CODE = CODES["MH201"]
FOUND = sorted(CASES.glob("diagnostics/*/mcp-hub.yaml"))


def run_of(report: Report, caps: Caps | None = None) -> dict[str, Any]:
    """Return the one run of the report, which the published schema accepts."""
    document = json.loads(render_sarif(report, caps).text)
    Schema.model_validate(document)
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def many(number: int, code: str = "MH201", detail: str = "It is.") -> list[Diagnostic]:
    source = Source("f", "x\n" * number)
    return [
        Diagnostic(code=CODES[code], detail=f"{detail} {line}", span=source.span(2 * line, 2 * line + 1))
        for line in range(number)
    ]


@pytest.mark.parametrize("file", FOUND, ids=lambda file: file.parent.name)
def test_what_is_wrong_with_each_case_is_right_sarif(file: Path) -> None:
    validated = validate("mcp-hub.yaml", file.read_bytes())
    sources = {source.name: source for source in validated.sources}
    run = run_of(Report(diagnostics=validated.diagnostics, sources=sources, folder="", version="1"))
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(validated.diagnostics)
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
    assert run["columnKind"] == "unicodeCodePoints"


@pytest.mark.parametrize("wrong", [{"level": "fatal"}, {"regoin": {}}, {"ruleIndex": -2}], ids=str)
def test_the_schema_refuses_what_is_no_sarif(wrong: dict[str, Any]) -> None:
    document = json.loads(render_sarif(report_of(*many(1))).text)
    document["runs"][0]["results"][0].update(wrong)
    with pytest.raises(ValidationError):
        Schema.model_validate(document)


def test_a_right_hub_is_a_run_without_results() -> None:
    run = run_of(report_of())
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_notes_and_fixes_have_their_places() -> None:
    source = Source("f", "\N{GRINNING FACE}: x\ny\n")
    edits = (Replacement(span=source.span(0, 1), text="new"), Replacement(span=source.span(3, 4), text=""))
    problem = Diagnostic(
        code=CODE,
        detail="It is.",
        span=source.span(3, 4),
        notes=(Note(message="see here", span=source.span(5, 6)),),
        fix=Fix(title="mend it", replacements=edits),
    )
    (result,) = run_of(report_of(problem, folder="a"))["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 4, "endLine": 1, "endColumn": 5}
    (related,) = result["relatedLocations"]
    assert related["message"] == {"text": "see here"}
    assert related["physicalLocation"]["region"]["startLine"] == 2
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "a/f"
    assert [each.get("insertedContent") for each in change["replacements"]] == [{"text": "new"}, None]


@given(st.text(min_size=1))
def test_a_file_is_a_relative_reference(name: str) -> None:
    source = Source(name, "x")
    problem = Diagnostic(code=CODE, detail="", span=source.span(0, 1))
    (result,) = run_of(report_of(problem, folder="a"))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    assert unquote(uri, errors="surrogateescape") == f"a/{name}"


def test_a_name_that_is_no_text_is_a_reference_all_the_same() -> None:
    problem = Diagnostic(code=CODE, detail="", span=Source("caf\udce9:x", "x").span(0, 1))
    (result,) = run_of(report_of(problem))["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "caf%E9%3Ax"


def test_a_text_makes_no_link() -> None:
    texts = ["`[click](https://evil.example)` is not a key.", "`[a-z]` is not a key."]
    problems = [replace(each, detail=text) for each, text in zip(many(2), texts, strict=True)]
    found = [each["message"]["text"] for each in run_of(report_of(*problems))["results"]]
    assert found == [r"`\[click\](https://evil.example)` is not a key.", texts[1]]


def test_a_problem_without_detail_says_what_its_code_does() -> None:
    (result,) = run_of(report_of(replace(many(1)[0], detail="")))["results"]
    assert result["message"]["text"] == CODE.summary


def test_past_the_caps_the_least_important_are_left_out_and_told() -> None:
    report = report_of(*many(3, "MH403"), *many(4))
    document = render_sarif(report, Caps(results=5, shown=2))
    run = run_of(report, Caps(results=5, shown=2))
    assert [each["level"] for each in run["results"]] == ["error"] * 4 + ["note"]
    assert document.notices == (
        "Left out, being more than a code scanner takes: 2 notes.",
        "GitHub shows the 2 most important of 5 results.",
    )
    told = run["invocations"][0]["toolExecutionNotifications"]
    assert [each["message"]["text"] for each in told] == list(document.notices)


def test_github_takes_so_many_results_of_a_run() -> None:
    document = render_sarif(report_of(*many(25_001)))
    assert len(json.loads(document.text)["runs"][0]["results"]) == 25_000
    assert document.notices[0].endswith("1 error.")


def test_a_document_that_would_be_too_large_holds_what_fits() -> None:
    report = report_of(*many(200))
    caps = Caps(compressed=4_000)
    document = render_sarif(report, caps)
    assert 0 < len(run_of(report, caps)["results"]) < 200
    assert document.notices


def test_a_document_that_cannot_be_small_enough_holds_nothing() -> None:
    assert run_of(report_of(*many(2)), Caps(compressed=10))["results"] == []
