from pathlib import Path

from mcphub_gitops.compiler.policy.cases import run_cases, unknown_rules
from mcphub_gitops.compiler.policy.check import read_policies

FOLDER = Path(__file__).parents[2] / "examples" / "policies"
FILES = {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.glob("**/*.yaml")}


def test_the_ready_policies_are_right_and_every_rule_is_seen_at_work() -> None:
    policies, problems = read_policies(FILES)
    assert problems == ()
    assert list(unknown_rules(policies)) == []
    tested = run_cases(policies)
    assert [(each.case.name, each.misses) for each in tested.outcomes if each.misses] == []
    assert [rule.name for rule in tested.untested] == []
    assert len(tested.outcomes) > 20


def test_every_rule_is_also_seen_to_allow_something() -> None:
    policies, _ = read_policies(FILES)
    allowed = {
        rule.value
        for policy in policies
        for case in policy.cases
        for rule, expected in case.expect
        if expected == "allowed"
    }
    assert {rule.name for policy in policies for rule in policy.rules} - allowed == set()


def test_each_file_has_its_cases_beside_it() -> None:
    names = {name for name in FILES if not name.startswith("tests/")}
    assert {f"tests/{name}" for name in names} == FILES.keys() - names
