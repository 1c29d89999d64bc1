import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.plan.desired import Desired, build
from mcphub_gitops.compiler.plan.file import plan_digest, read_plan, write_plan
from mcphub_gitops.compiler.plan.plan import Action, OpType, Plan
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.compiler.plan.staleness import ABSENT, find_moved, fingerprint_of
from mcphub_gitops.runtime.apply.apply import apply_plan
from mcphub_gitops.runtime.apply.drift import Drift, Kind, find_drift
from mcphub_gitops.runtime.apply.inspection import observe
from mcphub_gitops.runtime.apply.layout import remove_folder
from mcphub_gitops.runtime.apply.observation import observe_record
from mcphub_gitops.runtime.apply.question import ask_server
from mcphub_gitops.runtime.apply.report import Report
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.apply.state import read_applied, read_generation, restore_current, served_marks
from mcphub_gitops.runtime.events import Done, Failed
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec, ContainerSpec
from tests.support.hubs import hub_of, lock_of
from tests.support.machine import Listener, MemoryContainers, MemoryPackages, MemorySecrets, ScriptedProber, site_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py], secrets: {KEY: "env://KEY"}, paths: {write: [data]}}
  search: {image: "registry.example/search:1", secrets: {TOKEN: "env://KEY", FILE: {ref: "env://KEY", as: file}}}
  time: {package: "pypi:mcp-server-time@1", tools: {deny: [convert]}}
