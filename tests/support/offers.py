"""What servers offer beside their tools, as if they had answered with it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.lock.offers import KEYS, OfferDefinitions, OffersAnswer, lock_offers, write_offers
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.resolve.offer import KINDS

Listed = Mapping[str, Sequence[str | Mapping[str, Any]]]
"""Names or URIs, or whole definitions, by kind; and ``problems`` by kind, each as a list of one sentence."""


def answer_of(listed: Listed) -> OffersAnswer:
    """Return the answer of a server that lists these."""
    return OffersAnswer(
        listed={
            kind: tuple({KEYS[kind]: each} if isinstance(each, str) else each for each in listed[kind])
            for kind in KINDS
            if kind in listed
        },
        problems={
            kind: str(each["problem"])
            for each in listed.get("problems", ())
            for kind in KINDS
            if isinstance(each, Mapping) and each["kind"] == kind
        },
    )


def with_offers(hub: Hub, lock: Lock, offers: Mapping[str, Listed]) -> tuple[Lock, Mapping[str, OfferDefinitions]]:
    """Return `lock` with what its servers offer, and the definitions."""
    found = {
        server.name: lock_offers(server, answer_of(offers[server.name]))
        for server in hub.servers
        if server.name in offers and server.name in lock.servers
    }
    servers = {
        name: replace(each, offers=found[name].hashes) if name in found else each for name, each in lock.servers.items()
    }
    definitions = {name: each.definitions for name, each in found.items() if each.hashes}
    return replace(lock, servers=MappingProxyType(servers)), definitions


def offers_in_case(case: Path, name: str = "offers.json") -> Mapping[str, Listed]:
    """Return what the servers of a case offer, by server."""
    file = case / name
    found: Mapping[str, Listed] = json.loads(file.read_bytes()) if file.exists() else {}
    return found


def files_of(definitions: Mapping[str, OfferDefinitions]) -> dict[str, tuple[str, bytes | None]]:
    """Return the readable files behind a lock."""
    return {name: (f"mcp-hub.tools/{name}.offers.json", write_offers(each)) for name, each in definitions.items()}
