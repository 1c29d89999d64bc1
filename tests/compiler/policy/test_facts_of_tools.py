"""What rules see of tools that are containers by themselves: every image, every mount, and what calls may ask for."""

from mcphub_gitops.compiler.compilation import NO_LOCK
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.policy.facts import facts_of_hub
from mcphub_gitops.compiler.policy.judgement import find_breaches
from tests.support.hubs import lock_of
from tests.support.policies import policy_of
from tests.support.toolset import CATALOG, DIGEST, HUB, tools_hub

WRITE = HUB.replace("read: [media]", "read: [media], write: [/srv/out]")


def test_a_server_of_tools_is_a_container_with_many_images() -> None:
    hub = tools_hub(WRITE)
    lock, definitions = lock_of(hub, {})
    desired, _ = build(hub, lock, definitions)
    facts = facts_of_hub(hub, desired).servers[0].facts
    assert {name: facts[name] for name in ("kind", "origin", "definitions", "network", "locked")} == {
        "kind": "container",
        "origin": "tools",
        "definitions": "complete",
        "network": "none",
        "locked": True,
    }
    assert facts["image"]["repository"] == ""
    assert [(each["repository"], each["tag"], bool(each["locked"])) for each in facts["toolImages"]] == [
        ("ffmpeg", "7", True),
        ("ffmpeg", "7", True),
        ("probe", "", True),
    ]
    assert facts["command"] == ["{{args|into}}", "-version"]
    assert [(each["source"], each["target"], each["writable"]) for each in facts["mounts"]] == [
        ("cache", "/cache", True),
        ("/srv/codecs", "/codecs", False),
        ("media", "media", False),
        ("/srv/out", "/srv/out", True),
    ]
    assert (facts["user"], facts["root"]) == ("1000", False)


def test_before_a_lock_what_is_declared_counts() -> None:
    hub = tools_hub(
        HUB.replace("paths:", "relax: {user: root, reason: it must}, paths:"), CATALOG.replace('"1000"', "root")
    )
    facts = facts_of_hub(hub, build(hub, NO_LOCK, {})[0]).servers[0].facts
    assert (facts["user"], facts["root"], facts["toolImages"][2]["digest"]) == ("root", True, DIGEST)
    own = tools_hub(HUB.replace("paths:", 'user: "5", paths:'))
    assert facts_of_hub(own, None).servers[0].facts["user"] == "5"


def test_rules_over_images_see_each() -> None:
    text = (
        "rules:\n"
        "  - {name: digests, level: deny, match: {kind: image}, deny: \"image.digest == ''\", message: m}\n"
        "  - {name: places, level: deny, match: {kind: mount}, deny: \"mount.source == 'media'\", message: m}\n"
    )
    policy = policy_of(text)
    found = find_breaches(facts_of_hub(tools_hub(), None), policy.rules, policy.tags)
    assert [(each.rule.name, each.subject) for each in found] == [
        ("digests", "video/ffmpeg"),
        ("digests", "video/ffmpeg"),
        ("places", "video/media"),
    ]
