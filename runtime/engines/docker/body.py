"""What a container is asked for, and how far one is from it: the hardened baseline stands here and nowhere else.

Every container, unless its spec says otherwise: an unprivileged user, a read-only root, no capability and no way to
gain one, the engine's default seccomp profile, bounds on memory (without swap), processors, processes, open files and
log, no core dumps, no network, private namespaces, an init that forwards signals and reaps, no health check of the
image's own, no restart by the engine (the gateway starts again what ends), standard input held open.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mcphub_gitops.runtime.ports import ContainerSpec, Mount

_LOG = {"Type": "local", "Config": {"max-size": "10m", "max-file": "3", "compress": "false"}}
"""A container's log holds its standard output too, which is what clients were answered, and no driver can leave that
out. ``none`` would leave nothing for `logs` to read. ``json-file`` is what log shippers collect by default, so that the
answers would travel on; ``local`` is the engine's own format, kept bounded below its root-only folder and removed with
the container. Compressing what is rotated would cost a core under load."""

_ULIMITS = ({"Name": "nofile", "Soft": 1024, "Hard": 1024}, {"Name": "core", "Soft": 0, "Hard": 0})
_NO_NEW_PRIVILEGES = "no-new-privileges:true"
_NO_LIMIT = -1

_EMPTY = {
    "CgroupParent": "cgroup_parent",
    "DeviceCgroupRules": "devices",
    "DeviceRequests": "devices",
    "Devices": "devices",
    "Dns": "dns",
    "DnsOptions": "dns",
    "DnsSearch": "dns",
    "ExtraHosts": "extra_hosts",
    "GroupAdd": "groups",
    "Links": "links",
    "OomKillDisable": "oom_kill",
    "OomScoreAdj": "oom_kill",
    "PortBindings": "ports",
    "PublishAllPorts": "ports",
    "Sysctls": "sysctls",
    "UTSMode": "host_uts",
    "UsernsMode": "host_users",
    "VolumesFrom": "mounts",
}
"""What a container of ours never has, by the engine's name, and the name that is shown for it."""


def create_body(spec: ContainerSpec) -> dict[str, Any]:
    """Return the body of POST /containers/create for `spec`; it holds the values of secrets.

    The standard input of a container that is not `lasting` ends when its gateway lets go, however that comes, and the
    engine then removes the container.
    """
    body: dict[str, Any] = {
        "Image": spec.image,
        "Env": [f"{name}={value}" for name, value in spec.env.items()],
        "Labels": dict(spec.labels),
        "User": spec.user,
        "OpenStdin": True,
        "StdinOnce": not spec.lasting,
        "Tty": False,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host_config(spec),
    }
    if spec.entrypoint:
        body["Entrypoint"] = list(spec.entrypoint)
    if spec.command:
        body["Cmd"] = list(spec.command)
    if spec.working_dir:
        body["WorkingDir"] = spec.working_dir
    return body


def _host_config(spec: ContainerSpec) -> dict[str, Any]:
    return {
        "AutoRemove": not spec.lasting,
        "CapAdd": list(spec.capabilities),
        "CapDrop": [] if spec.privileged else ["ALL"],
        "Init": True,
        "IpcMode": "host" if spec.host_ipc else "private",
        "LogConfig": _LOG,
        "Memory": spec.memory,
        "MemorySwap": spec.memory,
        "Mounts": [_mount(mount) for mount in spec.mounts],
        "NanoCpus": spec.cpus,
        "NetworkMode": spec.network,
        "PidMode": "host" if spec.host_pid else "",
        "PidsLimit": spec.pids,
        "Privileged": spec.privileged,
        "ReadonlyRootfs": spec.read_only,
        "RestartPolicy": {"Name": "no"},
        "SecurityOpt": [] if spec.privileged else [_NO_NEW_PRIVILEGES],
        "Tmpfs": dict(spec.tmpfs),
        "Ulimits": list(_ULIMITS),
    }


