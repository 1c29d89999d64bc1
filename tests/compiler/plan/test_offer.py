"""Prompts and resources in desired state and in saved plans."""

import json
from typing import Any

from mcphub_gitops.compiler.canonical import encode, fingerprint
from mcphub_gitops.compiler.plan.desired import Desired, build
from mcphub_gitops.compiler.plan.file import Unusable, read_plan, write_plan
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.plan import Plan
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from tests.support.hubs import hub_of, lock_of
from tests.support.offers import with_offers

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py], prefix: n, uris: {deny: ["note://no"]}}
"""
ALL = {"prompts": ["summary"], "resources": ["note://1"], "templates": ["note://{id}"]}


def desired_of(offers: dict[str, Any], text: str = HUB) -> Desired:
    hub = hub_of(text)
    lock, definitions = lock_of(hub, {"notes": ("add",)})
    lock, others = with_offers(hub, lock, {"notes": offers})
    desired, problems = build(hub, lock, definitions, others)
    assert problems == ()
    return desired


def plan_of(offers: dict[str, Any]) -> Plan:
    return reconcile(desired_of(offers), Observed(), Options())


def test_what_is_served_is_part_of_the_facts() -> None:
    (server,) = desired_of(ALL).servers
    facts = server.fields()
    assert facts["prompt.n_summary"] == f"summary {fingerprint({'name': 'summary'})}"
    assert facts["resource.note://1"] == fingerprint({"uri": "note://1"})
    assert facts["template.note://{id}"] == fingerprint({"uriTemplate": "note://{id}"})
    assert facts["shut.note://no"] == "not read"


def test_what_is_shut_matters_where_a_template_could_be_read_through() -> None:
    (server,) = desired_of({"resources": ["note://1"]}).servers
    assert server.offers.shut == ()


def test_what_is_held_to_the_lock_has_the_servers_own_names() -> None:
    (server,) = desired_of(ALL).servers
    assert server.offers.locked() == {
        "prompts": {"summary": fingerprint({"name": "summary"})},
        "resources": {"note://1": fingerprint({"uri": "note://1"})},
        "templates": {"note://{id}": fingerprint({"uriTemplate": "note://{id}"})},
    }


def test_clients_see_a_prompt_under_its_name() -> None:
    (server,) = desired_of(ALL).servers
    assert [each.exposed for each in server.offers.served] == [
        {"name": "n_summary"},
        {"uri": "note://1"},
        {"uriTemplate": "note://{id}"},
    ]


def test_a_saved_plan_is_read_as_it_was() -> None:
    plan = plan_of(ALL)
    assert read_plan(write_plan(plan)) == plan
    assert plan.desired.review_digest() != plan_of({}).desired.review_digest()


def test_a_saved_plan_without_any_is_as_it_was_before() -> None:
    (entry,) = json.loads(write_plan(plan_of({})))["desired"]["servers"].values()
    assert entry.keys().isdisjoint({"prompts", "resources", "templates", "shut"})


def test_a_plan_with_another_definition_is_refused() -> None:
    document = json.loads(write_plan(plan_of(ALL)))
    document["desired"]["servers"]["notes"]["prompts"]["n_summary"]["definition"]["description"] = "Poisoned."
    found = read_plan(encode(document) + b"\n")
    assert isinstance(found, Unusable)
    assert "prompt" in found.reason


def test_definitions_that_nobody_has_read_are_their_names() -> None:
    hub = hub_of(HUB)
    lock, definitions = lock_of(hub, {"notes": ("add",)})
    lock, _ = with_offers(hub, lock, {"notes": {"prompts": [{"name": "summary", "title": "Sum"}]}})
    (server,) = build(hub, lock, definitions)[0].servers
    assert [each.definition for each in server.offers.served] == [{"name": "summary"}]
    assert not server.offers.served[0].is_locked
