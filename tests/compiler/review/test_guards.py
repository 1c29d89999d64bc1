"""What a change of policies does to what they let pass."""

import pytest

from mcphub_gitops.compiler.policy.document import read_policy
from mcphub_gitops.compiler.policy.model import PolicyFile
from mcphub_gitops.compiler.review.guard import compare_guards, describe_weakening
from mcphub_gitops.compiler.review.model import Weight

RULE = (
    "  - {name: calm, level: deny-unless-approved, match: {kind: server}, deny: server.privileged, message: calm,"
    " help: x}\n"
)
WHEN = RULE.replace("kind: server}", "kind: server, when: server.hostPid}")
OTHER = "  - {name: few, level: warn, match: {kind: hub}, deny: hub.toolCount > 90, message: too many}\n"
WAIVER = "  - {rule: calm, subject: notes, owner: us, reason: why not, expires: 2999-12-31}\n"
TAG = "  - {tag: own, kind: server, when: \"server.owner != ''\"}\n"

WEAKER, UNSURE, STRONGER, SAME = Weight.WEAKER, Weight.UNSURE, Weight.STRONGER, Weight.SAME


def policy(rules: str = RULE, waivers: str = "", tags: str = "") -> PolicyFile:
    lists = (f"{key}:\n{items}" for key, items in (("rules", rules), ("waivers", waivers), ("tags", tags)) if items)
    found, problems = read_policy("policies/a.yaml", f"apiVersion: mcphub/policy/v1\n{''.join(lists)}".encode())
    assert problems == ()
    return found


@pytest.mark.parametrize(
    ("before", "after", "mark", "weight"),
    [
        (policy(RULE + OTHER), policy(), "-", WEAKER),
        (policy(), policy(RULE + OTHER), "+", STRONGER),
        (policy(), policy(RULE.replace("deny-unless-approved", "warn")), "~", WEAKER),
        (policy(), policy(RULE.replace("deny-unless-approved", "deny")), "~", STRONGER),
        (policy(RULE.replace("deny-unless-approved", "deny")), policy(), "~", WEAKER),
        (policy(), policy(WHEN), "~", WEAKER),
        (policy(WHEN), policy(), "~", STRONGER),
        (policy(WHEN), policy(WHEN.replace("server.hostPid", "server.privileged")), "~", UNSURE),
        (policy(), policy(RULE.replace("server.privileged", "server.hostPid")), "~", UNSURE),
        (
            policy(OTHER),
            policy(OTHER.replace("{kind: hub}", "{kind: server}").replace("hub.toolCount > 90", "'true'")),
            "~",
            UNSURE,
        ),
        (policy(), policy(RULE.replace("message: calm", "message: quiet")), "~", SAME),
        (policy(), policy(RULE.replace(", help: x", "")), "~", SAME),
        (
            policy(),
            policy(RULE.replace("message: calm", "message: quiet").replace("-unless-approved", "")),
            "~",
            STRONGER,
        ),
        (policy(), policy(waivers=WAIVER), "+", WEAKER),
        (policy(waivers=WAIVER), policy(), "-", STRONGER),
        (policy(waivers=WAIVER.replace("2999", "2998")), policy(waivers=WAIVER), "~", WEAKER),
        (policy(waivers=WAIVER), policy(waivers=WAIVER.replace("2999", "2998")), "~", STRONGER),
        (policy(waivers=WAIVER), policy(waivers=WAIVER.replace("owner: us", "owner: them")), "~", SAME),
        (policy(), policy(tags=TAG), "+", UNSURE),
        (policy(tags=TAG), policy(), "-", UNSURE),
        (policy(tags=TAG), policy(tags=TAG.replace("!=", "==")), "~", UNSURE),
    ],
)
def test_what_one_change_does(before: PolicyFile, after: PolicyFile, mark: str, weight: Weight) -> None:
    changes = compare_guards([before], [after])
    assert [(each.mark, each.weight) for each in changes] == [(mark, weight)]
    assert changes[0].fields
    assert changes[0].span is not None


def test_a_waiver_that_comes_or_goes_with_its_rule_lets_nothing_more_pass() -> None:
    bare, whole = policy(OTHER), policy(OTHER + RULE, WAIVER)
    came, went = compare_guards([bare], [whole]), compare_guards([whole], [bare])
    assert [(each.kind, each.weight) for each in came] == [("rule", STRONGER), ("waiver", SAME)]
    assert [(each.kind, each.weight) for each in went] == [("rule", WEAKER), ("waiver", SAME)]


def test_another_subject_of_a_waiver_is_another_waiver() -> None:
    changes = compare_guards([policy(waivers=WAIVER)], [policy(waivers=WAIVER.replace("notes", "'*'"))])
    assert [(each.mark, each.subject, each.weight) for each in changes] == [
        ("+", "*", WEAKER),
        ("-", "notes", STRONGER),
    ]


def test_of_several_waivers_for_the_same_each_counts() -> None:
    later = WAIVER.replace("2999", "2998")
    changes = compare_guards([policy(waivers=WAIVER)], [policy(waivers=WAIVER + later)])
    assert [(each.mark, each.fields[0].after) for each in changes] == [("+", "2998-12-31")]
    both = compare_guards(
        [policy(waivers=WAIVER + later)], [policy(waivers=WAIVER.replace("us", "a") + later.replace("us", "b"))]
    )
    assert [each.mark for each in both] == ["+", "+", "-", "-"]


def test_neither_file_nor_order_counts() -> None:
    assert compare_guards([policy(RULE + OTHER)], [policy(OTHER), policy(RULE)]) == ()


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (policy(), policy(), ""),
        (policy(), policy(RULE + OTHER), ""),
        (policy(RULE + OTHER), policy(RULE), "Policies let more pass: 1 rule is gone"),
        (
            policy(RULE + OTHER),
            policy(RULE.replace("deny-unless-approved", "warn"), WAIVER),
            "Policies let more pass: 1 rule is gone, 1 rule is weaker, 1 waiver is new",
        ),
        (policy(RULE + OTHER, WAIVER), policy("", ""), "Policies let more pass: 2 rules are gone"),
        (policy(), policy(RULE.replace("server.privileged", "'false'")), "Policies may let more pass: 1 part changed"),
        (
            policy(WHEN, tags=TAG),
            policy(WHEN.replace("server.hostPid", "'true'")),
            "Policies may let more pass: 2 parts changed",
        ),
    ],
)
def test_the_headline_of_policies(before: PolicyFile, after: PolicyFile, sentence: str) -> None:
    assert describe_weakening(compare_guards([before], [after])) == sentence
