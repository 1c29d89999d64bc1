from dataclasses import replace
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.plan.desired import Desired, build
from mcphub_gitops.compiler.plan.observed import Isolation, Observed
from mcphub_gitops.compiler.plan.plan import Action, OpType, Plan
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.compiler.plan.staleness import find_moved
from mcphub_gitops.compiler.plan.text import render_plan
from tests.support.hubs import hub_of, lock_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py], secrets: {KEY: "env://KEY"}, paths: {write: [data]}}
  time: {package: "pypi:mcp-server-time@1", args: [-v]}
"""
TOOLS = {"notes": ("add", "list"), "time": ("get_time", "convert")}
OPTIONS = Options()


def desired_of(text: str) -> Desired:
    hub = hub_of(text)
    desired, problems = build(hub, *lock_of(hub, TOOLS))
    assert problems == ()
    return desired


def as_observed(desired: Desired) -> Observed:
    return Observed(
        servers=MappingProxyType({server.name: MappingProxyType(server.fields()) for server in desired.servers}),
        environments=frozenset(server.environment.digest for server in desired.servers if server.environment),
        files=MappingProxyType({path: digest for server in desired.servers for path, digest in server.files.items()}),
        generation="sha256:1",
        scratch=frozenset(server.name for server in desired.servers),
        gateway=MappingProxyType(desired.gateway()),
        state=desired.state_digest(),
        standing=MappingProxyType(desired.standing()),
    )


def shown(plan: Plan) -> list[tuple[str, str]]:
    kinds = {OpType.INSTALL: "", OpType.PRUNE: ""}
    return [(each.type.value, kinds.get(each.type, each.target)) for each in plan.operations]


def test_from_nothing() -> None:
    plan = reconcile(desired_of(HUB), Observed(), OPTIONS)
    assert shown(plan) == [("install", ""), ("probe", "notes"), ("probe", "time"), ("switch", "")]
    assert [change.action for change in plan.changes] == [Action.CREATE] * 3


def test_desired_as_observed_is_an_empty_plan() -> None:
    desired = desired_of(HUB)
    plan = reconcile(desired, as_observed(desired), OPTIONS)
    assert plan.is_empty
    assert plan.changes == ()


def test_a_change_names_the_field_that_forces_it() -> None:
    plan = reconcile(desired_of(HUB.replace("-v", "-q")), as_observed(desired_of(HUB)), OPTIONS)
    server, generation = plan.changes
    assert (server.address, server.action, server.fields[0].name) == ("server.time", Action.REPLACE, "args")
    assert generation.address == "generation"
    assert shown(plan) == [("probe", "time"), ("switch", "")]


def test_another_selection_updates_in_place() -> None:
    denied = HUB.replace("args: [-v]", "args: [-v], tools: {deny: [convert]}")
    plan = reconcile(desired_of(denied), as_observed(desired_of(HUB)), OPTIONS)
    change = plan.changes[0]
    assert (change.action, [each.name for each in change.fields]) == (
        Action.UPDATE,
        ["hidden.convert", "tool.convert"],
    )
    assert shown(plan) == [("probe", "time"), ("switch", "")]


def test_a_removed_server_is_retired_and_its_environment_pruned_last() -> None:
    only = "".join(line for line in HUB.splitlines(keepends=True) if "time" not in line)
    plan = reconcile(desired_of(only), as_observed(desired_of(HUB)), OPTIONS)
    assert shown(plan) == [("switch", ""), ("retire", "time"), ("prune", "")]
    kept = reconcile(desired_of(only), as_observed(desired_of(HUB)), Options(prune=False))
    assert shown(kept) == [("switch", ""), ("retire", "time")]


def test_a_lost_environment_is_installed_and_probed_again() -> None:
    desired = desired_of(HUB)
    plan = reconcile(desired, replace(as_observed(desired), environments=frozenset()), OPTIONS)
    assert shown(plan) == [("install", ""), ("probe", "time")]
    assert plan.changes == ()
    assert "its environment is installed anew" in render_plan(plan)


def test_a_damaged_generation_is_written_again() -> None:
    desired = desired_of(HUB)
    plan = reconcile(desired, replace(as_observed(desired), generation=""), OPTIONS)
    assert shown(plan) == [("switch", "")]


def test_a_lost_scratch_folder_is_made_again_and_a_forgotten_one_removed() -> None:
    desired = desired_of(HUB)
    plan = reconcile(desired, replace(as_observed(desired), scratch=frozenset({"time", "old"})), OPTIONS)
    assert shown(plan) == [("switch", ""), ("retire", "old")]


def test_a_moved_object_is_named() -> None:
    desired, observed = desired_of(HUB.replace("-v", "-q")), as_observed(desired_of(HUB))
    plan = reconcile(desired, observed, OPTIONS)
    assert find_moved(plan, observed) == ()
    (moved,) = find_moved(plan, replace(observed, generation="sha256:2"))
    assert str(moved) == "generation: the plan was made when it was sha256:1; now it is sha256:2"
    assert find_moved(plan, replace(observed, environments=frozenset({"x"}))) == ()


def test_a_file_that_a_probed_command_runs_is_part_of_the_plan() -> None:
    desired = desired_of(HUB)
    observed = replace(as_observed(desired), servers=MappingProxyType({}))
    plan = reconcile(desired, observed, OPTIONS)
    assert find_moved(plan, observed) == ()
    (moved,) = find_moved(plan, replace(observed, files=MappingProxyType({})))
    assert (moved.address, moved.found) == ("file.srv/notes.py", "absent")


def test_the_text_leads_with_permissions() -> None:
    isolation = Isolation(measures=("own session",), missing=("network: not restricted",))
    observed = Observed(isolation=MappingProxyType({"notes": isolation, "time": isolation}))
    text = render_plan(reconcile(desired_of(HUB), observed, OPTIONS))
    assert text.startswith(
        "Permissions:\n"
        "  + read access to srv -> server.notes\n"
        "  + secret KEY (env://KEY) -> server.notes\n"
        "  + write access to data -> server.notes\n"
    )
    assert "+ server.time will be created: it is new in the hub\n" in text
    assert "Isolation:\n  server.notes, server.time\n    + own session\n    - network: not restricted\n" in text
    assert "Plan: 2 to create, 0 to update, 0 to replace, 0 to destroy." in text


VARIANTS = st.sampled_from(
    [
        HUB,
        HUB.replace("-v", "-q"),
        HUB.replace("[data]", "[data, more]"),
        HUB.replace("args: [-v]", "tools: {allow: [convert]}, prefix: t"),
        HUB.replace('"}, paths', '"}, enabled: false, paths'),
        HUB.replace("@1", "@2"),
    ]
)


@given(VARIANTS, VARIANTS)
def test_reconcile_of_what_was_reached_is_empty(before: str, after: str) -> None:
    desired = desired_of(after)
    plan = reconcile(desired, as_observed(desired_of(before)), OPTIONS)
    assert plan.is_empty == (desired_of(before).state_digest() == desired.state_digest())
    assert reconcile(desired, as_observed(desired), OPTIONS).is_empty


def test_what_only_the_gateway_and_readers_ask_for_restarts_nothing() -> None:
    before = desired_of(HUB)
    for words, cause in (
        ("optional: true", "whether it may be missing changed"),
        ("tools: {describe: {add: Another word.}}", "the tools it serves changed"),
    ):
        after = desired_of(HUB.replace("notes: {", f"notes: {{{words}, "))
        plan = reconcile(after, as_observed(before), OPTIONS)
        change = next(each for each in plan.changes if each.address == "server.notes")
        assert (change.action, change.cause) == (Action.UPDATE, cause)
        assert shown(plan) == [("probe", "notes"), ("switch", "")]


def test_what_is_not_seen_is_written_out_in_a_plan() -> None:
    desired = desired_of(HUB.replace("notes: {", 'notes: {tools: {describe: {add: "a\\u00a0b"}}, '))
    assert "description.add = a\\u{a0}b" in render_plan(reconcile(desired, Observed(), OPTIONS))


def test_another_reason_restarts_nothing() -> None:
    text = f"""{HUB}  box: {{image: "registry.example/box:1", relax: {{network: bridge, reason: REASON}}}}\n"""
    before, after = (desired_of(text.replace("REASON", reason)) for reason in ("old", "new"))
    plan = reconcile(after, as_observed(before), OPTIONS)
    change = next(each for each in plan.changes if each.address == "server.box")
    assert (change.action, change.cause) == (Action.UPDATE, "the reason for what it is given changed")
