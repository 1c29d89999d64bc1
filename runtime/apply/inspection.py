"""Looks at the machine as a plan needs it; changes nothing."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from mcphub_gitops.compiler.plan.call import isolation_of
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.plan.observed import Isolation, Observed, SeenContainer
from mcphub_gitops.compiler.render.compose import VARIABLES_FILE
from mcphub_gitops.runtime.apply.calls import calls_launch
from mcphub_gitops.runtime.apply.container import owner_labels, specs_of
from mcphub_gitops.runtime.apply.launch import launch_of
from mcphub_gitops.runtime.apply.observation import code_digests, recorded
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.apply.state import read_applied
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import names_in
from mcphub_gitops.runtime.ports import ChildSpec


async def observe(desired: Desired, site: Site) -> Observed:
    """Return what is applied, installed and running, and what this machine gives to each server of `desired`.

    Every installed file is compared with its hash: an environment that was changed counts as gone, so that an apply
    installs it again. Measured: 0.08 s of CPU for an environment of 47 MB. The engine is asked where the hub has
    containers, or had some. Raises RuntimeFailure when it cannot be reached, or a foreign object has a name of ours.
    """
    applied = read_applied(site.layout)
    installed = site.packages.installed(deep=True)
    seen = await _look_at_engine(desired, installed, site)
    scratch, former = _scratch(site.layout.scratch)
    return replace(
        recorded(applied, code_digests(desired, site.root)),
        environments=installed,
        scratch=scratch,
        former=former,
        containers=MappingProxyType({each.name: each for each in seen}),
        images=await _present(desired, site),
        secrets=MappingProxyType(_secret_files(site)),
        isolation=assess(desired, site),
    )


async def _look_at_engine(desired: Desired, installed: frozenset[str], site: Site) -> tuple[SeenContainer, ...]:
    specs = specs_of(desired, installed, site)
    for server in desired.servers:
        if server.calls is not None:
            # What their calls mount, or may, is judged now, and not by the first that is made.
            calls_launch(server, desired.hub, site)
    if not desired.container_names() and not names_in(site.layout.containers):
        return ()
    seen = await site.containers.observe(owner_labels(desired.hub, site), specs)
    foreign = [each for each in seen if not each.owned]
    if foreign:
        raise _in_the_way(foreign[0], site)
    return seen


def _in_the_way(foreign: SeenContainer, site: Site) -> RuntimeFailure:
    brief = f"{foreign.name} is the name of a container that is not ours"
    if foreign.lineage:
        own = f"this folder's is {site.lineage}" if site.lineage else "this folder has none yet"
        return RuntimeFailure(
            brief,
            detail=f"it belongs to another installation of this hub, of the lineage {foreign.lineage}; {own}",
            resolution="run `mcphub recover` if this folder has lost its .mcphub, else apply on another engine",
        )
    return RuntimeFailure(
        brief,
        detail="a container of the hub needs this name; what does not carry its labels is never touched",
        resolution="rename or remove it if nobody needs it, or apply the hub on another engine",
    )


def _scratch(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return the servers with a folder in `folder`, and the names that lead to one from before it was moved."""
    names = names_in(folder)
    former = frozenset(name for name in names if (folder / name).is_symlink())
    return names - former, former


def _secret_files(site: Site) -> dict[str, frozenset[str]]:
    folder = site.layout.secrets
    # What `render` has put there for compose belongs to whoever runs that.
    return {name: files - {VARIABLES_FILE} for name in sorted(names_in(folder)) if (files := names_in(folder / name))}


async def _present(desired: Desired, site: Site) -> frozenset[str]:
    images = sorted({container.image for server in desired.servers for container in server.containers})
    return await site.containers.present(images) if images else frozenset()


def assess(desired: Desired, site: Site) -> Mapping[str, Isolation]:
    """Return what holds each server in on this machine; a server that cannot be started here is left out."""
    found = {}
    for server in desired.servers:
        isolation = _isolation(server, desired.hub, site)
        if isolation is not None:
            found[server.name] = isolation
    return MappingProxyType(found)


def _isolation(server: DesiredServer, hub: str, site: Site) -> Isolation | None:
    if server.container is not None:
        return server.container.isolation(server.secrets)
    if server.calls is not None:
        return isolation_of(server.calls)
    environment = server.environment
    # A package that is not installed yet is judged by the place that it will have.
    place = site.packages.place(environment) if environment is not None else None
    try:
        launch = launch_of(server, hub, site, site.layout.scratch / server.name, program=place)
    except RuntimeFailure:
        return None
    return site.assess(launch.spec) if isinstance(launch.spec, ChildSpec) else None
