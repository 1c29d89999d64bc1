"""Containers in plans: what holds them in, when they are made anew, and what a saved plan keeps of them."""

import re
from dataclasses import replace
from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.plan.container import Container
from mcphub_gitops.compiler.plan.desired import Desired, build
from mcphub_gitops.compiler.plan.file import read_plan, write_plan
from mcphub_gitops.compiler.plan.observed import Observed, SeenContainer
from mcphub_gitops.compiler.plan.plan import Action, OpType, Plan
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.compiler.plan.text import render_plan
from tests.support.cases import as_observed
from tests.support.hubs import hub_of, lock_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process, base: {python: "registry.example/python:3.13"}}
servers:
  search:
    image: registry.example/search:3
    secrets: {TOKEN: "env://TOKEN", KEY: {ref: "file://key.pem", as: file}}
    mounts: ["./data:/data", "cache:/cache:rw"]
  time: {package: "pypi:mcp-server-time@1", run: container}
  notes: {command: [python3, srv/notes.py]}
  far: {remote: {url: "http://far.example/mcp", private: ours, headers: {X-Team: a}}}
  old: {remote: {url: "https://old.example/sse", transport: sse}}
"""
LOOSE = """\
    relax: {user: root, privileged: true, pid: host, ipc: host, readOnly: false, network: host, reason: it may}
