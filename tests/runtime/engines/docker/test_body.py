from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mcphub_gitops.runtime.engines.docker.body import create_body, differing
from mcphub_gitops.runtime.ports import ContainerSpec, Mount

TARGET = "/scratch"
SPEC = ContainerSpec(
    server="notes",
    name="mcphub-notes",
    image="registry.example/notes@sha256:1",
    env={"PLAIN": "a=b", "KEY": "kept-to-itself"},
    labels={"io.mcphub.hub": "acme"},
    entrypoint=("/notes",),
    command=("--serve",),
    working_dir="/srv",
    mounts=(Mount(kind="bind", source="/data", target="/data"), Mount(kind="volume", source="keep", target="/keep")),
    tmpfs={TARGET: "rw,size=64m"},
    capabilities=("NET_BIND_SERVICE",),
    secrets=("KEY",),
)


def made_of(body: dict[str, Any]) -> dict[str, Any]:
    """Return what an engine says of a container that it made from `body`; tests/engine asks real ones."""
    host = dict(body["HostConfig"])
    config = {name: value for name, value in body.items() if name != "HostConfig"}
    return {
        "Config": {**config, "Env": [*config["Env"], "PATH=/bin"], "Labels": {**config["Labels"], "image": "own"}},
        "HostConfig": {**host, "Devices": None, "Binds": None, "MaskedPaths": ["/proc/kcore"]},
        "NetworkSettings": {"Networks": {host["NetworkMode"]: {}}},
    }


def test_the_baseline_holds_a_server_in() -> None:
    body = create_body(SPEC)
    host = body["HostConfig"]
    assert body["User"] == "65532:65532"
    assert host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] == ["NET_BIND_SERVICE"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["ReadonlyRootfs"] is True
    assert host["NetworkMode"] == "none"
    assert host["IpcMode"] == "private"
    assert host["MemorySwap"] == host["Memory"] == 512 * 1024**2
    assert (host["PidsLimit"], host["NanoCpus"], host["Init"]) == (128, 1_000_000_000, True)
    assert host["RestartPolicy"] == {"Name": "no"}
    assert {each["Name"]: each["Hard"] for each in host["Ulimits"]} == {"nofile": 1024, "core": 0}
    assert not host.keys() & {"Binds", "Devices", "PortBindings", "PublishAllPorts", "UsernsMode", "UTSMode"}
    assert (body["OpenStdin"], body["StdinOnce"], body["Tty"]) == (True, False, False)


def test_what_is_removed_when_it_ends_is_so_made() -> None:
    body = create_body(replace(SPEC, lasting=False))
    assert body["StdinOnce"] is True
    assert body["HostConfig"]["AutoRemove"] is True
    assert create_body(SPEC)["HostConfig"]["AutoRemove"] is False


def test_privileged_is_what_it_says() -> None:
    host = create_body(replace(SPEC, privileged=True))["HostConfig"]
    assert (host["Privileged"], host["CapDrop"], host["SecurityOpt"]) == (True, [], [])


def test_an_image_keeps_its_own_program_where_none_is_asked_for() -> None:
    body = create_body(replace(SPEC, entrypoint=(), command=(), working_dir=""))
    assert not body.keys() & {"Entrypoint", "Cmd", "WorkingDir"}
    own = {"Entrypoint": ["/own"], "Cmd": ["x"], "WorkingDir": "/own"}
    document = made_of(body)
    assert (
        differing(
            replace(SPEC, entrypoint=(), command=(), working_dir=""), document | {"Config": document["Config"] | own}
        )
        == ()
    )


@pytest.mark.parametrize(
    "changes", [{}, {"privileged": True}, {"lasting": False}, {"network": "host", "host_pid": True}]
)
def test_what_was_made_as_asked_does_not_differ(changes: dict[str, Any]) -> None:
    spec = replace(SPEC, **changes)
    assert differing(spec, made_of(create_body(spec))) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image", "registry.example/notes@sha256:2"),
        ("env", {"PLAIN": "other", "KEY": "kept-to-itself"}),
        ("env", {"PLAIN": "a=b", "MORE": "1", "KEY": "kept-to-itself"}),
        ("labels", {"io.mcphub.hub": "other"}),
        ("entrypoint", ("/other",)),
        ("command", ("--other",)),
        ("command", ()),
        ("working_dir", "/other"),
        ("user", "0:0"),
        ("network", "bridge"),
        ("mounts", ()),
        ("mounts", (replace(SPEC.mounts[0], read_only=False), SPEC.mounts[1])),
        ("mounts", (replace(SPEC.mounts[0], source="/"), SPEC.mounts[1])),
        ("mounts", (replace(SPEC.mounts[0], kind="volume"), SPEC.mounts[1])),
        ("tmpfs", {}),
        ("tmpfs", {TARGET: "rw,exec"}),
        ("capabilities", ()),
        ("capabilities", ("NET_BIND_SERVICE", "SYS_ADMIN")),
        ("host_pid", True),
        ("host_ipc", True),
        ("read_only", False),
        ("memory", 1),
        ("pids", 1),
        ("cpus", 1),
        ("lasting", False),
    ],
)
def test_a_field_that_is_not_as_asked_is_named(name: str, value: object) -> None:
    changes: dict[str, Any] = {name: value}
    document = made_of(create_body(SPEC))
    found = differing(replace(SPEC, **changes), document)
    assert name in found
    assert set(found) <= {name, "stdin"}


