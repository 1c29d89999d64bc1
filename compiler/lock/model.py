"""The lock as a value: what each server was resolved to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.resolve.model import Package, Server

EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedServer:
    """One server's pins.

    `package` is ``name==version`` and `requirements` one hashed requirement a line (both empty for a command), `files`
    and `tools` map a path or a tool's own name to ``sha256:<hex>``.
    """

    launch: str
    era: str
    package: str = ""
    requirements: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    tools: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The pins of a hub's enabled servers by name."""

    servers: Mapping[str, LockedServer]


def launch_fingerprint(server: Server) -> str:
    """Return the fingerprint of what decides which tools `server` has: all that it is started with.

    Selection, prefix and names of the hub are left out, so that they can change without a new lock.
    """
    return fingerprint(
        {
            "origin": describe_origin(server),
            "env": {name: text.value for name, text in server.env},
            "secrets": {secret.variable: str(secret) for secret in server.secrets},
            "read": sorted(text.value for text in server.read),
            "write": sorted(text.value for text in server.write),
        }
    )


def describe_origin(server: Server) -> dict[str, Any]:
    """Return the origin as plain data: a package with its arguments, or a command."""
    origin = server.origin
    if isinstance(origin, Package):
        return {"package": origin.requirement, "args": [text.value for text in origin.args]}
    return {"command": [text.value for text in origin.argv]}
