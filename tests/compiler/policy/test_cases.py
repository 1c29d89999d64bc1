from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.policy.cases import run_cases, unknown_rules
from tests.support.policies import policy_of

RULES = """\
rules:
  - {name: owned, level: deny, match: {kind: server}, deny: "server.owner == ''", message: m}
  - {name: few, level: warn, match: {kind: tool}, deny: "tool.tokens > 10", message: m}
  - {name: first, level: warn, match: {kind: server}, deny: "server.env[0] == 'x'", message: m}
waivers:
  - {rule: few, subject: "*", owner: ann, reason: r, expires: 9999-12-31}
"""


def outcomes(tests: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    tested = run_cases([policy_of(RULES), policy_of("tests:\n" + tests)])
    return [
        (each.case.name, [(miss.rule.value, miss.found, miss.reason) for miss in each.misses])
        for each in tested.outcomes
    ]


def test_a_case_passes_when_every_rule_says_what_was_expected() -> None:
    found = outcomes(
        "  - name: nobody's\n    given: [{server: {}, tools: [{tokens: 11}]}]\n"
        "    expect: {owned: denied, few: denied}\n"
        "  - name: somebody's\n    given: [{server: {owner: x}}]\n    expect: {owned: allowed, few: allowed}\n"
    )
    assert found == [("nobody's", []), ("somebody's", [])]


def test_a_miss_says_what_happened_instead() -> None:
    found = outcomes(
        "  - {name: a, given: [{server: {name: a}}, {server: {name: b}}], expect: {owned: allowed}}\n"
        "  - {name: b, given: [{server: {name: a}}], expect: {owned: allowed}}\n"
        "  - {name: c, given: [{server: {name: a}}], expect: {few: denied}}\n"
        "  - {name: d, given: [{server: {name: a}}], expect: {first: denied}}\n"
        "  - {name: e, given: [], expect: {first: allowed}}\n"
    )
    assert found == [
        ("a", [("owned", "denied", "`a`, `b` break it")]),
        ("b", [("owned", "denied", "`a` breaks it")]),
        ("c", [("few", "allowed", "nothing that is given breaks it")]),
        ("d", [("first", "denied", "it cannot be decided: Index error: index=0 size=0")]),
        ("e", []),
    ]


def test_a_rule_that_no_case_is_denied_by_is_untested() -> None:
    tests = "tests:\n  - {name: a, given: [{server: {}}], expect: {owned: denied, few: allowed}}\n"
    tested = run_cases([policy_of(RULES + tests)])
    assert [rule.name for rule in tested.untested] == ["few", "first"]


def test_a_case_that_names_no_rule_is_told() -> None:
    policy = policy_of(RULES + "tests:\n  - {name: a, given: [], expect: {ownd: denied, few: allowed}}\n")
    (problem,) = unknown_rules([policy])
    assert problem.code is codes.POLICY_NAME
    assert problem.help == "did you mean `owned`?"
