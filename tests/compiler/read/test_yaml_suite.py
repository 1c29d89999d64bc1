import json

import pytest

from mcphub_gitops.compiler.diagnostic import render
from mcphub_gitops.compiler.read.syntax import parse, plain
from tests.support.shared import needs_shared_data
from tests.support.yaml_suite import Case, read_cases

CASES = {case.name: case for case in read_cases()}
OURS = {"MH101", "MH106", "MH107", "MH108"}
"""What we refuse although it is YAML: odd line breaks, directives, anchors, tags, keys that are no scalars, streams."""

LIBYAML = 50
"""How many of the valid cases libyaml itself does not read; the most that are left out of the rest."""


@needs_shared_data
def test_the_suite_is_there() -> None:
    assert len(CASES) == 402
    assert sum(case.fails for case in CASES.values()) == 94


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_invalid_case_is_accepted_and_a_valid_one_means_what_it_says(case: Case) -> None:
    parsed = parse("case.yaml", case.text.encode())
    if parsed.diagnostics:
        shown = "".join(render(each, {"case.yaml": parsed.source}) for each in parsed.diagnostics)
        assert shown.startswith("case.yaml:")
        return
    assert not case.fails
    assert parsed.root is not None
    if case.json is not None:
        found, meant = plain(parsed.root), json.loads(case.json)
        assert json.dumps(found, sort_keys=True) == json.dumps(meant, sort_keys=True)


@needs_shared_data
def test_what_is_refused_of_the_valid_cases_is_what_we_mean_to_refuse() -> None:
    codes = [
        {each.code.name for each in parse("t", case.text.encode()).diagnostics}
        for case in CASES.values()
        if not case.fails
    ]
    assert sum(1 for each in codes if each and not each & OURS) <= LIBYAML
    assert sum(1 for each in codes if not each) >= 168
