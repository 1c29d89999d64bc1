"""A desired container on this machine: its sources made absolute, its secrets put where it can read them."""

import asyncio
import os
import secrets as randomness
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from mcphub_gitops.compiler.plan.container import (
    HUB_LABEL,
    LINEAGE_LABEL,
    PACKAGE_FOLDER,
    QUESTION,
    SECRETS_FOLDER,
    TMPFS,
    Contained,
    Container,
    container_name,
    environment_of,
    labels_of,
    volume_name,
)
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.render.compose import VARIABLES_FILE
from mcphub_gitops.compiler.resolve.confinement import Mount as Declared
from mcphub_gitops.compiler.resolve.path import why_not_at, why_sensitive
from mcphub_gitops.runtime.apply.layout import make_folder, remove_folder
from mcphub_gitops.runtime.apply.preflight import wish_of
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import leads_to, names_in, write_file
from mcphub_gitops.runtime.ports import ContainerSpec, Launch, Mount
from mcphub_gitops.runtime.wish import read_secrets, wish_for
from mcphub_gitops.runtime.witness import note_place

_PRIVATE = 0o700
_READABLE = 0o444
"""A file that the container's user can read; its folder keeps the host's other users out."""


def secrets_of(name: str, site: Site) -> Path:
    """Return the folder with the secrets of the server `name` that its container gets as files."""
    return site.layout.secrets / name


def container_launch(server: DesiredServer, hub: str, site: Site, folder: Path | None = None) -> Launch:
    """Return how the container of `server` is made, with its secret files in `folder` (its own unless given).

    Raises RuntimeFailure when a source is not there or not allowed.
    """
    container = server.container
    if container is None:
        raise ValueError(f"{server.name} runs in no container")
    package = site.packages.contained(server.environment) if server.environment is not None else None
    folder = folder or secrets_of(server.name, site)
    files = tuple(
        Mount(kind="bind", source=str(folder / name), target=f"{SECRETS_FOLDER}/{name}")
        for name in container.secret_files
    )
    spec = container_spec(server, container, server.spec_digest(), hub, site)
    whole = replace(
        spec,
        env=environment_of(server.env, container.secret_files, package),
        entrypoint=package.entrypoint if package is not None else (),
        command=server.argv,
        mounts=(*spec.mounts, *files, *_package(package)),
        secrets=tuple(server.secrets),
    )
    return Launch(spec=whole, secrets=server.secrets, files=server.files, stores=server.stores)


def container_spec(server: DesiredServer, container: Container, digest: str, hub: str, site: Site) -> ContainerSpec:
    """Return what `container`, of `server`, is made from, as far as that is said there; `digest` is in name and labels.

    Raises RuntimeFailure when a source is not there or not allowed.
    """
    return ContainerSpec(
        server=server.name,
        name=container_name(hub, server.name, digest),
        image=container.image,
        env=environment_of(server.env, {}),
        labels=labels_of(hub, site.lineage, server.name, digest),
        user=container.user,
        network=container.network,
        mounts=tuple(_mounts(server, container, hub, site)),
        tmpfs=dict(TMPFS),
        capabilities=container.capabilities,
        privileged=container.privileged,
        host_pid=container.host_pid,
        host_ipc=container.host_ipc,
        read_only=container.read_only,
        memory=container.memory,
        pids=container.pids,
        cpus=container.cpus,
    )


def specs_of(desired: Desired, installed: Collection[str], site: Site) -> list[ContainerSpec]:
    """Return the container specifications of `desired`, without their secrets; raises RuntimeFailure.

    What a container whose environment is not among the `installed` would be made from cannot be said yet, but what it
    mounts is judged all the same.
    """
    specs = []
    for server in desired.servers:
        if server.environment is not None and server.environment.digest not in installed:
            for container in server.containers:
                tuple(_mounts(server, container, desired.hub, site))
        elif server.container is not None:
            launch = container_launch(server, desired.hub, site)
            specs += [launch.spec] if isinstance(launch.spec, ContainerSpec) else []
    return specs


def owner_labels(hub: str, site: Site) -> dict[str, str]:
    """Return the labels that every container of this installation of the hub has."""
    return {HUB_LABEL: hub, LINEAGE_LABEL: site.lineage}


async def filled_spec(server: DesiredServer, hub: str, site: Site, *, folder: Path, lasting: bool) -> ContainerSpec:
    """Return what the container of `server` is made from, its secrets resolved and its secret files put in `folder`.

    One that is not `lasting` has a name of its own. Raises RuntimeFailure that names a reference, never a value.
    """
    launch = container_launch(server, hub, site, folder)
    await asyncio.to_thread(put_secrets, server, site, folder)
    values = await asyncio.to_thread(read_secrets, site.secrets, wish_for(server.name, launch))
    spec = launch.filled(values)
    if not isinstance(spec, ContainerSpec):
        raise TypeError(spec)
    if lasting:
        return spec
    name = f"{spec.name}-{randomness.token_hex(4)}"
    return replace(spec, name=name, labels={**spec.labels, **QUESTION}, lasting=False)


