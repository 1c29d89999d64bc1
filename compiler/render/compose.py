"""The hub's containers as a compose file: `docker compose up` makes the same containers as `mcphub apply`.

Source: the compose specification. Everything is serialised from data, and every string is quoted, so that no value is
read as a number, a truth value or a variable.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mcphub_gitops.compiler.plan.container import (
    PACKAGE_FOLDER,
    SECRETS_FOLDER,
    TMPFS,
    Contained,
    Container,
    container_name,
    environment_of,
    labels_of,
    processors,
    volume_name,
)
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.render.block import write_block
from mcphub_gitops.compiler.resolve.confinement import Mount
from mcphub_gitops.compiler.resolve.path import RUNTIME_FOLDER

VARIABLES_FILE = ".env"
"""The name of the file with the secrets of one server that are variables, beside those that are files."""

_HEAD = "# Written by `mcphub render` from mcp-hub.yaml and mcp-hub.lock; edits are lost.\n"


def render_compose(desired: Desired, lineage: str, packages: Mapping[str, Contained]) -> bytes:
    """Return the compose file of the servers of `desired` that run in containers; it stands in the hub's folder.

    `packages` are the environments of those that are packages, by server, with folders relative to the hub's.
    """
    services = {
        server.name: _service(server, server.container, desired.hub, lineage, packages.get(server.name))
        for server in desired.servers
        if server.container is not None
    }
    document: dict[str, Any] = {"name": f"mcphub-{desired.hub}", "services": services}
    volumes = sorted(_volumes(desired))
    if volumes:
        # Written out, so that they are those of apply under any name of the project.
        document["volumes"] = {name: {"name": volume_name(desired.hub, name)} for name in volumes}
    # Compose fills in what follows a dollar; two of them are one.
    return (_HEAD + write_block(document, lambda text: text.replace("$", "$$"))).encode()


def secrets_folder(server: str) -> str:
    """Return where the secrets of `server` are put, relative to the hub's folder."""
    return f"{RUNTIME_FOLDER}/secrets/{server}"


def _volumes(desired: Desired) -> set[str]:
    containers = (server.container for server in desired.servers if server.container is not None)
    return {mount.source for container in containers for mount in container.mounts if mount.kind == "volume"}


def _service(
    server: DesiredServer, container: Container, hub: str, lineage: str, package: Contained | None
) -> dict[str, Any]:
    digest = server.spec_digest()
    service: dict[str, Any] = {
        "image": container.image,
        "container_name": container_name(hub, server.name, digest),
        "environment": environment_of(server.env, container.secret_files, package),
        "labels": labels_of(hub, lineage, server.name, digest),
        "user": container.user,
        "network_mode": container.network,
        "read_only": container.read_only,
        "tmpfs": [f"{target}:{options}" for target, options in TMPFS.items()],
        "mem_limit": str(container.memory),
        "memswap_limit": str(container.memory),
        "cpus": processors(container.cpus),
        "pids_limit": container.pids,
        "init": True,
        "stdin_open": True,
        "restart": "no",
        "ulimits": {"nofile": {"soft": 1024, "hard": 1024}, "core": {"soft": 0, "hard": 0}},
        "logging": {"driver": "local", "options": {"max-size": "10m", "max-file": "3", "compress": "false"}},
        "healthcheck": {"disable": True},
        "ipc": "host" if container.host_ipc else "private",
        **_privileges(container),
    }
    if server.argv:
        service["command"] = list(server.argv)
    volumes = [*map(_volume, container.mounts), *_secret_files(server.name, container)]
    if package is not None:
        service["entrypoint"] = list(package.entrypoint)
        volumes.append(_volume(Mount(kind="bind", source=package.folder, target=PACKAGE_FOLDER)))
    if volumes:
        service["volumes"] = volumes
    if server.secrets:
        path = f"./{secrets_folder(server.name)}/{VARIABLES_FILE}"
        service["env_file"] = [{"path": path, "required": True, "format": "raw"}]
    return service


def _privileges(container: Container) -> dict[str, Any]:
    found: dict[str, Any] = {"privileged": True} if container.privileged else {}
    if not container.privileged:
        found |= {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    if container.capabilities:
        found["cap_add"] = list(container.capabilities)
    if container.host_pid:
        found["pid"] = "host"
    return found


def _volume(mount: Mount) -> dict[str, Any]:
    is_relative = mount.kind == "bind" and not mount.source.startswith("/")
    source = f"./{mount.source}" if is_relative else mount.source
    volume = {"type": mount.kind, "source": source, "target": mount.target, "read_only": mount.read_only}
    return (
        {**volume, "bind": {"create_host_path": False, "propagation": "rprivate"}} if mount.kind == "bind" else volume
    )


def _secret_files(server: str, container: Container) -> Iterator[dict[str, Any]]:
    for name in container.secret_files:
        source, target = f"{secrets_folder(server)}/{name}", f"{SECRETS_FOLDER}/{name}"
        yield _volume(Mount(kind="bind", source=source, target=target))