"""
TOOLS = {"notes": ("add", "list"), "search": ("find",), "time": ("get_time", "convert")}
SECRETS = MemorySecrets({"env://KEY": "hunter2"})
OTHER = HUB.replace("notes:", "memos:").replace("time@1", "time@2").replace("search:1", "search:2")
OTHER_TOOLS = {"memos": ("keep",), "search": ("find",), "time": ("get_time", "convert", "sleep")}


def bound(text: str, tools: Mapping[str, tuple[str, ...]]) -> tuple[Desired, dict[str, Any]]:
    hub = hub_of(text)
    lock, definitions = lock_of(hub, tools)
    desired, problems = build(hub, lock, definitions)
    assert problems == ()
    return desired, dict(definitions)


def prepared(root: Path, *, tools: Mapping[str, tuple[str, ...]] = TOOLS, broken: str = "") -> Site:
    (root / "srv").mkdir(exist_ok=True)
    (root / "data").mkdir(exist_ok=True)
    # The lock of `lock_of` holds the digest of the name as the digest of the content.
    (root / "srv" / "notes.py").write_bytes(b"srv/notes.py")
    offers = {**bound(HUB, TOOLS)[1], **bound(OTHER, OTHER_TOOLS)[1], **bound(HUB, TOOLS)[1]}
    if tools is OTHER_TOOLS:
        offers = {**offers, **bound(OTHER, OTHER_TOOLS)[1]}
    return site_of(root, ScriptedProber(offers), packages=MemoryPackages(broken=broken), secrets=SECRETS)


def planned(desired: Desired, site: Site) -> Plan:
    return reconcile(desired, asyncio.run(observe(desired, site)), Options())


def find_drift_of(desired: Desired, site: Site) -> tuple[Drift, ...]:
    found = read_applied(site.layout)
    assert found is not None
    return find_drift(found, asyncio.run(observe(desired, site)), desired, None)


def applied(plan: Plan, site: Site, listener: Listener | None = None) -> Report:
    return asyncio.run(apply_plan(plan, site, listener or Listener()))


def test_a_hub_is_applied_and_then_there_is_nothing_to_do(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    report = applied(planned(desired, site), site)
    assert (report.failures, report.switched) == ((), True)
    assert planned(desired, site).is_empty
    files = site.root / "srv/notes.py"
    recorded = observe_record(read_applied(site.layout), {"srv/notes.py": digest(files.read_bytes())})
    address = f"container.{desired.container_names()['search']}"
    assert fingerprint_of(address, recorded) == fingerprint_of(address, asyncio.run(observe(desired, site))) != ABSENT
    assert reconcile(desired, recorded, Options()).is_empty


def test_the_generation_holds_references_and_never_values(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    plan = planned(desired, site)
    applied(plan, site)
    generation = json.loads(read_generation(site.layout))
    notes, _, time = generation["servers"]
    assert generation["plan"] == plan_digest(plan)
    assert notes["secrets"] == {"KEY": "env://KEY"}
    assert notes["spec"]["argv"] == ["/programs/python3", "srv/notes.py"]
    assert notes["spec"]["hidden"] == [str(site.layout.folder)]
    assert notes["spec"]["writable"] == [str(site.layout.scratch / "notes"), str((tmp_path / "data").resolve())]
    assert [tool["name"] for tool in time["tools"]] == ["get_time"]
    files = [path for path in site.layout.folder.rglob("*") if path.is_file()]
    holding = [path for path in files if b"hunter2" in path.read_bytes()]
    assert holding == [site.layout.secrets / "search" / "FILE"]
    assert holding[0].stat().st_mode & 0o777 == 0o444
    assert site.layout.secrets.stat().st_mode & 0o777 == holding[0].parent.stat().st_mode & 0o777 == 0o700


def test_a_server_is_probed_with_its_secrets_in_a_scratch_folder_that_is_removed(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    applied(planned(desired, site), site)
    prober = site.prober
    assert isinstance(prober, ScriptedProber)
    spec = next(each for each in prober.asked if each.server == "notes")
    assert isinstance(spec, ChildSpec)
    assert spec.env["KEY"] == "hunter2"
    assert spec.secrets == ("KEY",)
    assert Path(spec.env["HOME"]).parent == site.layout.probes
    assert list(site.layout.probes.iterdir()) == []


def test_a_server_with_other_tools_than_the_lock_is_not_switched_to(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path, tools=OTHER_TOOLS), bound(HUB, TOOLS)
    listener = Listener()
    report = applied(planned(desired, site), site, listener)
    ((operation, failure),) = report.failures
    assert (operation.address, report.switched) == ("server.time", False)
    assert failure.detail == "`sleep` is new"
    assert read_applied(site.layout) is None
    assert [event.address for event in listener.events if isinstance(event, Failed)] == ["server.time"]


def test_a_package_that_cannot_be_installed_stops_the_apply_and_stands_in_the_journal(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path, broken="mcp-server-time==1"), bound(HUB, TOOLS)
    report = applied(planned(desired, site), site)
    assert [failure.brief for _, failure in report.failures] == ["mcp-server-time==1 cannot be installed"]
    lines = [json.loads(line) for line in site.layout.journal.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["apply begun", "begun", "done", "begun", "failed", "apply ended"]
    assert lines[4]["brief"] == "mcp-server-time==1 cannot be installed"
    assert read_applied(site.layout) is None


def test_what_was_applied_stays_when_the_next_apply_fails(tmp_path: Path) -> None:
    site = prepared(tmp_path, broken="mcp-server-time==2")
    before, _ = bound(HUB, TOOLS)
    applied(planned(before, site), site)
    after, _ = bound(OTHER, OTHER_TOOLS)
    assert applied(planned(after, site), site).switched is False
    kept = read_applied(site.layout)
    assert kept is not None
    assert kept.plan.desired == before


def test_progress_is_reported_in_pairs(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    listener = Listener()
    applied(planned(desired, site), site, listener)
    done = [(event.act, event.address) for event in listener.events if isinstance(event, Done)]
    container = desired.container_names()["search"]
    image = next(server.container.image for server in desired.servers if server.container is not None)
    assert sorted(done) == [
        ("installing", "mcp-server-time==1"),
        ("making", f"container.{container}"),
        ("probing", "server.notes"),
        ("probing", "server.search"),
        ("probing", "server.time"),
        ("pulling", f"image.{image}"),
        ("switching", "generation"),
    ]


def test_a_saved_plan_is_stale_when_a_file_it_starts_was_edited(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    plan = planned(desired, site)
    (tmp_path / "srv" / "notes.py").write_text("other")
    (moved,) = find_moved(plan, asyncio.run(observe(desired, site)))
    assert moved.address == "file.srv/notes.py"


@pytest.mark.parametrize("length", range(14))
def test_every_prefix_of_a_plan_applied_and_planned_again_converges(tmp_path: Path, length: int) -> None:
    site = prepared(tmp_path, tools=OTHER_TOOLS)
    first, _ = bound(
        HUB.replace("time: {package", "now: {package"),
        {"notes": TOOLS["notes"], "now": TOOLS["time"], "search": TOOLS["search"]},
    )
    offers = {"now": bound(HUB, TOOLS)[1]["time"]}
    assert isinstance(site.prober, ScriptedProber)
    site.prober.offers = {**site.prober.offers, **offers}
    assert applied(planned(first, site), site).failures == ()
    second, _ = bound(OTHER, OTHER_TOOLS)
    whole = planned(second, site)
    assert {each.type for each in whole.operations} == set(OpType) - {OpType.MOVE}
    cut = Plan(desired=whole.desired, changes=whole.changes, operations=whole.operations[:length], base=whole.base)
    assert applied(cut, site).failures == ()
    assert applied(planned(second, site), site).failures == ()
    assert planned(second, site).is_empty
    assert not any((site.layout.scratch / name).exists() for name in ("notes", "now"))


def test_an_optional_server_that_does_not_answer_is_done_without(tmp_path: Path) -> None:
    site = prepared(tmp_path)
    desired, _ = bound(HUB.replace("{command:", "{optional: true, command:"), TOOLS)
    assert isinstance(site.prober, ScriptedProber)
    offers = dict(site.prober.offers)
    site.prober.offers = {name: each for name, each in offers.items() if name != "notes"}
    report = applied(planned(desired, site), site)
    assert (report.failures, report.switched) == ((), True)
    assert [(name, failure.brief) for name, failure in report.missing] == [("notes", "server notes did not start")]
    assert planned(desired, site).is_empty
    served = json.loads((site.layout.current / "gateway.json").read_bytes())
    assert {each["name"]: each["optional"] for each in served["servers"]}["notes"] is True
    again, _ = bound(HUB, TOOLS)
    (change, _) = planned(again, site).changes
    assert (change.action.name, change.cause) == ("UPDATE", "whether it may be missing changed")
    site.prober.offers = {**offers, "notes": {"other": {"name": "other"}}}
    other, _ = bound(HUB.replace("{command:", "{optional: true, env: {A: b}, command:"), TOOLS)
    report = applied(planned(other, site), site)
    assert [failure.brief for _, failure in report.failures] == ["server notes offers other tools than the lock says"]


RENAMED = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
moved: [{from: time, to: clock}, {from: search, to: find}, {from: notes, to: memos}]
servers:
  memos: {command: [python3, srv/notes.py], secrets: {KEY: "env://KEY"}, paths: {write: [data]}}
  find: {image: "registry.example/search:1", secrets: {TOKEN: "env://KEY", FILE: {ref: "env://KEY", as: file}}}
  clock: {package: "pypi:mcp-server-time@1", tools: {deny: [convert]}}
"""
RENAMED_TOOLS = {"memos": TOOLS["notes"], "find": TOOLS["search"], "clock": TOOLS["time"]}


