"""What a server offers beside its tools: as the gateway serves it, and held against what the server says now."""

from collections.abc import Collection, Iterator
from typing import Any

from mcphub_gitops.compiler.lock.offers import find_changes, fingerprints_of
from mcphub_gitops.compiler.plan.desired import DesiredServer
from mcphub_gitops.compiler.resolve.offer import KINDS, Kind
from mcphub_gitops.runtime.ports import Probe

REVIEWED: tuple[Kind, ...] = ("prompts", "templates")
"""What is part of a server's program. Which resources there are may be its data, which comes and goes."""


def entry_of(server: DesiredServer) -> dict[str, Any]:
    """Return the members of the server's entry in ``gateway.json``; none where it offers nothing."""
    served = [
        {
            "kind": each.kind,
            "name": each.name,
            "upstream": each.upstream,
            "hash": each.hash,
            "definition": each.exposed,
        }
        for each in server.offers.served
    ]
    return {"offers": served, "shut": list(server.offers.shut)} if served else {}


def compare_offers(server: DesiredServer, probe: Probe, kinds: Collection[Kind] = KINDS) -> Iterator[str]:
    """Yield a sentence for each of `kinds` that is served of `server` and that it does not offer as it is locked."""
    live = fingerprints_of(probe.offers)
    for kind, locked in server.offers.locked().items():
        if kind in kinds:
            yield from find_changes(kind, locked, live.get(kind, {}))
