"""What makes two sets of policies the same."""

import pytest

from mcphub_gitops.compiler.policy.identity import policy_digest
from tests.support.policies import policy_of

RULE = """\
rules:
  - name: calm
    level: warn
    match: {kind: server, when: "server.kind == 'process'"}
    deny: server.privileged
    message: Be calm.
    help: Ask first.
  - {name: few, level: deny, match: {kind: hub}, deny: "hub.toolCount > 90", message: too many}
tags:
  - {tag: own, kind: server, when: "server.owner != ''"}
waivers:
  - {rule: calm, subject: notes, owner: us, reason: why not, expires: 2999-12-31}
"""
CASES = "tests:\n  - {name: a, given: [{server: {privileged: true}}], expect: {calm: denied}}\n"


def digest_of(*texts: str) -> str:
    return policy_digest([policy_of(text) for text in texts])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: calm", "name: calmer"),
        ("level: warn", "level: deny"),
        ("level: deny, match: {kind: hub}", "level: warn, match: {kind: hub}"),
        ("kind == 'process'", "kind == 'remote'"),
        ("deny: server.privileged", "deny: '!server.privileged'"),
        ("Be calm.", "Be quiet."),
        ("Ask first.", "Ask."),
        ("tag: own", "tag: theirs"),
        ("server.owner != ''", "server.owner == ''"),
        ("subject: notes", "subject: time"),
        ("owner: us", "owner: them"),
        ("reason: why not", "reason: because"),
        ("2999-12-31", "2999-12-30"),
    ],
)
def test_whatever_decides_or_is_told_is_covered(old: str, new: str) -> None:
    assert RULE.replace(old, new) != RULE
    assert digest_of(RULE.replace(old, new)) != digest_of(RULE)


def test_the_kind_of_a_tag_and_the_rule_of_a_waiver_are_covered() -> None:
    always = RULE.replace("\"server.owner != ''\"", '"true"')
    assert digest_of(always.replace("own, kind: server", "own, kind: tool")) != digest_of(always)
    assert digest_of(RULE.replace("rule: calm", "rule: few")) != digest_of(RULE)


def test_files_order_comments_and_cases_are_not() -> None:
    head, _, waivers = RULE.partition("waivers:\n")
    assert digest_of(head, f"waivers:\n{waivers}") == digest_of(f"waivers:\n{waivers}", head) == digest_of(RULE)
    assert digest_of(f"# a comment\n{RULE}{CASES}") == digest_of(RULE)