def with_data(root: Path) -> Site:
    """Return a site where the hub is applied and its servers have kept something, and the renamed ones answer."""
    site = prepared(root)
    assert isinstance(site.prober, ScriptedProber)
    site.prober.offers = {**site.prober.offers, **bound(RENAMED, RENAMED_TOOLS)[1]}
    assert applied(planned(bound(HUB, TOOLS)[0], site), site).failures == ()
    for name in ("time", "notes"):
        (site.layout.scratch / name / "kept").write_text(name)
    return site


def kept_by(site: Site, name: str) -> str:
    return (site.layout.scratch / name / "kept").read_text()


def test_a_renamed_server_keeps_what_belonged_to_it(tmp_path: Path) -> None:
    site, (desired, _) = with_data(tmp_path), bound(RENAMED, RENAMED_TOOLS)
    (old,) = asyncio.run(observe(desired, site)).containers
    plan = planned(desired, site)
    assert [(each.address, each.was, each.action) for each in plan.changes if each.was] == [
        ("server.clock", "server.time", Action.RENAME),
        ("server.find", "server.search", Action.RENAME),
        ("server.memos", "server.notes", Action.RENAME),
    ]
    assert [each.fields for each in plan.changes if each.was] == [(), (), ()]
    assert [each.address for each in plan.changes if not each.was] == ["generation"]
    order = [(each.type, each.target) for each in plan.operations]
    assert order.index((OpType.MAKE, desired.container_names()["find"])) < order.index((OpType.SWITCH, ""))
    assert order.index((OpType.SWITCH, "")) < order.index((OpType.REMOVE, old))
    assert read_plan(write_plan(plan)) == plan
    assert applied(plan, site).failures == ()
    assert (kept_by(site, "clock"), kept_by(site, "memos")) == ("time", "notes")
    assert {each.name for each in site.layout.scratch.iterdir()} == {"clock", "memos"}
    assert [each.server for each in asyncio.run(observe(desired, site)).containers.values()] == ["find"]
    assert not (site.layout.secrets / "search").exists()
    for text in (RENAMED, RENAMED.replace("moved:", "#")):
        assert planned(bound(text, RENAMED_TOOLS)[0], site).is_empty
    assert find_drift_of(desired, site) == ()


