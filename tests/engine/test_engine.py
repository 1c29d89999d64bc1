"""What the engine room promises of containers that are not spoken to, seen on a real engine."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from mcphub_gitops.compiler.plan.container import LINEAGE_LABEL, QUESTION, SERVER_LABEL, SPEC_LABEL, aside_name
from mcphub_gitops.compiler.plan.observed import SeenContainer
from mcphub_gitops.runtime.engines.docker.engine import DockerEngine
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ContainerSpec, Mount
from tests.engine.conftest import Hub, started
from tests.runtime.engines.children import Record
from tests.runtime.engines.conftest import Run

pytestmark = pytest.mark.parametrize("run", [uvloop.new_event_loop], indirect=True, ids=["uvloop"])


def observe(run: Run, hub: Hub, *specs: ContainerSpec) -> tuple[SeenContainer, ...]:
    return run(hub.engine().observe(hub.labels, specs))


def test_a_container_that_was_made_is_as_asked_and_does_not_run(run: Run, hub: Hub) -> None:
    spec = hub.spec()
    run(hub.engine().create(spec))
    assert observe(run, hub, spec) == (
        SeenContainer(name=spec.name, server="notes", spec="sha256:1", state="created", lineage=hub.lineage),
    )


def test_everything_that_can_be_asked_for_is_given_and_recognised(run: Run, hub: Hub, tmp_path: Path) -> None:
    volume = f"mcphub-test-{hub.lineage[:12]}"
    spec = hub.spec(
        entrypoint=("/bin/sh", "-c"),
        env={"PLAIN": "a=b", "KEY": "kept-to-itself", "EMPTY": ""},
        secrets=("KEY",),
        working_dir="/tmp",  # noqa: S108  (in the container)
        user="1000:1000",
        network="bridge",
        mounts=(
            Mount(kind="bind", source=str(tmp_path), target="/data"),
            Mount(kind="volume", source=volume, target="/keep", read_only=False),
        ),
        tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=1m,mode=1777"},  # noqa: S108
        capabilities=("NET_BIND_SERVICE", "CAP_CHOWN"),
        read_only=False,
        memory=64 * 1024**2,
        pids=7,
        cpus=500_000_000,
        host_pid=True,
        host_ipc=True,
    )
    try:
        run(hub.engine().create(spec))
        [seen] = observe(run, hub, spec)
        assert seen.differing == ()
        document = hub.inspect()
        assert sorted(document["Config"]["Env"]) == ["EMPTY=", "KEY=kept-to-itself", "OWN=image", "PLAIN=a=b"]
        assert document["HostConfig"]["PidsLimit"] == 7
    finally:
        hub.clear()
        hub.raw.request("DELETE", f"/volumes/{volume}?force=1")


def test_a_privileged_container_is_recognised(run: Run, hub: Hub) -> None:
    spec = hub.spec(privileged=True, network="host")
    run(hub.engine().create(spec))
    [seen] = observe(run, hub, spec)
    assert seen.differing == ()


def test_what_was_changed_on_the_engine_is_found(run: Run, hub: Hub) -> None:
    spec = hub.spec()
    run(hub.engine().create(spec))
    hub.raw.ask("POST", f"/containers/{spec.name}/update", {"PidsLimit": 99, "RestartPolicy": {"Name": "always"}})
    hub.raw.ask("POST", f"/containers/{spec.name}/update", {"Memory": 2**30, "MemorySwap": 2**31})
    [seen] = observe(run, hub, spec)
    assert seen.differing == ("memory", "pids", "restart")


def test_a_network_that_was_connected_later_is_found(run: Run, hub: Hub) -> None:
    spec = hub.spec(network="bridge")
    run(hub.engine().create(spec))
    network = hub.raw.ask("POST", "/networks/create", {"Name": spec.name})["Id"]
    try:
        hub.raw.ask("POST", f"/networks/{network}/connect", {"Container": spec.name})
        [seen] = observe(run, hub, spec)
        assert seen.differing == ("network",)
    finally:
        hub.clear()
        hub.raw.ask("DELETE", f"/networks/{network}")


def test_a_container_made_by_hand_with_our_labels_is_no_container_of_ours_to_trust(run: Run, hub: Hub) -> None:
    spec = hub.spec()
    body = {"Image": spec.image, "Cmd": ["exec cat"], "Labels": dict(spec.labels), "Env": ["PLAIN=1"]}
    hub.raw.ask("POST", f"/containers/create?name={spec.name}", body)
    [seen] = observe(run, hub, spec)
    assert seen.owned
    assert set(seen.differing) == {
        "cap_drop", "cpus", "health_check", "host_ipc", "init", "log", "memory", "network", "pids", "read_only",
        "security", "stdin", "ulimits", "user",
    } - ({"host_ipc"} if hub.inspect()["HostConfig"]["IpcMode"] == "private" else set())  # fmt: skip


def test_observing_tells_ours_from_those_that_stand_in_the_way(run: Run, hub: Hub) -> None:
    ours, other = hub.spec(server="ours"), hub.spec(server="old")
    run(hub.engine().create(ours))
    run(hub.engine().create(other))
    foreign = hub.spec(server="foreign")
    hub.raw.ask("POST", f"/containers/create?name={foreign.name}", {"Image": foreign.image, "Cmd": ["exit"]})
    seen = observe(run, hub, ours, foreign, hub.spec(server="nowhere"))
    assert seen == (
        SeenContainer(name=foreign.name, state="created", owned=False),
        SeenContainer(name=other.name, server="old", spec="sha256:1", state="created", lineage=hub.lineage),
        SeenContainer(name=ours.name, server="ours", spec="sha256:1", state="created", lineage=hub.lineage),
    )
    stranger = {**hub.labels, LINEAGE_LABEL: "another"}
    [found] = run(hub.engine().observe(stranger, [ours]))
    assert (found.owned, found.lineage) == (False, hub.lineage)
    with pytest.raises(RuntimeFailure, match="is not ours") as raised:
        run(hub.engine().remove(ours.name, stranger))
    assert hub.lineage in raised.value.detail
    assert "mcphub recover" in raised.value.resolution


def test_what_runs_is_set_aside_for_its_successor_and_goes_on_speaking(run: Run, hub: Hub) -> None:
    spec, labels = hub.spec(), hub.labels
    engine = hub.engine()

    async def succeed() -> None:
        old, first = await started(hub, spec)
        await engine.create(spec)
        old.write(b"still here\n")
        assert await first.line() == b"still here"
        new, second = await engine.spawn(spec, Record()), Record()
        await new.leave()
        removing = asyncio.create_task(engine.remove(aside_name(spec.name), labels, patience=30.0))  # noqa: TID251
        await asyncio.wait((removing,), timeout=0.3)
        assert not removing.done()
        assert first.statuses == []
        await old.leave()
        await removing
        again = await engine.spawn(spec, second)
        again.write(b"and here\n")
        assert await second.line() == b"and here"
        await again.leave()

    run(succeed())
    assert [each.name for each in observe(run, hub)] == [spec.name]


def test_what_was_set_aside_gets_its_name_back(run: Run, hub: Hub) -> None:
    spec = hub.spec()
    engine = hub.engine()

    async def give_back() -> None:
        old, first = await started(hub, spec)
        before = hub.inspect()["Id"]
        await engine.create(spec)
        assert hub.inspect()["Id"] != before
        assert await engine.restore(spec.name, hub.labels)
        assert hub.inspect()["Id"] == before
        assert not await engine.restore(spec.name, hub.labels)
        old.write(b"still here\n")
        assert await first.line() == b"still here"
        with pytest.raises(RuntimeFailure, match="is in use"):
            await engine.spawn(spec, Record())
        await old.leave()

    run(give_back())
    assert [each.name for each in observe(run, hub)] == [spec.name]


def test_what_is_just_asked_something_is_left_out_and_what_a_dead_asker_left_is_not(run: Run, hub: Hub) -> None:
    spec = hub.spec(lasting=False)
    spec = replace(spec, labels={**spec.labels, **QUESTION})

    async def ask() -> tuple[SeenContainer, ...]:
        child, _ = await started(hub, spec)
        seen = await hub.engine().observe(hub.labels, ())
        assert hub.has()
        await child.stop(grace=0.1)
        return seen

    assert run(ask()) == ()
    body = {"Image": spec.image, "Cmd": ["exec cat"], "Labels": dict(spec.labels)}
    hub.raw.ask("POST", f"/containers/create?name={spec.name}", body)
    assert [each.name for each in observe(run, hub)] == [spec.name]


def test_a_name_that_begins_like_an_id_is_no_container(run: Run, hub: Hub) -> None:
    run(hub.engine().create(hub.spec()))
    name = hub.inspect()["Id"][:12]
    spec = hub.spec()
    stranger = ContainerSpec(server="x", name=name, image=spec.image, env={}, labels={})
    assert [each.name for each in observe(run, hub, stranger)] == [spec.name]
    run(hub.engine().remove(name, hub.labels))
    assert hub.has()


def test_an_older_container_of_the_server_makes_room(run: Run, hub: Hub) -> None:
    run(hub.engine().create(hub.spec(digest="sha256:1")))
    first = hub.inspect()["Id"]
    hub.raw.ask("POST", f"/containers/{first}/start")
    run(hub.engine().create(hub.spec(digest="sha256:2")))
    assert hub.inspect()["Id"] != first
    assert hub.inspect()["Config"]["Labels"][SPEC_LABEL] == "sha256:2"


@pytest.mark.parametrize("change", [{LINEAGE_LABEL: "another"}, {SERVER_LABEL: "another"}])
def test_a_container_that_is_not_ours_is_never_touched(run: Run, hub: Hub, change: dict[str, str]) -> None:
    spec = hub.spec()
    body = {"Image": spec.image, "Cmd": ["exit"], "Labels": {**spec.labels, **change}}
    made = hub.raw.ask("POST", f"/containers/create?name={spec.name}", body)["Id"]
    with pytest.raises(RuntimeFailure, match="is not ours"):
        run(hub.engine().create(spec))
    with pytest.raises(RuntimeFailure, match="is not ours"):
        run(hub.engine().remove(spec.name, spec.labels))
    with pytest.raises(RuntimeFailure, match="is not ours"):
        run(hub.engine().spawn(spec, Record()))
    assert hub.inspect()["Id"] == made


def test_removing_ends_what_runs_and_is_content_with_nothing(run: Run, hub: Hub) -> None:
    spec = hub.spec()
    run(hub.engine().create(spec))
    hub.raw.ask("POST", f"/containers/{spec.name}/start")
    run(hub.engine().remove(spec.name, hub.labels))
    assert not hub.has()
    run(hub.engine().remove(spec.name, hub.labels))


def test_several_who_remove_one_container_all_succeed(run: Run, hub: Hub) -> None:
    async def remove() -> None:
        engine = hub.engine()
        await asyncio.gather(*(engine.remove(hub.name("notes"), hub.labels) for _ in range(5)))

    run(hub.engine().create(hub.spec()))
    hub.raw.ask("POST", f"/containers/{hub.name('notes')}/start")
    run(remove())
    assert not hub.has()


def test_a_container_without_its_image_is_not_made(run: Run, hub: Hub) -> None:
    image = f"{hub.raw.registry}/nothing@sha256:{'0' * 64}"
    with pytest.raises(RuntimeFailure, match="cannot be made") as raised:
        run(hub.engine().create(hub.spec(image=image)))
    assert raised.value.resolution == f"fetch its image, {image}"


def test_a_mistake_in_the_spec_is_told_without_its_secrets(run: Run, hub: Hub) -> None:
    spec = hub.spec(env={"KEY": "kept-to-itself"}, secrets=("KEY",), working_dir="kept-to-itself")
    with pytest.raises(RuntimeFailure, match="cannot be made") as raised:
        run(hub.engine().create(spec))
    assert "[secret]" in raised.value.detail
    assert "kept-to-itself" not in raised.value.detail
    assert not hub.has()


def test_a_container_that_the_engine_does_not_give_as_asked_is_not_kept(run: Run, hub: Hub) -> None:
    # The engine writes a path in its own way; that alone is enough.
    spec = hub.spec(tmpfs={"/tmp": "size=1m"}, cpus=0)  # noqa: S108
    run(hub.engine().create(spec))
    hub.clear()
    with pytest.raises(RuntimeFailure, match="cannot be held as it should be") as raised:
        run(hub.engine().create(hub.spec(pids=-2)))
    assert "pids" in raised.value.detail
    assert not hub.has()


def test_an_engine_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    engine = DockerEngine(str(tmp_path / "none.sock"), leases=tmp_path)
    with pytest.raises(RuntimeFailure, match="cannot be reached") as raised:
        run(engine.observe({}, ()))
    assert str(tmp_path / "none.sock") in raised.value.detail
    assert raised.value.retryable
