"""Taking over the containers of an installation whose folder was lost: the engine's labels are the truth about them."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from mcphub_gitops.compiler.plan.container import HUB_LABEL, LINEAGE_LABEL
from mcphub_gitops.compiler.plan.observed import SeenContainer
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.state import read_applied, read_generation
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import Containers


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One installation of a hub, as its containers on an engine tell of it; there is at least one."""

    lineage: str
    containers: tuple[SeenContainer, ...]

    def __str__(self) -> str:
        servers = ", ".join(sorted({each.server for each in self.containers}))
        return f"{self.lineage}: {len(self.containers)} of the engine's containers ({servers})"


async def find_installations(hub: str, containers: Containers) -> tuple[Installation, ...]:
    """Return the installations of `hub` that have containers on the engine, by lineage; raises RuntimeFailure.

    What carries a lineage that mcphub cannot have given is left out.
    """
    seen = await containers.observe({HUB_LABEL: hub}, ())
    lineages = sorted({each.lineage for each in seen if _is_lineage(each.lineage)})
    return tuple(
        Installation(lineage=lineage, containers=tuple(each for each in seen if each.lineage == lineage))
        for lineage in lineages
    )


def choose(found: Iterable[Installation], wanted: str, own: str) -> Installation:
    """Return the one to take over: the `wanted` lineage, or, where that is empty, the only one that is not `own`.

    Raises RuntimeFailure that lists those `found` when there is none such, or several, and when this folder's `own`
    lineage has containers too, which nobody would know any more.
    """
    known = {each.lineage: each for each in found}
    listed = "\n".join(str(each) for each in known.values())
    if wanted:
        if wanted not in known:
            raise RuntimeFailure(f"the engine has no container of the lineage {wanted}", detail=listed)
        if own in known and own != wanted:
            raise RuntimeFailure(
                "this folder has containers of its own",
                detail=listed,
                resolution=f"run `mcphub down` first, which removes those of {own}",
            )
        return known[wanted]
    if own in known:
        return known[own]
    if len(known) > 1:
        raise RuntimeFailure(
            "several installations of this hub have containers here",
            detail=listed,
            resolution="say which one was this folder's, with `mcphub recover --lineage LINEAGE`",
        )
    if not known:
        raise RuntimeFailure("the engine has no container of this hub", resolution="run `mcphub apply`")
    return next(iter(known.values()))


def take_over(installation: Installation, layout: Layout) -> None:
    """Make the containers of `installation` those of this folder; the caller holds the writer lock.

    Nothing on the engine is touched. Raises RuntimeFailure when what is applied here has another lineage.
    """
    other = _applied_lineages(layout) - {installation.lineage}
    if other:
        raise RuntimeFailure(
            f"what is applied in this folder has another lineage, {min(other)}",
            resolution="run `mcphub down` first if the other one is to take its place",
        )
    layout.take_lineage(installation.lineage)
    for each in installation.containers:
        # As if they had been made here: the engine is asked about them from now on.
        (layout.containers / f"{each.name}.lock").touch(mode=0o600)


def _applied_lineages(layout: Layout) -> set[str]:
    if read_applied(layout) is None:
        return set()
    specs = [server["spec"] for server in json.loads(read_generation(layout))["servers"]]
    called = [tool["container"] for spec in specs for tool in spec.get("tools", {}).values()]
    return {spec["labels"][LINEAGE_LABEL] for spec in (*specs, *called) if "labels" in spec}


def _is_lineage(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
