"""When a saved plan still holds, and what is said where it does not."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.plan.desired import Desired, build
from mcphub_gitops.compiler.plan.deviation import find_deviations
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.plan import OpType
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.compiler.plan.staleness import find_moved, find_unlike, find_unmended
from tests.support.cases import as_observed
from tests.support.hubs import hub_of, lock_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py], env: {LEVEL: info}}
  search: {image: "registry.example/search:3"}
  time: {package: "pypi:mcp-server-time@1", args: [-v]}
"""
TOOLS = {"notes": ("add",), "search": ("find",), "time": ("now",)}


def desired_of(text: str) -> Desired:
    hub = hub_of(text)
    desired, problems = build(hub, *lock_of(hub, TOOLS))
    assert problems == ()
    return desired


BEFORE, AFTER = as_observed(desired_of(HUB)), desired_of(HUB.replace("info", "debug"))
PLAN = reconcile(AFTER, BEFORE, Options())


def stopped(observed: Observed) -> Observed:
    containers = {name: replace(each, state="exited", exit_code=1) for name, each in observed.containers.items()}
    return replace(observed, containers=MappingProxyType(containers))


def test_every_object_is_told_with_what_was_expected_and_what_is_found() -> None:
    now = replace(as_observed(desired_of(HUB.replace("info", "warn"))), generation="sha256:2")
    first, second = map(str, find_moved(PLAN, now))
    assert first == "generation: the plan was made when it was sha256:1; now it is sha256:2"
    assert second.startswith("server.notes: the plan was made when it was applied as sha256:")
    assert second.endswith(" (env.LEVEL was info, and is warn)")


def test_what_is_no_longer_applied_is_told() -> None:
    (moved,) = find_moved(PLAN, replace(BEFORE, servers=MappingProxyType({})))
    assert (moved.address, moved.found, moved.facts) == ("server.notes", "absent", ())


def test_many_facts_are_told_in_part() -> None:
    words = ", ".join(f"V{number}: a" for number in range(9))
    plan = reconcile(desired_of(HUB.replace("LEVEL: info", words)), BEFORE, Options())
    now = as_observed(desired_of(HUB.replace("LEVEL: info", words.replace(": a", ": b"))))
    (moved,) = find_moved(plan, now)
    assert moved.facts[0] == "env.LEVEL was info, and is absent"
    assert moved.facts[-1] == "5 more"


def test_a_file_that_came_among_the_code_is_told() -> None:
    now = replace(BEFORE, files=MappingProxyType({**BEFORE.files, "srv/new.py": "sha256:3"}))
    (moved,) = find_moved(PLAN, now)
    assert str(moved).startswith("file.srv/new.py: the plan was made when it was no part of the code; now it is among")
    assert not reconcile(AFTER, now, Options()).applyable


@pytest.mark.parametrize(
    ("now", "unmended"),
    [
        (stopped(BEFORE), "server.search: its container is not running (exited, status 1)"),
        (
            replace(BEFORE, containers=MappingProxyType({}), images=frozenset()),
            "server.search: its container is gone",
        ),
        (
            replace(BEFORE, environments=frozenset()),
            "server.time: the installed files of mcp-server-time==1 are gone or were changed",
        ),
    ],
)
def test_a_change_elsewhere_does_not_make_a_plan_stale(now: Observed, unmended: str) -> None:
    assert find_moved(PLAN, now) == ()
    anew = reconcile(AFTER, now, Options())
    assert len(anew.operations) > len(PLAN.operations)
    assert find_unlike(PLAN, anew) == ()
    assert find_unmended(PLAN, anew) == (unmended,)


def test_what_is_left_behind_elsewhere_does_not_make_a_plan_stale() -> None:
    now = replace(BEFORE, environments=BEFORE.environments | {"sha256:9"}, scratch=BEFORE.scratch | {"old"})
    anew = reconcile(AFTER, now, Options())
    assert {OpType.PRUNE, OpType.RETIRE} <= {each.type for each in anew.operations}
    assert find_unlike(PLAN, anew) == ()


def test_a_container_of_the_plan_that_stopped_makes_it_stale() -> None:
    plan = reconcile(desired_of(HUB), stopped(BEFORE), Options())
    assert [each.address for each in plan.drift] == ["server.search"]
    (moved,) = find_moved(plan, BEFORE)
    assert moved.expected.startswith("exited, made from sha256:")
    assert moved.found.startswith("running, made from sha256:")


@pytest.mark.parametrize("dropped", [OpType.PROBE, OpType.SWITCH])
def test_an_edited_plan_that_leaves_an_act_out_is_not_what_its_hub_needs(dropped: OpType) -> None:
    kept = tuple(each for each in PLAN.operations if each.type is not dropped)
    edited = replace(PLAN, operations=kept, base=(), changes=PLAN.changes)
    assert find_unlike(edited, reconcile(AFTER, BEFORE, Options())) != ()


def test_an_edited_plan_that_leaves_a_change_out_is_not_what_its_hub_needs() -> None:
    edited = replace(PLAN, operations=PLAN.operations[-1:], changes=PLAN.changes[-1:], base=PLAN.base[:1])
    assert "server.notes" in find_unlike(edited, reconcile(AFTER, BEFORE, Options()))


def test_a_plan_that_does_more_is_not_what_its_hub_needs() -> None:
    (stray,) = reconcile(AFTER, replace(BEFORE, environments=BEFORE.environments | {"sha256:9"}), Options()).operations[
        -1:
    ]
    edited = replace(PLAN, operations=(*PLAN.operations, stray))
    assert find_unlike(edited, PLAN) == ("environment.sha256:9",)


def test_a_switch_that_mends_what_a_plan_does_not_touch_does_not_make_it_stale() -> None:
    stray = replace(BEFORE, environments=BEFORE.environments | {"sha256:9"})
    plan = reconcile(desired_of(HUB), stray, Options())
    assert {each.type for each in plan.operations} == {OpType.PRUNE}
    anew = reconcile(desired_of(HUB), stopped(stray), Options())
    assert OpType.SWITCH in {each.type for each in anew.operations}
    assert find_unlike(plan, anew) == ()


def test_a_container_of_a_server_that_nobody_knows_was_made_outside() -> None:
    (search,) = BEFORE.containers.values()
    stray = replace(search, name="mcphub-acme-old", server="old")
    observed = replace(BEFORE, containers=MappingProxyType({**BEFORE.containers, stray.name: stray}))
    assert [(each.address, each.detail) for each in find_deviations(desired_of(HUB), observed)] == [
        ("container.mcphub-acme-old", "it has the hub's labels, and is none of its containers")
    ]
