"""Whose a container is: what its labels say, and what is told of one that is not ours."""

from collections.abc import Mapping
from typing import Any

from mcphub_gitops.compiler.plan.container import HUB_LABEL, LINEAGE_LABEL, SERVER_LABEL, SPEC_LABEL
from mcphub_gitops.compiler.plan.observed import SeenContainer
from mcphub_gitops.runtime.engines.docker.body import differing
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ContainerSpec

_OWNER = (HUB_LABEL, LINEAGE_LABEL, SERVER_LABEL)
"""The labels that say whose a container is; the one with the digest of its spec may differ."""


def has_labels(document: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Tell whether what the engine knows of a container, `document`, has all of `labels`."""
    # Without a label to go by, none is ours.
    return bool(labels) and labels.items() <= (document["Config"].get("Labels") or {}).items()


def owner_of(spec: ContainerSpec) -> dict[str, str]:
    """Return the labels that every container of the server has; KeyError when the spec itself does not have them."""
    return {name: spec.labels[name] for name in _OWNER}


def look_at(
    document: Mapping[str, Any], labels: Mapping[str, str], asked: Mapping[str, ContainerSpec]
) -> SeenContainer:
    """Return what a plan has to know of a container: whether it is ours, and how far from what is `asked` by its name.

    `document` is what the engine knows of it, `labels` are those of our own.
    """
    name = document["Name"].removeprefix("/")
    state, own = document["State"], document["Config"].get("Labels") or {}
    if not has_labels(document, labels):
        return SeenContainer(name=name, state=state["Status"], owned=False, lineage=_lineage_of(document, labels))
    started = state.get("StartedAt") or ""
    return SeenContainer(
        name=name,
        server=own.get(SERVER_LABEL, ""),
        spec=own.get(SPEC_LABEL, ""),
        state=state["Status"],
        differing=differing(asked[name], document) if name in asked else (),
        started="" if started.startswith("0001-") else started,
        exit_code=state["ExitCode"],
        detail=state.get("Error") or "",
        lineage=own.get(LINEAGE_LABEL, ""),
    )


def _lineage_of(document: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Return the lineage of a container of the hub that `labels` name, whoever made it; empty for any other."""
    own = document["Config"].get("Labels") or {}
    return str(own.get(LINEAGE_LABEL, "")) if own.get(HUB_LABEL) == labels.get(HUB_LABEL) else ""


def not_ours(document: Mapping[str, Any], labels: Mapping[str, str]) -> RuntimeFailure:
    """Return the failure of a container that has a name of ours and does not have all of `labels`."""
    name = document["Name"].removeprefix("/")
    lineage = _lineage_of(document, labels)
    if lineage:
        return RuntimeFailure(
            f"the container {name} is not ours",
            detail=f"it belongs to another installation of this hub, of the lineage {lineage}",
            resolution="run `mcphub recover` if that one's folder was lost and this one takes its place",
        )
    return RuntimeFailure(
        f"the container {name} is not ours",
        detail="it has the name of one of this hub's servers, but not the hub's labels",
        resolution="rename it or remove it, if nobody needs it",
    )
