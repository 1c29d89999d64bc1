"""What `mcphub plan --against` tells beside what servers get: policies, settings and the lock, in real repositories."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.lock.model import LockedServer
from mcphub_gitops.compiler.plan.file import write_plan
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from tests.support.projects import mcphub, write_project
from tests.support.repositories import commit, git

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
policies: [policies/*.yaml]
servers:
  search: {image: "registry.example/search:3"}
  time: {package: "pypi:mcp-server-time@1"}
"""
TOOLS = {"search": ("find",), "time": ("now",)}
POLICY = """\
apiVersion: mcphub/policy/v1
rules:
  - {name: calm, level: deny-unless-approved, match: {kind: server}, deny: server.privileged, message: Stay calm.}
  - {name: few, level: deny, match: {kind: hub}, deny: hub.serverCount > 9, message: Nine are enough.}
"""
Edit = Callable[[LockedServer], LockedServer]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    write_project(work, HUB, TOOLS)
    (work / "policies").mkdir()
    (work / "policies" / "ours.yaml").write_text(POLICY, "utf-8")
    git(work, "init", "--quiet", "--initial-branch=main")
    commit(work, {".gitignore": ".mcphub/\n"})
    return work


def relock(work: Path, server: str, edit: Edit) -> None:
    """Write the lock with other pins of `server`."""
    project = write_project(work, HUB, TOOLS)
    lock = project.open_lock().lock
    assert lock is not None
    project.save_lock(replace(lock, servers=MappingProxyType({**lock.servers, server: edit(lock.servers[server])})), {})


def test_a_guard_that_goes_is_told_with_what_it_was(work: Path) -> None:
    (work / "policies" / "ours.yaml").write_text(POLICY.partition("  - {name: few")[0], "utf-8")
    done = mcphub(work, "plan", "--against", "main")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("acme: Policies let more pass: 1 rule is gone.\n")
    assert "  - weaker: rule few  (main:policies/ours.yaml:4:12)\n      - level = deny\n" in done.stdout
    assert mcphub(work, "plan", "--against", "main", "--detailed-exitcode").returncode == 2


def test_policies_that_go_altogether_are_told(work: Path) -> None:
    text = HUB.replace("policies: [policies/*.yaml]\n", "")
    write_project(work, text, TOOLS)
    review = json.loads(mcphub(work, "plan", "--against", "main", "--output", "json").stdout)
    assert review["headline"] == "Policies let more pass: 2 rules are gone."
    assert [(each["name"], each["weight"]) for each in review["rules"]] == [("calm", "weaker"), ("few", "weaker")]
    assert [(each["mark"], each["path"]) for each in review["settings"]] == [("-", "policies")]


def test_a_rule_that_is_weaker_and_one_that_is_waived_are_told_before_what_servers_get(work: Path) -> None:
    waiver = "waivers:\n  - {rule: calm, subject: time, owner: ops, reason: for a week, expires: 2999-01-31}\n"
    weaker = POLICY.replace("level: deny,", "level: warn,")
    (work / "policies" / "ours.yaml").write_text(weaker + waiver, "utf-8")
    write_project(work, HUB.replace('search:3"}', "search:3\", secrets: {KEY: 'env://KEY'}}"), TOOLS)
    told = mcphub(work, "plan", "--against", "main").stdout
    assert told.startswith("acme: Policies let more pass: 1 rule is weaker, 1 waiver is new; search gets 1 secret.\n")
    assert "  ~ weaker: rule few  (policies/ours.yaml:4:12)\n      ~ level = deny -> warn\n" in told
    assert "  + weaker: waiver of calm for time  (policies/ours.yaml:6:12)\n      + expires = 2999-01-31\n" in told
    assert "      + owner = ops\n" in told


def test_a_tag_that_moved_is_told_as_another_image_and_is_no_permission(work: Path) -> None:
    moved = f"registry.example/search:3@{digest(b'another')}"
    relock(work, "search", lambda server: replace(server, image=moved))
    review = json.loads(mcphub(work, "plan", "--against", "main", "--output", "json").stdout)
    assert (review["permissions"], review["counts"]["otherImage"]) == ([], 1)
    assert [(each["server"], [field["name"] for field in each["fields"]]) for each in review["servers"]] == [
        ("search", ["image"])
    ]
    assert review["servers"][0]["fields"][0]["after"] == f"registry.example/search@{digest(b'another')}"
    assert review["before"]["review"] != review["review"]


@pytest.mark.parametrize("image", ["other.example/search:3", "registry.example/others/search:3"])
def test_an_image_from_elsewhere_leads(work: Path, image: str) -> None:
    write_project(work, HUB.replace("registry.example/search:3", image), TOOLS)
    review = json.loads(mcphub(work, "plan", "--against", "main", "--output", "json").stdout)
    assert [(each["mark"], each["kind"], each["server"]) for each in review["permissions"]] == [
        ("~", "image source", "search")
    ]
    assert review["headline"] == "search gets another image."


def test_what_a_package_needs_beside_itself_is_told_by_version(work: Path) -> None:
    def with_dependency(version: str) -> Edit:
        line = f"urllib3=={version} --hash={digest(version.encode())}"
        return lambda server: replace(server, requirements=(*server.requirements, line))

    relock(work, "time", with_dependency("2.1.0"))
    commit(work, {"README.md": "x"})
    relock(work, "time", with_dependency("2.2.0"))
    told = mcphub(work, "plan", "--against", "HEAD").stdout
    assert "Lock:\n  time: dependencies ~ urllib3 2.1.0 -> 2.2.0\n" in told


def test_what_the_lock_alone_says_otherwise_is_told(work: Path) -> None:
    relock(work, "time", lambda server: replace(server, era="legacy"))
    told = mcphub(work, "plan", "--against", "main").stdout
    assert told.startswith("acme: No server changes, the lock does. The review digest is another one.\n")
    assert "Lock:\n  time: era modern -> legacy\n" in told


def test_plans_say_that_they_have_digests_alone_of_policies(work: Path) -> None:
    for name, policy in (("a.json", POLICY), ("b.json", POLICY.replace("level: deny,", "level: warn,"))):
        (work / "policies" / "ours.yaml").write_text(policy, "utf-8")
        done = mcphub(work, "plan", "--offline", "-o", name)
        assert done.returncode == 0, done.stderr
    told = mcphub(work, "diff", "a.json", "b.json").stdout
    assert "How these differ, of which a saved plan has digests alone: policies." in told
    desired = write_project(work, HUB.replace("policies: [policies/*.yaml]\n", ""), TOOLS).compile(locked=True).desired
    assert desired is not None
    (work / "c.json").write_bytes(write_plan(reconcile(desired, Observed(), Options())))
    assert "digests alone" not in mcphub(work, "diff", "c.json", "c.json").stdout