@pytest.mark.parametrize("length", range(12))
def test_every_prefix_of_a_rename_converges_and_keeps_what_belonged_to_it(tmp_path: Path, length: int) -> None:
    site, (desired, _) = with_data(tmp_path), bound(RENAMED, RENAMED_TOOLS)
    whole = planned(desired, site)
    assert OpType.MOVE in {each.type for each in whole.operations}
    assert len(whole.operations) == 11
    cut = replace(whole, operations=whole.operations[:length])
    assert applied(cut, site).failures == ()
    # Whatever the old servers keep meanwhile, they find under the old name until the new ones serve.
    if length < [each.type for each in whole.operations].index(OpType.RETIRE):
        assert (kept_by(site, "time"), kept_by(site, "notes")) == ("time", "notes")
    assert applied(planned(desired, site), site).failures == ()
    assert planned(desired, site).is_empty
    assert (kept_by(site, "clock"), kept_by(site, "memos")) == ("time", "notes")
    assert {each.name for each in site.layout.scratch.iterdir()} == {"clock", "memos"}


@pytest.mark.parametrize("length", range(12))
def test_every_prefix_of_a_rename_that_is_taken_back_converges(tmp_path: Path, length: int) -> None:
    site, (desired, _), (before, _) = with_data(tmp_path), bound(RENAMED, RENAMED_TOOLS), bound(HUB, TOOLS)
    whole = planned(desired, site)
    assert applied(replace(whole, operations=whole.operations[:length]), site).failures == ()
    assert applied(planned(before, site), site).failures == ()
    assert planned(before, site).is_empty
    assert {each.name for each in site.layout.scratch.iterdir()} == {"time", "notes"}
    assert not any(each.is_symlink() for each in site.layout.scratch.iterdir())


def test_a_rename_that_fails_puts_the_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, (desired, _) = with_data(tmp_path), bound(RENAMED, RENAMED_TOOLS)

    def fail(*_arguments: object) -> int:
        raise RuntimeFailure("the disk is full")

    monkeypatch.setattr("mcphub_gitops.runtime.apply.apply.write_generation", fail)
    report = applied(planned(desired, site), site)
    assert [failure.brief for _, failure in report.failures] == ["the disk is full"]
    assert (kept_by(site, "time"), kept_by(site, "notes")) == ("time", "notes")
    assert not (site.layout.scratch / "time").is_symlink()
    monkeypatch.undo()
    assert applied(planned(desired, site), site).failures == ()
    assert kept_by(site, "clock") == "time"


def test_a_plan_of_a_rename_is_stale_when_the_old_server_was_changed(tmp_path: Path) -> None:
    site, (desired, _) = with_data(tmp_path), bound(RENAMED, RENAMED_TOOLS)
    plan = planned(desired, site)
    other, _ = bound(HUB.replace("{deny: [convert]}", "{}"), TOOLS)
    assert applied(planned(other, site), site).failures == ()
    assert "server.time" in {each.address for each in find_moved(plan, asyncio.run(observe(desired, site)))}


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "plan.json").write_bytes(b""),
        lambda folder: (folder / "plan.json").unlink(),
        lambda folder: (folder / "state.json").write_text("{}"),
        lambda folder: (folder / "state.json").write_text('{"format":"mcphub.state/v1","serial":1}'),
    ],
)
def test_a_damaged_record_is_refused_and_never_taken_for_an_empty_one(tmp_path: Path, damage: Any) -> None:  # noqa: ANN401  (a lambda)
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    applied(planned(desired, site), site)
    damage(site.layout.current.resolve())
    with pytest.raises(RuntimeFailure, match="the record of what is applied is damaged"):
        read_applied(site.layout)


