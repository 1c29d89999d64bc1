import json

from mcphub_gitops.compiler.report.gitlab import render_gitlab
from tests.compiler.report.reports import NOTE, WARNING, problems, report_of


def test_a_report_has_what_gitlab_reads() -> None:
    report = report_of(*problems(1, NOTE), *problems(1, WARNING), *problems(2, detail="It\nis."), folder="hubs")
    found = json.loads(render_gitlab(report))
    assert [each["severity"] for each in found] == ["critical", "critical", "minor", "info"]
    assert [each["check_name"] for each in found] == ["MH901", "MH901", "MH902", "MH903"]
    assert found[0]["description"] == "It is wrong. It<U+000A>is."
    assert found[1]["location"] == {"path": "hubs/f", "lines": {"begin": 2, "end": 2}}
    assert len({each["fingerprint"] for each in found}) == 4


def test_nothing_wrong_is_an_empty_list() -> None:
    assert json.loads(render_gitlab(report_of())) == []
