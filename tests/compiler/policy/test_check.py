import pytest

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.policy.check import Checked, check_policies, read_policies
from mcphub_gitops.compiler.policy.document import MAX_BYTES, read_policy
from tests.support.hubs import hub_of
from tests.support.policies import policy_of

HUB = hub_of("""\
apiVersion: mcphub/v1
name: acme
servers:
  a: {image: "notes:3"}
  b: {image: "notes:4"}
""")
RULE = """\
rules:
  - {{name: pinned, level: {level}, match: {{kind: server}}, deny: "true", message: Pin it., help: "{help}"}}
"""


def check(
    level: str, waivers: str = "", as_of: str = "2026-06-15", *, is_whole: bool = True, help_: str = ""
) -> Checked:
    text = RULE.format(level=level, help=help_ or "pin")
    policy = policy_of(text + ("waivers:\n" + waivers if waivers else ""))
    return check_policies(HUB, None, [policy], as_of, is_whole=is_whole)


def waiver(subject: str, expires: str, reason: str = "later") -> str:
    return f'  - {{rule: pinned, subject: "{subject}", owner: ann, reason: {reason}, expires: {expires}}}\n'


def said(checked: Checked) -> list[tuple[str, str]]:
    return [(each.subject, each.outcome) for each in checked.verdicts]


@pytest.mark.parametrize(
    ("level", "outcome", "code"),
    [
        ("warn", "warned", codes.DISCOURAGED),
        ("deny", "denied", codes.DENIED),
        ("deny-unless-approved", "denied", codes.UNAPPROVED),
    ],
)
def test_what_follows_is_the_level(level: str, outcome: str, code: codes.Code) -> None:
    checked = check(level)
    assert said(checked) == [("a", outcome), ("b", outcome)]
    assert {each.code for each in checked.diagnostics} == {code}
    assert [each.span.start.line for each in checked.diagnostics] == [4, 5]
    assert {each.notes[0].span.source for each in checked.diagnostics} == {"policies/base.yaml"}
    assert [source.name for source in checked.sources] == ["policies/base.yaml"]


@pytest.mark.parametrize(("as_of", "outcome"), [("2026-06-15", "waived"), ("2026-06-16", "denied")])
def test_a_waiver_holds_through_its_last_day(as_of: str, outcome: str) -> None:
    checked = check("deny-unless-approved", waiver("a", "2026-06-15"), as_of)
    assert said(checked) == [("a", outcome), ("b", "denied")]
    found = checked.verdicts[0].waiver
    assert found is not None
    assert found.expires == "2026-06-15"
    assert (codes.WAIVER_EXPIRED in {each.code for each in checked.diagnostics}) == (outcome == "denied")


def test_of_several_waivers_the_one_that_holds_longest_counts() -> None:
    checked = check("warn", waiver("*", "2026-06-14", "old") + waiver("a", "2026-07-01", "new"))
    assert said(checked) == [("a", "waived"), ("b", "warned")]
    assert [each.waiver.reason if each.waiver else "" for each in checked.verdicts] == ["new", "old"]


def test_a_waiver_of_a_rule_that_only_denies_lifts_nothing() -> None:
    checked = check("deny", waiver("a", "2026-07-01"))
    assert said(checked) == [("a", "denied"), ("b", "denied")]
    assert [each.code for each in checked.diagnostics] == [codes.DENIED, codes.DENIED, codes.POLICY_NAME]


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_waiver_that_nothing_needs_is_told_when_all_is_known(*, is_whole: bool) -> None:
    checked = check("warn", waiver("c", "2026-07-01"), is_whole=is_whole)
    assert (codes.WAIVER_UNUSED in {each.code for each in checked.diagnostics}) == is_whole


def test_help_tells_of_approval_beside_what_the_rule_says() -> None:
    assert (
        check("deny-unless-approved").diagnostics[0].help.startswith("pin; or have it approved: a waiver for `pinned`")
    )
    assert check("deny").diagnostics[0].help == "pin"


def test_policies_are_read_in_the_order_of_their_names() -> None:
    rule = RULE.format(level="warn", help="h")
    files = {"b.yaml": f"apiVersion: mcphub/policy/v1\n{rule}".encode(), "a.yaml": b"apiVersion: mcphub/policy/v1\n"}
    policies, problems = read_policies({**files, "c.yaml": files["b.yaml"]})
    assert [policy.source.name for policy in policies] == ["a.yaml", "b.yaml", "c.yaml"]
    (problem,) = problems
    assert (problem.code, problem.span.source, problem.notes[0].span.source) == (codes.POLICY_NAME, "c.yaml", "b.yaml")


def test_a_policy_is_bounded() -> None:
    policy, (problem,) = read_policy("p.yaml", b"a" * (MAX_BYTES + 1))
    assert problem.code is codes.TOO_LARGE
    assert policy.rules == ()


def test_a_condition_that_is_too_long_is_told_once() -> None:
    text = RULE.format(level="warn", help="h").replace('"true"', '"' + "true || " * 300 + 'true"')
    policy, problems = read_policy("p.yaml", f"apiVersion: mcphub/policy/v1\n{text}".encode())
    assert [each.code for each in problems] == [codes.BAD_VALUE]
    assert policy.rules == ()


def test_what_cannot_be_decided_is_refused_at_the_server() -> None:
    text = RULE.format(level="warn", help="h").replace('"true"', "\"server.env[0] == ''\"")
    checked = check_policies(HUB, None, [policy_of(text)], "2026-06-15", is_whole=True)
    assert [(each.code, each.span.start.line) for each in checked.diagnostics] == [
        (codes.UNDECIDED, 4),
        (codes.UNDECIDED, 5),
    ]
    assert checked.verdicts == ()


def test_a_waiver_that_names_no_rule_is_told() -> None:
    checked = check("warn", waiver("a", "2026-07-01").replace("rule: pinned", "rule: pined"))
    problem = checked.diagnostics[-1]
    assert (problem.code, problem.help) == (codes.POLICY_NAME, "did you mean `pinned`?")
