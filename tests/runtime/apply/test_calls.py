"""Tools that are containers by themselves: locked and applied without starting anything."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.compilation import NO_LOCK
from mcphub_gitops.compiler.lock.assembly import Locked
from mcphub_gitops.compiler.lock.questions import ImageAnswer
from mcphub_gitops.compiler.plan.desired import Desired, build
from mcphub_gitops.compiler.plan.plan import OpType, Plan
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.runtime.apply.age import Cutoff, aged
from mcphub_gitops.runtime.apply.apply import apply_plan
from mcphub_gitops.runtime.apply.drift import Drift, find_drift, find_tag_drift, find_tool_drift
from mcphub_gitops.runtime.apply.inspection import observe
from mcphub_gitops.runtime.apply.locking import lock_hub
from mcphub_gitops.runtime.apply.news import ask, questions_of
from mcphub_gitops.runtime.apply.observation import observe_record
from mcphub_gitops.runtime.apply.recovery import find_installations, take_over
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.apply.state import read_applied, read_generation
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import generation
from mcphub_gitops.runtime.ports import ContainerSpec, GrantedFolder, ToolsSpec
from tests.support.machine import Listener, MemoryContainers, MemoryRegistries, ScriptedProber, site_of
from tests.support.toolset import CATALOG, DIGEST, HUB, tools_hub

TAG = "registry.example/ffmpeg:7"
FFMPEG = f"registry.example/ffmpeg@{digest(TAG.encode())}"
PROBE = f"registry.example/probe@{digest(f'registry.example/probe@{DIGEST}'.encode())}"
TEXT = HUB.replace("read: [media]", "read: [media], write: [out]")


def hub_of_tools() -> Hub:
    """Return a hub whose tools mount nothing that a machine has to have."""
    return tools_hub(TEXT, CATALOG.replace(', "/srv/codecs:/codecs:ro"', ""))


def prepared(folder: Path) -> Site:
    for name in ("media", "out"):
        (folder / name).mkdir()
    return site_of(folder, ScriptedProber({}), containers=MemoryContainers())


def locked(site: Site) -> Locked:
    found = asyncio.run(lock_hub(hub_of_tools(), NO_LOCK, lambda _: {}, site, Listener()))
    assert isinstance(found, Locked)
    return found


def desired_at(site: Site) -> Desired:
    found = locked(site)
    desired, problems = build(hub_of_tools(), found.lock, found.definitions)
    assert problems == ()
    return desired


def planned(desired: Desired, site: Site) -> Plan:
    return reconcile(desired, asyncio.run(observe(desired, site)), Options())


def applied(site: Site) -> Desired:
    desired = desired_at(site)
    report = asyncio.run(apply_plan(planned(desired, site), site, Listener()))
    assert (report.failures, report.switched) == ((), True)
    return desired


def test_a_lock_asks_registries_and_starts_nothing(tmp_path: Path) -> None:
    site = prepared(tmp_path)
    found = locked(site)
    assert found.diagnostics == ()
    assert found.lock.servers["video"].containers["convert"].image == f"{TAG}@{digest(TAG.encode())}"
    assert isinstance(site.containers, MemoryContainers)
    assert site.containers.acts == []


def test_an_apply_pulls_the_images_and_makes_nothing(tmp_path: Path) -> None:
    site = prepared(tmp_path)
    desired = desired_at(site)
    plan = planned(desired, site)
    assert [(each.type, each.target) for each in plan.operations] == [
        (OpType.PULL, FFMPEG),
        (OpType.PULL, PROBE),
        (OpType.SWITCH, ""),
    ]
    applied(site)
    assert isinstance(site.containers, MemoryContainers)
    assert site.containers.acts == [f"pull {FFMPEG}", f"pull {PROBE}"]
    assert planned(desired, site).is_empty
    assert reconcile(desired, observe_record(read_applied(site.layout), {}), Options()).is_empty
    assert plan.isolation["video"].measures[0] == "a container for each call"


def test_the_generation_says_what_a_call_runs(tmp_path: Path) -> None:
    site = prepared(tmp_path)
    applied(site)
    (server,) = generation.decode(read_generation(site.layout)).servers
    spec = server.launch.spec
    assert isinstance(spec, ToolsSpec)
    assert (server.kind, spec.root, set(spec.tools)) == (
        "tools",
        str(tmp_path.resolve()),
        {"convert", "version", "probe"},
    )
    assert spec.granted == (
        GrantedFolder(path=str((tmp_path / "media").resolve())),
        GrantedFolder(path=str((tmp_path / "out").resolve()), writable=True),
    )
    convert = spec.tools["convert"]
    assert (convert.command, convert.volumes) == (("{{args|into}}",), ("{{dir|mount_as:/in}}",))
    assert json.loads(convert.definition)["annotations"] == {"destructiveHint": False}
    assert isinstance(convert.container, ContainerSpec)
    assert (convert.container.user, convert.container.network, convert.container.read_only) == ("1000", "none", True)
    assert [mount.source for mount in convert.container.mounts] == ["mcphub-acme_cache"]
    assert server.launch.filled({}) is spec


@pytest.mark.parametrize(
    ("name", "brief"),
    [
        ("", "server video is granted media, which is not there"),
        (".mcphub", "server video is granted media, which is where mcphub keeps its own files"),
        ("..", "server video is granted media, which holds the hub's own folder"),
    ],
)
def test_a_grant_that_cannot_be_is_told_when_it_is_planned(tmp_path: Path, name: str, brief: str) -> None:
    site = prepared(tmp_path)
    desired = desired_at(site)
    (tmp_path / "media").rmdir()
    if name:
        (tmp_path / "media").symlink_to(tmp_path / name)
    with pytest.raises(RuntimeFailure) as told:
        planned(desired, site)
    assert (told.value.brief, "`paths`" in told.value.resolution) == (brief, True)


def test_an_image_that_is_gone_is_drift_and_is_fetched_again(tmp_path: Path) -> None:
    site = prepared(tmp_path)
    desired = applied(site)
    assert isinstance(site.containers, MemoryContainers)
    site.containers.images.discard(FFMPEG)
    found = read_applied(site.layout)
    assert found is not None
    drift = find_drift(found, asyncio.run(observe(desired, site)), desired, None)
    assert [(each.kind.value, each.address, each.detail) for each in drift] == [
        ("image", "server.video", f"the engine does not have its image {FFMPEG}")
    ]
    plan = planned(desired, site)
    assert [each.detail for each in plan.drift] == [f"the engine does not have its image {FFMPEG}"]
    assert [each.type for each in plan.operations] == [OpType.PULL]


def test_tags_are_followed_and_nobody_is_asked_for_tools(tmp_path: Path) -> None:
    site = prepared(tmp_path)
    desired = applied(site)
    moved = ImageAnswer(repository="registry.example/ffmpeg", digest=DIGEST)
    other = replace(site, registries=MemoryRegistries({TAG: moved}))
    drift = asyncio.run(find_tag_drift(desired, other, Listener()))
    assert [(each.address, each.detail) for each in drift] == [
        ("server.video", f"{TAG} leads to {DIGEST} now, and is locked to {digest(TAG.encode())}")
    ]
    none: tuple[Drift, ...] = asyncio.run(
        find_tool_drift(desired, asyncio.run(observe(desired, site)), site, Listener())
    )
    assert none == ()
    pins = locked(site).lock.servers["video"]
    news = asyncio.run(ask(list(questions_of(hub_of_tools().servers[0], pins, other))))
    assert [(each.owner, each.what, each.newest, each.is_new) for each in news] == [("video", TAG, DIGEST, True)]


def test_what_is_locked_is_kept_where_a_tag_leads_to_a_young_image(tmp_path: Path) -> None:
    site = prepared(tmp_path)
    young = ImageAnswer(repository="registry.example/ffmpeg", digest=DIGEST, created=2)
    pinned = f"{TAG}@{digest(TAG.encode())}"
    kept = ImageAnswer(repository="registry.example/ffmpeg", digest=digest(TAG.encode()), created=0)
    registries = MemoryRegistries({TAG: young, pinned: kept})
    cutoff = Cutoff(seconds=1, age="1d")
    lock = locked(site).lock
    old = aged(replace(site, registries=registries), hub_of_tools(), lock, cutoff)
    found: Any = asyncio.run(lock_hub(hub_of_tools(), NO_LOCK, lambda _: {}, old, Listener()))
    assert found.lock.servers["video"].containers["convert"].image == pinned
    assert set(cutoff.held) == {TAG}


def test_a_folder_that_is_applied_is_not_taken_over_by_another_lineage(tmp_path: Path) -> None:
    site = prepared(tmp_path)
    applied(site)
    assert asyncio.run(find_installations("acme", site.containers)) == ()
    other = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(RuntimeFailure, match="another lineage, a-lineage"):
        take_over(type("I", (), {"lineage": other, "containers": ()})(), site.layout)