def test_a_lost_link_is_told_and_made_again_and_is_not_taken_for_nothing_applied(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    assert restore_current(site.layout) is None
    applied(planned(desired, site), site)
    assert restore_current(site.layout) is None
    # As an apply leaves it that is killed before the link is moved.
    (site.layout.generations / "2").mkdir()
    site.layout.current.unlink()
    with pytest.raises(RuntimeFailure, match="the link to what is applied is gone") as raised:
        read_applied(site.layout)
    assert "the generation 1 was served" in raised.value.detail
    assert "mcphub recover" in raised.value.resolution
    assert restore_current(site.layout) == 1
    found = read_applied(site.layout)
    assert found is not None
    assert found.serial == 1
    site.layout.current.unlink()
    (site.layout.generations / "1" / "served").unlink()
    assert read_applied(site.layout) is None


def test_a_damaged_gateway_file_is_not_served_and_is_written_again(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    applied(planned(desired, site), site)
    (site.layout.current / "gateway.json").write_text("{}")
    with pytest.raises(RuntimeFailure, match="the applied generation is damaged"):
        read_generation(site.layout)
    plan = planned(desired, site)
    assert [each.type for each in plan.operations] == [OpType.SWITCH]
    applied(plan, site)
    assert json.loads(read_generation(site.layout))["hub"] == "acme"


def test_the_gateway_is_given_each_profile_with_its_tools(tmp_path: Path) -> None:
    site = prepared(tmp_path)
    desired, _ = bound(HUB, TOOLS)
    applied(planned(desired, site), site)
    assert "profiles" not in json.loads(read_generation(site.layout))
    profiles = "profiles:\n  some: {servers: [notes, time], tools: {deny: [notes/add]}}\n"
    desired, _ = bound(HUB + profiles, TOOLS)
    plan = planned(desired, site)
    assert [each.type for each in plan.operations] == [OpType.SWITCH]
    applied(plan, site)
    found = json.loads(read_generation(site.layout))["profiles"]
    assert found == {"some": {"path": "/some/mcp", "tools": ["list", "get_time"]}}
    assert planned(desired, site).is_empty
    assert find_drift_of(desired, site) == ()


def test_only_the_last_generations_are_kept(tmp_path: Path) -> None:
    site = prepared(tmp_path)
    for prefix in "abcde":
        desired, _ = bound(HUB.replace("tools: {deny", f"prefix: {prefix}, tools: {{deny"), TOOLS)
        applied(planned(desired, site), site)
    assert sorted(folder.name for folder in site.layout.generations.iterdir()) == ["3", "4", "5"]


def test_a_granted_path_that_leads_out_of_the_hub_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "hub"
    root.mkdir()
    site, (desired, _) = prepared(root), bound(HUB, TOOLS)
    (root / "data").rmdir()
    (root / "data").symlink_to(tmp_path)
    report = applied(planned(desired, site), site)
    assert [failure.brief for _, failure in report.failures] == [
        "server notes is granted data, which leads out of the hub's folder"
    ]


def test_an_apply_that_fails_leaves_the_secrets_of_what_goes_on_serving(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    applied(planned(desired, site), site)
    held = site.layout.secrets / "search" / "FILE"
    assert isinstance(site.secrets, MemorySecrets)
    site.secrets.values = {**site.secrets.values, "env://OTHER": "another"}
    changed, _ = bound(HUB.replace('{ref: "env://KEY"', '{ref: "env://OTHER"'), TOOLS)
    assert isinstance(site.prober, ScriptedProber)
    offers, site.prober.offers = site.prober.offers, {}
    assert applied(planned(changed, site), site).failures
    assert held.read_text() == "hunter2"
    site.prober.offers = offers
    assert applied(planned(changed, site), site).failures == ()
    assert held.read_text() == "another"


def test_a_question_leaves_the_secrets_of_the_container_that_serves(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    applied(planned(desired, site), site)
    without, _ = bound(HUB.replace(', FILE: {ref: "env://KEY", as: file}', ""), TOOLS)
    (search,) = (server for server in without.servers if server.name == "search")
    asyncio.run(ask_server(search, "acme", site))
    assert (site.layout.secrets / "search" / "FILE").read_text() == "hunter2"
    assert list(site.layout.probes.iterdir()) == []
    assert isinstance(site.prober, ScriptedProber)
    asked = [spec.labels for spec in site.prober.asked if isinstance(spec, ContainerSpec)]
    assert [labels.get("io.mcphub.role") for labels in asked] == [None, "question"]
    assert applied(planned(without, site), site).failures == ()
    assert not (site.layout.secrets / "search").exists()


def test_a_container_whose_secret_files_are_gone_is_made_anew_with_them(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    applied(planned(desired, site), site)
    assert planned(desired, site).is_empty
    remove_folder(site.layout.secrets / "search")
    plan = planned(desired, site)
    (made,) = (operation for operation in plan.operations if operation.type is OpType.MAKE)
    assert made.cause == "the files of its secrets are gone"
    applied(plan, site)
    assert (site.layout.secrets / "search" / "FILE").read_text() == "hunter2"
    assert planned(desired, site).is_empty


def test_the_secrets_of_a_server_that_is_gone_are_removed(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    applied(planned(desired, site), site)
    other = HUB.replace("  search:", "  found:")
    assert isinstance(site.prober, ScriptedProber)
    tools = {"notes": TOOLS["notes"], "found": TOOLS["search"], "time": TOOLS["time"]}
    site.prober.offers = {**site.prober.offers, "found": bound(other, tools)[1]["found"]}
    assert applied(planned(bound(other, tools)[0], site), site).failures == ()
    assert [path.name for path in site.layout.secrets.iterdir()] == ["found"]


def changed_by_hand(site: Site, desired: Desired, **fields: Any) -> str:  # noqa: ANN401  (those of a container)
    """Change the container of `search` on the engine, and return its name."""
    assert isinstance(site.containers, MemoryContainers)
    name = desired.container_names()["search"]
    site.containers.running[name] = replace(site.containers.running[name], **fields)
    site.containers.acts.clear()
    return name


def test_a_running_container_serves_until_the_one_that_heals_it_does(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    applied(planned(desired, site), site)
    name = changed_by_hand(site, desired, differing=("memory",), started="first")
    assert served_marks(site.layout)["search"] == ""
    plan = planned(desired, site)
    types = [operation.type for operation in plan.operations]
    assert types == [OpType.MAKE, OpType.PROBE, OpType.SWITCH, OpType.REMOVE]
    (found,) = (each for each in find_drift_of(desired, site) if each.kind is Kind.CONTAINER)
    assert found.detail == "its container was changed (memory)"
    assert applied(plan, site).failures == ()
    assert isinstance(site.containers, MemoryContainers)
    assert site.containers.acts == [f"create {name}", f"remove {name}-old"]
    # A gateway that knows nothing of the engine sees by this that it is to speak to another one.
    mark = served_marks(site.layout)["search"]
    assert mark
    assert planned(desired, site).is_empty
    # What is not running has nothing to lose.
    changed_by_hand(site, desired, state="exited")
    applied(planned(desired, site), site)
    assert site.containers.acts == [f"create {name}"]
    assert served_marks(site.layout)["search"] == mark


def test_a_container_that_cannot_be_healed_goes_on_serving_under_its_name(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    applied(planned(desired, site), site)
    name = changed_by_hand(site, desired, differing=("memory",), started="first")
    assert isinstance(site.prober, ScriptedProber)
    site.prober.offers = {}
    assert applied(planned(desired, site), site).failures
    assert isinstance(site.containers, MemoryContainers)
    assert site.containers.acts == [f"create {name}", f"restore {name}"]
    assert {each.name: each.started for each in site.containers.running.values()} == {name: "first"}


def test_a_renamed_container_is_removed_before_its_place_is_taken(tmp_path: Path) -> None:
    site, (desired, _) = prepared(tmp_path), bound(HUB, TOOLS)
    applied(planned(desired, site), site)
    assert isinstance(site.containers, MemoryContainers)
    name = desired.container_names()["search"]
    site.containers.running["stray"] = replace(site.containers.running.pop(name), name="stray")
    plan = planned(desired, site)
    types = [operation.type for operation in plan.operations]
    assert types == [OpType.REMOVE, OpType.MAKE, OpType.PROBE, OpType.SWITCH]
    site.containers.acts.clear()
    assert applied(plan, site).failures == ()
    assert site.containers.acts == ["remove stray", f"create {name}"]
