"""What a lock asks, and of whom: a server whose tools its catalog names is not asked."""

import asyncio
from pathlib import Path

import pytest

from mcphub_gitops.compiler.compilation import NO_LOCK
from mcphub_gitops.compiler.lock.assembly import Locked
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.runtime.apply.apply import apply_plan
from mcphub_gitops.runtime.apply.drift import find_tool_drift
from mcphub_gitops.runtime.apply.inspection import observe
from mcphub_gitops.runtime.apply.locking import lock_hub
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.apply.state import read_generation
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import generation
from tests.support.hubs import Definitions, hub_of
from tests.support.machine import Listener, MemoryContainers, MemoryPackages, MemorySecrets, ScriptedProber, site_of

CATALOG = b"""\
version: 3
name: all
displayName: All
registry:
  search:
    title: Search
    description: Search.
    type: server
    image: registry.example/search@sha256:%s
    tools: [{name: find}, {name: index, description: As the catalog has it.}]
    secrets: [{name: search.key, env: KEY}]
""" % (b"a" * 64)
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
catalogs: {all: {path: catalog.yaml}}
servers:
  notes: {package: "pypi:notes@1"}
  search:
    from: all/search
    secrets: {search.key: "env://KEY"}
    definitions: {from: catalog, reason: no account here}
    tools: {describe: {find: Finds.}}
"""
ADD = {"name": "add", "inputSchema": {"type": "object"}}
FIND = {"name": "find", "description": "Finds it.", "inputSchema": {"type": "object"}}


def site(root: Path, live: Definitions, **secrets: str) -> Site:
    return site_of(root, ScriptedProber(live), packages=MemoryPackages(), secrets=MemorySecrets(secrets))


def lock(text: str, where: Site) -> Locked:
    hub = hub_of(text, {"catalog.yaml": CATALOG})
    found = asyncio.run(lock_hub(hub, NO_LOCK, lambda _: {}, where, Listener()))
    assert isinstance(found, Locked)
    assert found.diagnostics == ()
    return found


def test_a_server_whose_tools_its_catalog_names_is_neither_pulled_nor_started_nor_given_secrets(tmp_path: Path) -> None:
    where = site(tmp_path, {"notes": {"add": ADD}})
    search = lock(HUB, where).lock.servers["search"]
    assert (search.definitions, search.era, set(search.tools)) == ("catalog", "", {"find", "index"})
    assert isinstance(where.containers, MemoryContainers)
    assert where.containers.acts == []


def test_it_is_applied_with_the_tools_that_it_has_and_drifts_by_name_alone(tmp_path: Path) -> None:
    hub = hub_of(HUB, {"catalog.yaml": CATALOG})
    live: Definitions = {
        "notes": {"add": ADD},
        "search": {"find": FIND, "index": {"name": "index"}, "new": {"name": "new"}},
    }
    where = site(tmp_path, live, **{"env://KEY": "k"})
    locked = lock(HUB, where)
    desired, _ = build(hub, locked.lock, locked.definitions)
    plan = reconcile(desired, asyncio.run(observe(desired, where)), Options())
    assert asyncio.run(apply_plan(plan, where, Listener())).failures == ()
    _, search = generation.decode(read_generation(where.layout)).servers
    assert search.by_name
    assert [bytes(tool.definition) for tool in search.tools] == [
        b'{"description":"Finds.","name":"find"}',
        b'{"name":"index"}',
    ]
    found = asyncio.run(find_tool_drift(desired, asyncio.run(observe(desired, where)), where, Listener()))
    assert [(each.address, each.detail) for each in found] == [
        ("server.search", "`new` is new (compared by its name alone)")
    ]


def test_an_apply_ends_where_a_tool_that_the_catalog_names_is_not_there(tmp_path: Path) -> None:
    hub = hub_of(HUB, {"catalog.yaml": CATALOG})
    where = site(tmp_path, {"notes": {"add": ADD}, "search": {"find": FIND}}, **{"env://KEY": "k"})
    locked = lock(HUB, where)
    desired, _ = build(hub, locked.lock, locked.definitions)
    plan = reconcile(desired, asyncio.run(observe(desired, where)), Options())
    report = asyncio.run(apply_plan(plan, where, Listener()))
    assert not report.switched
    assert [failure.detail for _, failure in report.failures] == ["`index` is gone"]


def test_a_catalogs_server_that_does_not_answer_names_the_way_out_and_another_does_not(tmp_path: Path) -> None:
    asked = HUB.replace("    definitions: {from: catalog, reason: no account here}\n", "")
    where = site(tmp_path, {"notes": {"add": ADD}}, **{"env://KEY": "k"})
    with pytest.raises(RuntimeFailure) as found:
        lock(asked, where)
    assert "`definitions: {from: catalog, reason: …}`" in found.value.resolution
    with pytest.raises(RuntimeFailure) as found:
        lock(asked, site(tmp_path, {"search": {"find": FIND}}, **{"env://KEY": "k"}))
    assert "catalog" not in found.value.resolution
