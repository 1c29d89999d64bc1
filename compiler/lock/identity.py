"""What a lock says beside what a server is made of, as one digest."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.model import Lock, LockedServer

_BOUND = frozenset({"requirements", "files", "tools"})
"""What every line of reaches desired state by itself, whose digests cover it."""

_FACTS = tuple(each.name for each in fields(LockedServer) if each.name not in {*_BOUND, "containers", "offers"})


def lock_digest(lock: Lock) -> str:
    """Return the digest of what `lock` pins and desired state does not have; the file's layout does not count."""
    servers = {name: _facts(each) for name, each in lock.servers.items()}
    return fingerprint({"servers": servers, "catalogs": {name: asdict(each) for name, each in lock.catalogs.items()}})


def _facts(server: LockedServer) -> dict[str, Any]:
    # What is not there does not count, so that older locks have the digests that they had.
    containers = {
        tool: {"image": each.image, "platforms": dict(each.platforms), "user": each.user}
        for tool, each in server.containers.items()
    }
    parts = {
        "offers": {kind: dict(hashes) for kind, hashes in server.offers.items()},
        "containers": containers,
    }
    facts = {fact: _plain(getattr(server, fact)) for fact in _FACTS}
    return {**facts, **{name: part for name, part in parts.items() if part}}


def _plain(value: Any) -> Any:  # noqa: ANN401  (any field of a locked server)
    if isinstance(value, str):
        return value
    return dict(value) if isinstance(value, Mapping) else sorted(value)
