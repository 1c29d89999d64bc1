"""Which facts of a plan are permissions, and how each is said: the one vocabulary of plans and reviews."""

from collections.abc import Mapping
from types import MappingProxyType

PERMISSIONS: Mapping[str, str] = MappingProxyType(
    {
        "byName": "tools held to their names alone, as the catalog has them:",
        "capability": "capability",
        "image": "image",
        "ipc": "the shared memory of the",
        "listen": "listening on",
        "mount": "mount at",
        "network": "network",
        "pid": "the processes of the",
        "private": "addresses that are not public, being",
        "privileged": "privileged: root on the host,",
        "publicUrl": "reached as",
        "read": "read access to",
        "root": "a root file system that is",
        "secretFiles": "secret as a file:",
        "secrets": "secret",
        "store": "secrets of the store",
        "url": "the remote",
        "user": "running as",
        "write": "write access to",
    }
)
"""How a permission is said, by the kind of fact (`DesiredServer.fields`): its name up to the first dot."""

WITH_VALUE = frozenset({"secretFiles", "secrets", "store"})

_OF_CALLS = frozenset({"image", "user"})
"""What is said with the name of a tool where each call of it is a container."""


def describe_permission(name: str, value: str) -> str:
    """Return the fact `name`, of a kind of PERMISSIONS, with its `value` in words; both are somebody's raw text."""
    kind, _, rest = name.partition(".")
    paired = f"{rest} ({value})" if kind in WITH_VALUE else f"{rest} from {value}"
    shown = paired if rest and kind in {*WITH_VALUE, "mount"} else rest or value
    if rest and kind in _OF_CALLS:
        shown = f"{value}, in calls of {rest}"
    loose = ", by a program that is not held in" if kind in WITH_VALUE and "exec://" in value else ""
    return f"{PERMISSIONS[kind]} {shown}{loose}"
