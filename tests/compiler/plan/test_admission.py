import pytest

from mcphub_gitops.compiler.plan.admission import OPERATOR, Admission, DesiredToken, describe_admission, is_admission
from mcphub_gitops.compiler.plan.desired import Desired, build
from mcphub_gitops.compiler.plan.file import read_plan, write_plan
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.plan import Plan
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from tests.support.grouped import GROUPED
from tests.support.hubs import hub_of, lock_of


def desired(text: str = GROUPED) -> Desired:
    hub = hub_of(text)
    found, problems = build(hub, *lock_of(hub, {"notes": ("add",)}))
    assert problems == ()
    return found


def test_a_path_is_reached_by_who_shares_a_group_with_it() -> None:
    admission = desired().admission
    assert admission.reaching(admission.groups) == ("ci",)
    assert admission.reaching(("support", "platform")) == ("ci", "desk")
    assert admission.reaching(()) == ()
    assert Admission().reaching(()) == Admission().reaching(("support",)) == (OPERATOR,)


def test_the_stores_that_tokens_are_in_are_part_of_it() -> None:
    assert list(desired().admission.stores) == ["corp"]


def test_a_saved_plan_holds_who_may_reach_what() -> None:
    plan = reconcile(desired(), Observed(), Options())
    saved = read_plan(write_plan(plan))
    assert isinstance(saved, Plan)
    assert saved == plan
    assert saved.desired.admission == desired().admission
    assert saved.desired.profiles[0].groups == ("platform", "support")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  groups: [platform]\n", "  groups: [support]\n"),
        ("env://CI", "env://OTHER"),
        ('env://CI", groups: [platform]', 'env://CI", groups: [platform, support]'),
        ("readers: {groups: [support, platform]", "readers: {groups: [support]"),
        ("      ci:", "      cd:"),
        ("https://vault.acme", "https://vault2.acme"),
    ],
)
def test_whoever_may_reach_something_else_is_another_review(before: str, after: str) -> None:
    assert before in GROUPED
    assert desired(GROUPED.replace(before, after)).review_digest() != desired().review_digest()


def test_the_order_in_which_groups_are_named_is_none() -> None:
    swapped = GROUPED.replace("[support, platform]", "[platform, support]")
    assert desired(swapped).review_digest() == desired().review_digest()


def test_a_store_that_no_token_and_no_server_is_in_is_not_reviewed() -> None:
    assert desired(GROUPED.replace("https://other", "https://elsewhere")).review_digest() == desired().review_digest()


def test_every_fact_of_it_is_said_in_words_and_no_other_is_one() -> None:
    facts = desired().gateway()
    said = {name: describe_admission(name, value) for name, value in facts.items() if is_admission(name)}
    assert said == {
        "group.platform": "the whole hub for the group platform",
        "profile.readers.group.platform": "the profile readers for the group platform",
        "profile.readers.group.support": "the profile readers for the group support",
        "token.ci": "the gateway for the token ci (env://CI)",
        "token.ci.group.platform": "the group platform for the token ci",
        "token.desk": "the gateway for the token desk (store://corp/a/b#c)",
        "token.desk.group.support": "the group support for the token desk",
        "tokenStore.corp": (
            "tokens of the store corp (address=https://vault.acme.example credential=env://VAULT_TOKEN method=token"
            " mount=secret version=2)"
        ),
    }
    assert {name for name in facts if not is_admission(name)} == {
        *("hub", "listen", "profile.readers.path", "profile.readers.server.notes", "profile.readers.tool.add"),
    }


def test_a_group_with_a_dot_in_its_name_is_one_group() -> None:
    token = DesiredToken(name="ci", value="env://CI", groups=("a.group.b",))
    facts = dict(Admission(tokens=(token,), groups=("a.group.b",)).facts())
    assert describe_admission("token.ci.group.a.group.b", facts["token.ci.group.a.group.b"]) == (
        "the group a.group.b for the token ci"
    )
    assert describe_admission("group.a.group.b", facts["group.a.group.b"]) == "the whole hub for the group a.group.b"
