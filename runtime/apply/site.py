"""The machine as apply sees it: a hub's folder, and the ports that everything else is asked through."""

from dataclasses import dataclass
from pathlib import Path

from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.ports import (
    AnySpawner,
    Assessor,
    Containers,
    Packages,
    Prober,
    ProgramFinder,
    Registries,
    Secrets,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a hub's servers are installed and started; `root` is absolute. `patience` bounds a probe, in seconds.

    `lineage` is the identity of this installation of the hub, empty while nothing was ever applied.
    """

    root: Path
    layout: Layout
    lineage: str
    packages: Packages
    registries: Registries
    containers: Containers
    find_program: ProgramFinder
    assess: Assessor
    spawner: AnySpawner
    prober: Prober
    secrets: Secrets
    patience: float = 60.0
