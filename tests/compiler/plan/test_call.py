"""What holds the calls of tools in that are a container each."""

from mcphub_gitops.compiler.plan.call import isolation_of
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.plan.observed import Isolation
from tests.support.hubs import lock_of
from tests.support.toolset import CATALOG, HUB, tools_hub


def test_what_holds_one_call_in_counts_where_it_holds_all_and_what_is_missing_where_one_lacks_it() -> None:
    rooted = HUB.replace("paths:", "relax: {user: root, reason: it must}, paths:")
    hub = tools_hub(rooted, CATALOG.replace('"1000"', "root"))
    lock, definitions = lock_of(hub, {})
    desired, problems = build(hub, lock, definitions)
    assert problems == ()
    calls = desired.servers[0].calls
    assert calls is not None
    found = isolation_of(calls)
    assert found.measures[0] == "a container for each call"
    assert "no network" in found.measures
    # One of three is root: no user of their own is what all have.
    assert not [each for each in found.measures if each.startswith("own user")]
    assert found.missing == ("runs as root",)


def test_without_a_call_there_is_nothing_to_hold_in() -> None:
    assert isolation_of({}) == Isolation(measures=("a container for each call",))
