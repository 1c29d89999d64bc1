"""Puts the rooms together: engines, adapters and the prober behind the ports that apply and the gateway ask through."""

import asyncio
import os
from collections.abc import Mapping

import click

from mcphub_gitops.compiler.plan.container import LINEAGE_LABEL
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.compiler.url import hide_query
from mcphub_gitops.runtime.adapters.secrets.gathering import GatheredSecrets
from mcphub_gitops.runtime.adapters.secrets.sources import SecretSources
from mcphub_gitops.runtime.apply.inspection import observe
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.deferred import (
    DeferredPackages,
    DeferredProber,
    DeferredRegistries,
    parse_dotenv,
    read_vault,
)
from mcphub_gitops.runtime.cli.engines import Engines
from mcphub_gitops.runtime.ports import Secrets
from mcphub_gitops.runtime.project import Project


def layout_of(project: Project) -> Layout:
    """Return the names in the project's runtime folder."""
    return Layout(folder=project.runtime_folder)


def compose_engines(layout: Layout, realm: str, *, offline: bool = False) -> Engines:
    """Return what starts servers; `realm` is the project's lineage, empty while nothing was ever applied."""
    if offline:
        engines: Engines = lazy.load("disconnected").OfflineEngines(layout, realm=realm)
        return engines
    return Engines(layout, realm=realm)


def compose_secrets(project: Project, *, offline: bool = False) -> Secrets:
    """Return what reads secret values."""
    ask = lazy.load("disconnected").refuse_vault if offline else read_vault
    sources = SecretSources(project.root, os.environ, parse_dotenv=parse_dotenv, read_vault=ask)
    return GatheredSecrets(sources)


def compose(project: Project, *, realm: str = "", offline: bool = False) -> Site:
    """Return the machine as seen from `project`; with `offline`, whatever would use the network is refused."""
    layout = layout_of(project)
    engines = compose_engines(layout, realm, offline=offline)
    return Site(
        root=project.root,
        layout=layout,
        lineage=realm,
        packages=lazy.load("disconnected").OfflinePackages(layout) if offline else DeferredPackages(layout),
        registries=lazy.load("disconnected").OfflineRegistries() if offline else DeferredRegistries(),
        containers=engines,
        find_program=engines.find_program,
        assess=engines.assess,
        spawner=engines,
        prober=DeferredProber(engines),
        secrets=compose_secrets(project, offline=offline),
    )


def prepare(project: Project, *, offline: bool = False) -> Site:
    """Return the machine as seen from `project`, its folder and identity made where they were not; RuntimeFailure."""
    layout = layout_of(project)
    layout.prepare()
    return compose(project, realm=layout.lineage(), offline=offline)


def look(project: Project, desired: Desired) -> Observed:
    """Return the machine as it is beside `desired`; changes nothing."""
    layout = layout_of(project)
    realm = layout.lineage() if layout.folder.is_dir() else ""
    return asyncio.run(observe(desired, compose(project, realm=realm)))


def remove_containers(project: Project) -> int:
    """Remove every container of this installation of the hub, and return how many there were; raises RuntimeFailure."""
    layout = layout_of(project)
    labels = {LINEAGE_LABEL: layout.lineage()}
    return asyncio.run(_remove_all(compose_engines(layout, labels[LINEAGE_LABEL]), labels))


async def _remove_all(engines: Engines, labels: Mapping[str, str]) -> int:
    found = await engines.observe(labels, ())
    async with asyncio.TaskGroup() as group:
        for each in found:
            group.create_task(engines.remove(each.name, labels))
    return len(found)


async def show_logs(project: Project, container: str, *, follow: bool, tail: int) -> None:
    """Print what the container named `container` says on standard error; raises RuntimeFailure."""
    engines = compose_engines(layout_of(project), "")
    async for line in engines.logs(container, follow=follow, tail=tail):
        click.echo(printable(hide_query(line.decode("utf-8", "replace"))))
