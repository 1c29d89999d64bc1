from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.policy.document import read_policy
from tests.support.policies import HEAD


def test_what_has_the_wrong_shape_is_left_out_and_told_once() -> None:
    text = (
        HEAD
        + """\
rules:
  - {name: kind, level: deny, match: {kind: servers}, deny: "true", message: x}
  - {name: bare, level: deny, match: {kind: server}, message: x}
  - {name: when, level: deny, match: {kind: server, when: 3}, deny: "true", message: x}
  - {level: deny, match: {kind: server}, deny: "true", message: x}
  - {name: level, level: forbid, match: {kind: server}, deny: "true", message: x}
  - {name: right, level: deny, match: {kind: server}, deny: "true", message: x}
tags:
  - {tag: network, kind: hub, when: "true"}
  - {kind: server, when: "true"}
  - {tag: right, kind: server, when: "true"}
waivers:
  - {rule: right, subject: a, owner: a, reason: r}
  - {subject: a, owner: a, reason: r, expires: 2026-01-01}
tests:
  - {given: [], expect: {right: denied}}
  - {name: facts, given: [{server: {mounts: {a: 1}}}, {server: 3}, {server: {image: 3}}], expect: {right: denied}}
  - {name: expected, given: 3, expect: {right: maybe}}
"""
    )
    policy, problems = read_policy("p.yaml", text.encode())
    assert [rule.name for rule in policy.rules] == ["right"]
    assert [tag.tag for tag in policy.tags] == ["right"]
    assert policy.waivers == ()
    assert [(case.name, len(case.given.servers), len(case.expect)) for case in policy.cases] == [
        ("facts", 3, 1),
        ("expected", 0, 0),
    ]
    lines = [each.span.start.line for each in problems]
    assert sorted(lines) == [3, 4, 5, 6, 7, 10, 11, 14, 15, 17, 18, 18, 18, 19, 19]


def test_what_is_worked_out_cannot_be_given() -> None:
    text = HEAD + "tests:\n  - {name: a, hub: {tokens: 1}, given: [{server: {toolCount: 1}}], expect: {a: denied}}\n"
    _, problems = read_policy("p.yaml", text.encode())
    assert [each.code for each in problems] == [codes.BAD_VALUE, codes.BAD_VALUE]


def test_a_document_that_is_no_yaml_has_no_rules() -> None:
    policy, (problem,) = read_policy("p.yaml", b"a: [")
    assert problem.code is codes.SYNTAX
    assert policy.rules == ()


def test_an_excerpt_of_a_policy_shows_no_token() -> None:
    policy, _ = read_policy("p.yaml", f"{HEAD}note: ghp_{'a' * 36}\n".encode())
    assert len(policy.source.hidden) == 1