def test_a_secret_is_missed_by_its_name_and_never_compared() -> None:
    spec = replace(SPEC, env={"PLAIN": "a=b", "KEY": "another value"})
    assert differing(spec, made_of(create_body(SPEC))) == ()
    # The gateway does not hold the values that a container was made with.
    assert differing(replace(SPEC, env={"PLAIN": "a=b"}), made_of(create_body(SPEC))) == ()
    assert differing(SPEC, made_of(create_body(replace(SPEC, env={"PLAIN": "a=b"}, secrets=())))) == ("env",)


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("SecurityOpt", ["no-new-privileges:true", "seccomp=unconfined"], "security"),
        ("SecurityOpt", None, "security"),
        ("MaskedPaths", [], "security"),
        ("CapDrop", None, "cap_drop"),
        ("CapDrop", ["NET_RAW"], "cap_drop"),
        ("Init", None, "init"),
        ("RestartPolicy", {"Name": "always"}, "restart"),
        ("MemorySwap", 2**40, "memory"),
        ("Privileged", True, "privileged"),
        ("Ulimits", [], "ulimits"),
        ("LogConfig", {"Type": "json-file", "Config": {}}, "log"),
        ("Binds", ["/:/host"], "mounts"),
        ("Devices", [{"PathOnHost": "/dev/kvm"}], "devices"),
        ("PortBindings", {"80/tcp": [{"HostPort": "80"}]}, "ports"),
        ("UsernsMode", "host", "host_users"),
        ("UTSMode", "host", "host_uts"),
        ("VolumesFrom", ["other"], "mounts"),
        ("GroupAdd", ["docker"], "groups"),
        ("Mounts", [{"Type": "bind", "Source": "/data", "Target": "/data", "ReadOnly": True}], "mounts"),
    ],
)
def test_a_fact_of_the_baseline_that_does_not_hold_is_named(key: str, value: object, name: str) -> None:
    document = made_of(create_body(SPEC))
    document["HostConfig"][key] = value
    assert differing(SPEC, document) == (name,)


def test_a_second_network_and_a_health_check_are_named() -> None:
    document = made_of(create_body(SPEC))
    document["NetworkSettings"]["Networks"]["bridge"] = {}
    document["Config"]["Healthcheck"] = {"Test": ["CMD", "true"]}
    assert differing(SPEC, document) == ("health_check", "network")


@pytest.mark.parametrize(
    "write",
    [
        lambda host: host.update(CapAdd=["CAP_NET_BIND_SERVICE"], CapDrop=["CAP_ALL"]),
        lambda host: host.update(SecurityOpt=["no-new-privileges"]),
        lambda host: host.update(SecurityOpt=["no-new-privileges=true", "label=disable"]),
        lambda host: host.update(MemorySwap=-1),
        lambda host: host.update(RestartPolicy={"Name": "no", "MaximumRetryCount": 0}),
        lambda host: host.update(Mounts=host["Mounts"][::-1]),
        lambda host: host.update(Ulimits=host["Ulimits"][::-1]),
    ],
)
def test_an_engine_may_write_it_in_its_own_way(write: Callable[[dict[str, Any]], None]) -> None:
    document = made_of(create_body(SPEC))
    write(document["HostConfig"])
    assert differing(SPEC, document) == ()
