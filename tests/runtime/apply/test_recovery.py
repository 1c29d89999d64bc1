"""A folder that was lost, and the containers that it had made."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mcphub_gitops.compiler.plan.observed import SeenContainer
from mcphub_gitops.compiler.plan.plan import OpType
from mcphub_gitops.runtime.apply.inspection import observe
from mcphub_gitops.runtime.apply.layout import remove_folder
from mcphub_gitops.runtime.apply.recovery import Installation, choose, find_installations, take_over
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.runtime.apply.test_apply import applied, bound, planned
from tests.support.machine import MemoryContainers, ScriptedProber, site_of

FIRST, SECOND = "0a000000-0000-4000-8000-000000000001", "0b000000-0000-4000-8000-000000000002"
HUB = """\
apiVersion: mcphub/v1
name: acme
servers:
  plain: {image: "registry.example/plain:1"}
"""
TOOLS = {"plain": ("find",)}


def site_at(root: Path, containers: MemoryContainers) -> Site:
    """Return the machine as seen from the folder `root`, which gets its identity when it has none."""
    site = site_of(root, ScriptedProber(bound(HUB, TOOLS)[1]), containers=containers)
    return replace(site, lineage=site.layout.lineage())


def installation(lineage: str) -> Installation:
    return Installation(lineage=lineage, containers=(SeenContainer(name="c", server="plain", lineage=lineage),))


def test_a_lost_folder_is_told_and_its_containers_are_taken_over_as_they_are(tmp_path: Path) -> None:
    containers, (desired, _) = MemoryContainers(), bound(HUB, TOOLS)
    before = site_at(tmp_path, containers)
    applied(planned(desired, before), before)
    remove_folder(before.layout.folder)
    site = site_at(tmp_path, containers)
    assert site.lineage != before.lineage
    with pytest.raises(RuntimeFailure, match="not ours") as raised:
        asyncio.run(observe(desired, site))
    assert before.lineage in raised.value.detail
    assert "mcphub recover" in raised.value.resolution
    containers.acts.clear()
    found = asyncio.run(find_installations("acme", containers))
    take_over(choose(found, "", site.lineage), site.layout)
    assert containers.acts == []
    site = site_at(tmp_path, containers)
    assert site.lineage == before.lineage
    plan = planned(desired, site)
    assert [operation.type for operation in plan.operations] == [OpType.PROBE, OpType.SWITCH]
    applied(plan, site)
    assert containers.acts == []
    assert planned(desired, site).is_empty
    # What was not made here is looked at all the same, and so a `down` removes it.
    assert [each.name for each in site.layout.containers.iterdir()] == [f"{next(iter(containers.running))}.lock"]


def test_a_lineage_is_chosen_where_there_are_several() -> None:
    both = (installation(FIRST), installation(SECOND))
    with pytest.raises(RuntimeFailure, match="several installations") as raised:
        choose(both, "", "")
    assert FIRST in raised.value.detail
    assert SECOND in raised.value.detail
    assert choose(both, SECOND, "") is both[1]
    assert choose(both, "", SECOND) is both[1]
    assert choose(both[:1], "", SECOND) is both[0]
    with pytest.raises(RuntimeFailure, match="no container of the lineage"):
        choose(both[:1], SECOND, "")
    with pytest.raises(RuntimeFailure, match="no container of this hub"):
        choose((), "", FIRST)


def test_containers_of_our_own_are_not_given_up(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="has containers of its own"):
        choose((installation(FIRST), installation(SECOND)), FIRST, SECOND)
    containers, (desired, _) = MemoryContainers(), bound(HUB, TOOLS)
    site = site_at(tmp_path, containers)
    applied(planned(desired, site), site)
    with pytest.raises(RuntimeFailure, match=f"has another lineage, {site.lineage}"):
        take_over(installation(FIRST), site.layout)
    assert site.layout.lineage() == site.lineage


def test_a_lineage_that_nobody_was_given_is_left_out() -> None:
    odd = SeenContainer(name="odd", server="plain", lineage="../../etc")
    found = asyncio.run(find_installations("acme", MemoryContainers(running={"odd": odd})))
    assert found == ()