def put_secrets(server: DesiredServer, site: Site, folder: Path, *, variables: bool = False) -> None:
    """Write the secret files of the container of `server`; with `variables`, also those that become variables.

    Those stand in one file, a line each, for compose. What else is in `folder` stays, because the container that serves
    may still need it (`sweep_secrets`). Blocking; raises RuntimeFailure.
    """
    files = server.container.secret_files if server.container is not None else {}
    values = read_secrets(site.secrets, wish_of(server, files))
    if variables and server.secrets:
        values[VARIABLES_FILE] = "".join(_variable_lines(server, site))
    if not values:
        return
    make_folder(folder, _PRIVATE)
    for name, value in values.items():
        write_file(folder / name, value.encode(), mode=_READABLE)


def sweep_secrets(server: DesiredServer | None, folder: Path) -> None:
    """Remove what stands in `folder` and is no secret of `server`, None where there is no such server any more."""
    wanted = set(server.container.secret_files) if server is not None and server.container is not None else set()
    if server is not None and server.secrets:
        wanted.add(VARIABLES_FILE)
    found = names_in(folder)
    if not found & wanted:
        remove_folder(folder)
    for name in found - wanted:
        (folder / name).unlink(missing_ok=True)


def _variable_lines(server: DesiredServer, site: Site) -> Iterator[str]:
    for variable, value in read_secrets(site.secrets, wish_of(server, server.secrets)).items():
        if "\n" in value or "\r" in value:
            raise RuntimeFailure(
                f"the secret {variable} of server {server.name} has several lines",
                detail=f"{server.secrets[variable]} cannot be given to compose as a variable",
                resolution="hand it over as a file, with `as: file`",
            )
        yield f"{variable}={value}\n"


def _package(package: Contained | None) -> Iterator[Mount]:
    if package is not None:
        yield Mount(kind="bind", source=package.folder, target=PACKAGE_FOLDER)


def _mounts(server: DesiredServer, container: Container, hub: str, site: Site) -> Iterator[Mount]:
    for mount in container.mounts:
        is_volume = mount.kind == "volume"
        source = volume_name(hub, mount.source) if is_volume else str(real_source(server, mount, site))
        yield Mount(kind=mount.kind, source=source, target=mount.target, read_only=mount.read_only)


def real_source(server: DesiredServer, mount: Declared, site: Site, *, key: str = "mounts") -> Path:
    """Return the place, without links, of what `server` mounts, or of what its `paths` grant to calls.

    Raises RuntimeFailure, which names the `key` of the hub, when it is not there or not allowed.
    """
    place, verb = site.root / mount.source, "mounts" if key == "mounts" else "is granted"
    try:
        real = place.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise RuntimeFailure(
            f"server {server.name} {verb} {mount.source}, which is not there",
            detail=f"{place}: {getattr(error, 'strerror', None) or error}",
            resolution=f"make it, or take it out of the server's `{key}`",
        ) from error
    note_place(place, real)
    note_place(site.containers.socket(), os.path.realpath(site.containers.socket()))
    problem = _why_not(mount, real, site)
    if not why_sensitive(mount.source, writable=not mount.read_only) and leads_to(real, Path(site.containers.socket())):
        raise RuntimeFailure(
            f"server {server.name} {verb} {mount.source}, which is or holds the socket of the engine",
            detail=f"whoever can speak to {site.containers.socket()} is root on the host",
            resolution=f"take it out of the server's `{key}`",
        )
    if problem:
        raise RuntimeFailure(
            f"server {server.name} {verb} {mount.source}, which {problem}",
            detail=f"its real place is {real}",
            resolution=f"take it out of the server's `{key}`, or name its real place there",
        )
    return real


def _why_not(mount: Declared, real: Path, site: Site) -> str:
    """Return why a source without links is not mounted; its text alone was judged by the compiler."""
    root = site.root.resolve()
    is_near = real.is_relative_to(root) or root.is_relative_to(real)
    if not is_near and not mount.source.startswith("/"):
        return "leads out of the hub's folder"
    # What the text says by itself needed a reason, and has it.
    as_named = bool(why_sensitive(mount.source, writable=not mount.read_only))
    return why_not_at(str(real), str(root), writable=not mount.read_only, as_named=as_named)
