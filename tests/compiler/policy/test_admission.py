from mcphub_gitops.compiler.policy.admission import facts_of_admission
from mcphub_gitops.compiler.policy.facts import facts_of_hub
from mcphub_gitops.compiler.policy.vocabulary import facts_of
from tests.support.grouped import GROUPED
from tests.support.hubs import hub_of

HUB = GROUPED.replace("profiles:\n", "profiles:\n  closed: {servers: [notes]}\n")


def test_who_reaches_what_is_told_of_tokens_and_of_profiles() -> None:
    found = facts_of_admission(hub_of(HUB))
    assert found["groups"] == ["platform"]
    assert found["principals"] == [
        {
            "name": "ci",
            "groups": ["platform"],
            "store": "env",
            "reference": "env://CI",
            "whole": True,
            "profiles": ["readers"],
        },
        {
            "name": "desk",
            "groups": ["support"],
            "store": "corp",
            "reference": "store://corp/a/b#c",
            "whole": False,
            "profiles": ["readers"],
        },
    ]
    assert found["profiles"] == [
        {"name": "closed", "path": "/closed/mcp", "groups": [], "servers": ["notes"], "principals": []},
        {
            "name": "readers",
            "path": "/readers/mcp",
            "groups": ["support", "platform"],
            "servers": ["notes"],
            "principals": ["ci", "desk"],
        },
    ]


def test_the_gateways_own_token_is_no_principal() -> None:
    found = facts_of_admission(hub_of(HUB.partition("  readers:")[0]))
    assert (found["groups"], found["principals"]) == ([], [])
    assert [each["principals"] for each in found["profiles"]] == [[]]


def test_these_facts_are_those_of_the_schema() -> None:
    given = facts_of_hub(hub_of(HUB), None).hub
    for kind, key in (("principal", "principals"), ("profile", "profiles")):
        for each in given[key]:
            assert each.keys() == {fact.name for fact in facts_of(kind)}
