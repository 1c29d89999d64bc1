import asyncio
from pathlib import Path

import pytest

from mcphub_gitops.compiler.plan.desired import Desired, build
from mcphub_gitops.compiler.plan.plan import Plan
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.runtime.apply.apply import apply_plan
from mcphub_gitops.runtime.apply.drift import find_tool_drift
from mcphub_gitops.runtime.apply.inspection import observe
from mcphub_gitops.runtime.apply.locking import lock_hub
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.apply.state import read_applied, read_generation
from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.support.hubs import hub_of, lock_of
from tests.support.machine import Listener, MemoryContainers, MemoryPackages, MemorySecrets, ScriptedProber, site_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
secretStores:
  corp: {vault: {address: "https://vault.acme.example", auth: {token: "env://VAULT_TOKEN"}}}
servers:
  docs: {remote: {url: "https://docs.example/mcp", headers: {X-Key: "${secrets.K}"}}, secrets: {K: "store://corp/docs#k"}}
  notes: {package: "pypi:notes@1", secrets: {KEY: {store: corp, key: notes, field: key}}}
  search: {image: "registry.example/search:1", secrets: {TOKEN: "env://KEY", FILE: {ref: "env://KEY", as: file}}}
"""
TOOLS = {"notes": ("add",), "search": ("find",), "docs": ("read",)}
VALUES = {"env://KEY": "a", "store://corp/notes#key": "b", "store://corp/docs#k": "c"}


def prepared(root: Path, values: dict[str, str]) -> tuple[Site, Desired]:
    hub = hub_of(HUB)
    lock, definitions = lock_of(hub, TOOLS)
    desired, problems = build(hub, lock, definitions)
    assert problems == ()
    site = site_of(root, ScriptedProber(definitions), packages=MemoryPackages(), secrets=MemorySecrets(values))
    return site, desired


def planned(desired: Desired, site: Site) -> Plan:
    return reconcile(desired, asyncio.run(observe(desired, site)), Options())


def asked(site: Site) -> list[list[str]]:
    assert isinstance(site.secrets, MemorySecrets)
    return site.secrets.asked


def test_an_apply_asks_once_for_all_secrets(tmp_path: Path) -> None:
    site, desired = prepared(tmp_path, VALUES)
    report = asyncio.run(apply_plan(planned(desired, site), site, Listener()))
    assert (report.failures, report.switched) == ((), True)
    assert asked(site) == [sorted(VALUES)]
    assert b'"stores":{"corp":{"address":"https://vault.acme.example"' in read_generation(site.layout)
    assert (site.layout.secrets / "search" / "FILE").read_text() == "a"


def test_a_secret_that_is_missing_ends_an_apply_before_anything_is_begun(tmp_path: Path) -> None:
    site, desired = prepared(tmp_path, {"env://KEY": "a", "store://corp/docs#k": "c"})
    listener = Listener()
    report = asyncio.run(apply_plan(planned(desired, site), site, listener))
    ((operation, failure),) = report.failures
    assert (operation.address, report.done, report.switched) == ("server.notes", (), False)
    assert failure.brief == "the secret store://corp/notes#key is not set"
    assert failure.detail == "The server notes needs KEY (store://corp/notes#key)."
    assert listener.events == []
    assert isinstance(site.containers, MemoryContainers)
    assert site.containers.acts == []
    assert isinstance(site.packages, MemoryPackages)
    assert site.packages.digests == set()
    assert read_applied(site.layout) is None
    assert not (site.layout.secrets / "search").exists()


def test_an_apply_that_starts_nothing_asks_for_no_secret(tmp_path: Path) -> None:
    site, desired = prepared(tmp_path, VALUES)
    asyncio.run(apply_plan(planned(desired, site), site, Listener()))
    asked(site).clear()
    assert planned(desired, site).is_empty
    asyncio.run(apply_plan(planned(desired, site), site, Listener()))
    assert asked(site) == []


def test_a_lock_asks_once_and_tells_of_every_secret_that_is_missing(tmp_path: Path) -> None:
    site, _ = prepared(tmp_path, {"env://KEY": "a"})
    hub = hub_of(HUB)
    lock, _ = lock_of(hub, TOOLS)
    with pytest.raises(RuntimeFailure) as caught:
        asyncio.run(lock_hub(hub, lock, lambda _: {}, site, Listener()))
    assert "needs KEY (store://corp/notes#key)" in caught.value.detail
    assert "needs X-Key (store://corp/docs#k)" in caught.value.detail
    assert isinstance(site.packages, MemoryPackages)
    assert site.packages.digests == set()
    assert asked(site) == [sorted(VALUES)]


def test_drift_asks_once_and_tells_of_the_server_whose_secret_is_gone(tmp_path: Path) -> None:
    site, desired = prepared(tmp_path, VALUES)
    asyncio.run(apply_plan(planned(desired, site), site, Listener()))
    assert isinstance(site.secrets, MemorySecrets)
    site.secrets.values = {"env://KEY": "a", "store://corp/docs#k": "c"}
    asked(site).clear()
    observed = asyncio.run(observe(desired, site))
    (drift,) = asyncio.run(find_tool_drift(desired, observed, site, Listener()))
    assert (drift.address, drift.detail) == (
        "server.notes",
        "it does not answer: the secret store://corp/notes#key is not set",
    )
    assert asked(site) == [sorted(VALUES)]


def test_a_server_that_answers_in_another_era_than_it_was_locked_in_is_drift(tmp_path: Path) -> None:
    site, desired = prepared(tmp_path, VALUES)
    asyncio.run(apply_plan(planned(desired, site), site, Listener()))
    observed = asyncio.run(observe(desired, site))
    eras = {"docs": "modern", "notes": "legacy"}
    (drift,) = asyncio.run(find_tool_drift(desired, observed, site, Listener(), eras))
    assert (drift.kind.value, drift.address) == ("tools", "server.notes")
    assert drift.detail == "it answers in the modern protocol era, and was locked in the legacy one"