def _mount(mount: Mount) -> dict[str, Any]:
    asked = {"Type": mount.kind, "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}
    if mount.kind == "bind":
        # Engine 28 would else choose `rslave` for what lies on its own disk: later mounts of the host would appear.
        asked["BindOptions"] = {"Propagation": "rprivate"}
    return asked


def differing(spec: ContainerSpec, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what in `document`, as GET /containers/NAME/json gives it, is not what `spec` asks for: names, sorted.

    A name is a field of ContainerSpec or a fact of the baseline. Of secrets only the names are compared. What the image
    brings (its environment, and its entry point, command and folder where the spec has none) is not looked at: a
    reference by digest cannot come to mean something else.
    """
    config, host = document["Config"], document["HostConfig"]
    found = {name for name, same in _CHECKS.items() if not same(spec, config, host)}
    found |= {name for key, name in _EMPTY.items() if host.get(key)}
    networks = (document.get("NetworkSettings") or {}).get("Networks") or {}
    if not networks.keys() <= {spec.network}:
        found.add("network")
    return tuple(sorted(found))


_Config = Mapping[str, Any]
_Check = Callable[[ContainerSpec, _Config, _Config], bool]


def _same_env(spec: ContainerSpec, config: _Config, _: _Config) -> bool:
    have = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
    named = {name for name in spec.secrets if name in have}
    plain = {name: value for name, value in spec.env.items() if name not in spec.secrets}
    return named == set(spec.secrets) and plain.items() <= have.items()


def _same_command(spec: ContainerSpec, config: _Config, _: _Config) -> bool:
    # Whoever replaces an image's entry point loses its command as well.
    if not spec.command and not spec.entrypoint:
        return True
    return list(config.get("Cmd") or ()) == list(spec.command)


def _same_mounts(spec: ContainerSpec, _: _Config, host: _Config) -> bool:
    return sorted(_mount_facts(host)) == sorted(
        (mount.kind, mount.source, mount.target, mount.read_only, "rprivate" if mount.kind == "bind" else "")
        for mount in spec.mounts
    )


def _mount_facts(host: _Config) -> Iterator[tuple[str, str, str, bool, str]]:
    for bind in host.get("Binds") or ():
        # Compose writes a volume so, and means the same.
        source, target, *modes = bind.split(":")
        kind = "bind" if source.startswith("/") else "volume"
        yield kind, source, target, "ro" in ",".join(modes).split(","), ""
    for mount in host.get("Mounts") or ():
        propagation = (mount.get("BindOptions") or {}).get("Propagation", "")
        yield mount["Type"], mount.get("Source", ""), mount["Target"], bool(mount.get("ReadOnly")), propagation


def _same_capabilities(spec: ContainerSpec, _: _Config, host: _Config) -> bool:
    return _capabilities(host.get("CapAdd")) == _capabilities(spec.capabilities)


def _capabilities(names: Any) -> set[str]:  # noqa: ANN401  (a list of names, or null)
    """Return `names` as some engines write them and others do not: CAP_NET_RAW, net_raw."""
    return {f"CAP_{name.upper().removeprefix('CAP_')}" for name in names or ()}


def _same_security(spec: ContainerSpec, _: _Config, host: _Config) -> bool:
    if spec.privileged:
        return True
    # An engine with SELinux adds the labels of what shares a namespace with the host.
    options = {
        option.replace("=", ":", 1) for option in host.get("SecurityOpt") or () if not option.startswith("label")
    }
    return options in ({_NO_NEW_PRIVILEGES}, {"no-new-privileges"}) and bool(host.get("MaskedPaths", True))


def _same_drop(spec: ContainerSpec, _: _Config, host: _Config) -> bool:
    return spec.privileged or _capabilities(host.get("CapDrop")) == {"CAP_ALL"}


def _same_memory(spec: ContainerSpec, _: _Config, host: _Config) -> bool:
    # A kernel that does not count swap makes the engine say that there is no bound on it.
    return host.get("Memory") == spec.memory and host.get("MemorySwap") in (spec.memory, _NO_LIMIT)


def _same_ulimits(_: ContainerSpec, __: _Config, host: _Config) -> bool:
    have = {(each["Name"], each["Soft"], each["Hard"]) for each in host.get("Ulimits") or ()}
    return have == {(each["Name"], each["Soft"], each["Hard"]) for each in _ULIMITS}


def _same_stdin(spec: ContainerSpec, config: _Config, _: _Config) -> bool:
    return config.get("OpenStdin") is True and not config.get("Tty") and config.get("StdinOnce") is not spec.lasting


_CHECKS: Mapping[str, _Check] = {
    "cap_drop": _same_drop,
    "capabilities": _same_capabilities,
    "command": _same_command,
    "cpus": lambda spec, _, host: host.get("NanoCpus") == spec.cpus,
    "entrypoint": lambda spec, config, _: not spec.entrypoint or config.get("Entrypoint") == list(spec.entrypoint),
    "env": _same_env,
    "health_check": lambda _, config, __: (config.get("Healthcheck") or {}).get("Test") == ["NONE"],
    "host_ipc": lambda spec, _, host: host.get("IpcMode") == ("host" if spec.host_ipc else "private"),
    "host_pid": lambda spec, _, host: host.get("PidMode") == ("host" if spec.host_pid else ""),
    "image": lambda spec, config, _: config.get("Image") == spec.image,
    "init": lambda _, __, host: host.get("Init") is True,
    "labels": lambda spec, config, _: spec.labels.items() <= (config.get("Labels") or {}).items(),
    "lasting": lambda spec, _, host: host.get("AutoRemove") is not spec.lasting,
    "log": lambda _, __, host: host.get("LogConfig") == _LOG,
    "memory": _same_memory,
    "mounts": _same_mounts,
    "network": lambda spec, _, host: host.get("NetworkMode") == spec.network,
    "pids": lambda spec, _, host: host.get("PidsLimit") == spec.pids,
    "privileged": lambda spec, _, host: host.get("Privileged") is spec.privileged,
    "read_only": lambda spec, _, host: host.get("ReadonlyRootfs") is spec.read_only,
    "restart": lambda _, __, host: (host.get("RestartPolicy") or {}).get("Name") in ("no", ""),
    "security": _same_security,
    "stdin": _same_stdin,
    "tmpfs": lambda spec, _, host: (host.get("Tmpfs") or {}) == dict(spec.tmpfs),
    "ulimits": _same_ulimits,
    "user": lambda spec, config, _: config.get("User") == spec.user,
    "working_dir": lambda spec, config, _: not spec.working_dir or config.get("WorkingDir") == spec.working_dir,
}