"""
TOOLS = {"search": ("find",), "time": ("now",), "notes": ("add",), "far": ("go",), "old": ("ask",)}


def desired_of(text: str) -> Desired:
    hub = hub_of(text)
    desired, problems = build(hub, *lock_of(hub, {server.name: TOOLS[server.name] for server in hub.servers}))
    assert problems == ()
    return desired


def seen(desired: Desired, server: str, **changes: object) -> Observed:
    """Return what is seen where `desired` was reached, but for the container of `server`."""
    observed = as_observed(desired)
    name = desired.container_names()[server]
    containers = {**observed.containers, name: replace(observed.containers[name], **changes)}  # type: ignore[arg-type]
    return replace(observed, containers=MappingProxyType(containers))


def operations(plan: Plan) -> list[tuple[str, str]]:
    return [(each.type.value, each.cause) for each in plan.operations]


def container_of(desired: Desired, name: str) -> Container:
    (found,) = (server.container for server in desired.servers if server.name == name)
    assert found is not None
    return found


def test_a_saved_plan_keeps_its_containers_and_remotes() -> None:
    plan = reconcile(desired_of(HUB), Observed(), Options())
    assert read_plan(write_plan(plan)) == plan


def test_the_baseline_in_words() -> None:
    isolation = container_of(desired_of(HUB), "search").isolation({"TOKEN": "env://TOKEN"})
    assert isolation.measures == (
        "own container with limits on memory, processors and processes",
        *("own user (65532:65532)", "no network", "read-only root", "no new privileges", "no capabilities"),
    )
    assert isolation.missing == ("secrets that are variables can be read by whoever may ask the engine",)


def test_what_is_relaxed_in_words() -> None:
    container = container_of(desired_of(HUB.replace("    mounts", f"{LOOSE}    mounts")), "search")
    isolation = container.isolation({})
    assert isolation.measures == ("own container with limits on memory, processors and processes",)
    assert isolation.missing == (
        "privileged: it is root on the host",
        "runs as root",
        "it has the host's own network",
        "it shares the host's processes or memory",
    )
    facts = dict(container.facts())
    assert (
        facts | {"privileged": "granted", "pid.host": "granted", "root.writable": "granted", "network": "host"} == facts
    )


@pytest.mark.parametrize(
    ("relaxed", "missing"),
    [
        ("user: '1000'\n    relax: {network: bridge, reason: a}", "its group is root's"),
        ("relax: {network: bridge, reason: a}", "egress is not limited: it reaches every address that the engine's"),
    ],
)
def test_what_else_is_missing(relaxed: str, missing: str) -> None:
    text = HUB.replace("    mounts", f"    {relaxed}\n    mounts")
    container = container_of(
        desired_of(text.replace("relax: {network", "network: bridge\n    relax: {network")), "search"
    )
    assert any(each.startswith(missing) for each in container.isolation({}).missing)


def test_capabilities_in_words() -> None:
    text = HUB.replace("    mounts", "    relax: {capabilities: [NET_RAW], reason: it pings}\n    mounts")
    container = container_of(desired_of(text), "search")
    assert "capabilities only NET_RAW" in container.isolation({}).measures
    assert dict(container.facts())["capability.NET_RAW"] == "granted"


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"state": "created"}, "its container could not start"),
        ({"state": "created", "detail": "no such file"}, "its container could not start (no such file)"),
        ({"state": "exited", "exit_code": 3}, "its container is not running (exited, status 3)"),
        ({"state": "paused"}, "its container is not running (paused)"),
        ({"differing": ("memory", "user")}, "its container was changed (memory, user)"),
    ],
)
def test_a_container_that_is_not_what_was_asked_for_is_made_anew(changes: dict[str, object], cause: str) -> None:
    desired = desired_of(HUB)
    plan = reconcile(desired, seen(desired, "search", **changes), Options())
    made = [each for each in plan.operations if each.type is OpType.MAKE]
    assert [(each.target, each.cause) for each in made] == [(desired.container_names()["search"], cause)]
    assert ("switch", "`search` runs in a new container") in operations(plan)


def test_what_is_intact_has_no_trouble() -> None:
    assert SeenContainer(name="a", state="running").trouble == ""


def test_a_container_that_is_gone_is_made_anew() -> None:
    desired = desired_of(HUB)
    observed = replace(as_observed(desired), containers=MappingProxyType({}))
    assert ("make", "its container is gone") in operations(reconcile(desired, observed, Options()))


def test_a_container_can_be_asked_for_anew() -> None:
    desired = desired_of(HUB)
    plan = reconcile(desired, as_observed(desired), Options(replace=frozenset({"search"})))
    assert ("make", "it is to be made anew") in operations(plan)
    assert ("probe", "it is to be made anew") in operations(plan)


def test_an_environment_that_is_gone_takes_its_container_with_it() -> None:
    desired = desired_of(HUB)
    plan = reconcile(desired, replace(as_observed(desired), environments=frozenset()), Options())
    assert ("make", "its environment is installed anew") in operations(plan)
    assert ("probe", "its environment is installed anew") in operations(plan)


def test_an_image_that_is_gone_is_not_missed_by_a_container_that_runs() -> None:
    desired = desired_of(HUB)
    assert reconcile(desired, replace(as_observed(desired), images=frozenset()), Options()).is_empty


def test_a_container_under_another_name_makes_room() -> None:
    desired = desired_of(HUB)
    name = desired.container_names()["search"]
    observed = as_observed(desired)
    stray = replace(observed.containers[name], name="old-name")
    containers = {key: value for key, value in observed.containers.items() if key != name} | {"old-name": stray}
    plan = reconcile(desired, replace(observed, containers=MappingProxyType(containers)), Options())
    assert ("remove", "it was renamed, and has the place of another") in operations(plan)
    removed = [each for each in plan.operations if each.type is OpType.REMOVE]
    assert [each.target for each in removed] == ["old-name"]


def test_what_an_interrupted_apply_left_is_removed() -> None:
    desired = desired_of(HUB)
    observed = as_observed(desired)
    left = SeenContainer(name="left", server="search", state="created")
    plan = reconcile(
        desired, replace(observed, containers=MappingProxyType({**observed.containers, "left": left})), Options()
    )
    assert operations(plan) == [("remove", "an interrupted apply left it")]


@pytest.mark.parametrize("server", ["search", "time", "gone"])
def test_secret_files_that_no_container_gets_are_removed(server: str) -> None:
    desired = desired_of(HUB)
    kept = {"search": frozenset({"KEY"}), server: frozenset({"KEY", "OLD"})}
    observed = replace(as_observed(desired), secrets=MappingProxyType(kept))
    plan = reconcile(desired, observed, Options())
    assert operations(plan) == [("retire", "an interrupted apply left its files")]


def test_secret_files_that_are_used_stay() -> None:
    desired = desired_of(HUB)
    observed = replace(as_observed(desired), secrets=MappingProxyType({"search": frozenset({"KEY"})}))
    assert reconcile(desired, observed, Options()).is_empty


def test_a_container_whose_secret_files_are_gone_is_made_anew() -> None:
    desired = desired_of(HUB)
    observed = replace(as_observed(desired), secrets=MappingProxyType({}))
    assert operations(reconcile(desired, observed, Options()))[0] == ("make", "the files of its secrets are gone")


def test_a_difference_far_to_the_right_is_shown() -> None:
    before = desired_of(
        HUB.replace("command: [python3, srv/notes.py]", f"command: [python3, srv/notes.py, {'a' * 300}b]")
    )
    after = desired_of(
        HUB.replace("command: [python3, srv/notes.py]", f"command: [python3, srv/notes.py, {'a' * 300}c]")
    )
    plan = reconcile(after, as_observed(before), Options())
    assert plan.count(Action.UPDATE) + plan.count(Action.REPLACE) == len(plan.changes)
    assert re.search("…a+b.* -> …a+c", render_plan(plan))
