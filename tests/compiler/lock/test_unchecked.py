from dataclasses import replace
from types import MappingProxyType

from mcphub_gitops.compiler.lock.offline import answer_offline, find_unknown_platforms
from mcphub_gitops.compiler.lock.unchecked import find_unbindable
from tests.support.hubs import hub_of, lock_of

DIGEST = "sha256:" + "0" * 64
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  base: {package: "pypi:base", run: container, base: "registry.example/python:3"}
  off: {package: "pypi:off", enabled: false}
  pinned: {image: "registry.example:5000/pinned:1@DIGEST"}
""".replace("DIGEST", DIGEST)
TOOLS = {"base": ("a",), "pinned": ("b",)}


def test_what_is_disabled_is_not_asked_about() -> None:
    hub, lock = hub_of(HUB), lock_of(hub_of(HUB), TOOLS)[0]
    assert find_unbindable(hub, lock) == ()
    assert answer_offline(hub, lock).problems == ()


def test_a_tag_may_be_another_and_a_repository_may_not() -> None:
    lock = lock_of(hub_of(HUB), TOOLS)[0]
    assert find_unbindable(hub_of(HUB.replace("pinned:1", "pinned:2")), lock) == ()
    assert find_unbindable(hub_of(HUB.replace("pinned:1@" + DIGEST, "pinned")), lock) == ()
    for other in ("pinned/1:1", "pin:1", "pinned-1:1"):
        (found,) = find_unbindable(hub_of(HUB.replace("pinned:1", other)), lock)
        assert found.server == "pinned"


def test_a_package_in_a_container_needs_its_interpreter() -> None:
    hub = hub_of(HUB)
    lock = lock_of(hub_of(HUB.replace(', run: container, base: "registry.example/python:3"', "")), TOOLS)[0]
    assert [each.reason for each in find_unbindable(hub, lock)] == [
        "is locked to no image, the hub declares registry.example/python"
    ]


def test_a_digest_that_the_hub_declares_is_an_answer_without_platforms() -> None:
    hub = hub_of(HUB)
    answers = answer_offline(hub, lock_of(hub_of(HUB.replace("  pinned", "  other")), {"base": ("a",), "other": ()})[0])
    reference = f"registry.example:5000/pinned:1@{DIGEST}"
    assert answers.images[reference].digest == DIGEST
    assert answers.problems == ()
    # Those of `lock_of` have no platforms either.
    assert find_unknown_platforms(hub, lock_of(hub, TOOLS)[0]) == ("base", "pinned")


def test_a_renamed_server_is_answered_by_its_old_name() -> None:
    lock = lock_of(hub_of(HUB), TOOLS)[0]
    moved = hub_of(HUB.replace("  base:", "  bases:") + "moved: [{from: base, to: bases}]\n")
    assert answer_offline(moved, lock).packages["base"].package == "base==1"


def test_a_package_that_was_locked_for_a_process_cannot_run_in_its_container() -> None:
    hub, (lock, _) = hub_of(HUB), lock_of(hub_of(HUB), TOOLS)
    servers = MappingProxyType({name: replace(each, target="") for name, each in lock.servers.items()})
    assert [each.reason for each in find_unbindable(hub, replace(lock, servers=servers))] == [
        "is locked as a process, the hub runs it in a container"
    ]
