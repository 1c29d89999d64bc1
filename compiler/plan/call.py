"""Tools that are containers by themselves: what each call runs, as it is to be."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from mcphub_gitops.compiler.lock.model import LockedServer
from mcphub_gitops.compiler.plan.container import Container, confine
from mcphub_gitops.compiler.plan.observed import Isolation
from mcphub_gitops.compiler.resolve.confinement import DEFAULT_USER, Confinement, is_root
from mcphub_gitops.compiler.resolve.model import ToolContainer, ToolContainers

CALLS = "calls"
"""The fact that tells a server whose tools are containers by themselves from all others."""

_OF_TOOLS = ("image", "user")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a call of one tool runs: its `container`, and templates over the call's arguments (`resolve.call`)."""

    container: Container
    command: tuple[str, ...]
    volumes: tuple[str, ...]


Calls: TypeAlias = Mapping[str, Call]
"""By the tool's own name, in the order of names."""


def bind_calls(origin: ToolContainers, confinement: Confinement, locked: LockedServer, served: frozenset[str]) -> Calls:
    """Return what the calls of the tools `served` run, as they are `locked`."""
    found = {name: tool for name, tool in sorted(origin.tools.items()) if name in served and name in locked.containers}
    return MappingProxyType({name: _call(tool, name, confinement, locked) for name, tool in found.items()})


def _call(tool: ToolContainer, name: str, confinement: Confinement, locked: LockedServer) -> Call:
    pins = locked.pins_of(name)
    declared = tool.user.value if tool.user is not None else ""
    own = pins.user if not is_root(pins.user) else DEFAULT_USER
    return Call(
        container=confine(
            replace(confinement, mounts=(*confinement.mounts, *(mount for mount, _ in tool.mounts))),
            reference=tool.image.reference,
            pinned=pins.image,
            user=confinement.user or declared or own,
        ),
        command=tuple(text.value for text in tool.command),
        volumes=tuple(text.value for text in tool.volumes),
    )


def isolation_of(calls: Calls) -> Isolation:
    """Return what holds each call in, and what does not in any of them."""
    found = [call.container.isolation({}) for call in calls.values()]
    common = [each for each in found[0].measures if all(each in other.measures for other in found)] if found else []
    missing = dict.fromkeys(each for isolation in found for each in isolation.missing)
    return Isolation(measures=("a container for each call", *common), missing=tuple(missing))


def facts_of_calls(calls: Calls) -> Iterator[tuple[str, str]]:
    """Yield each fact of `calls` by the name that a plan shows, as one comparable text; what all have stands once."""
    yield CALLS, "a container each"
    containers = [call.container for call in calls.values()]
    shared = set.intersection(*({*each.mounts} for each in containers)) if containers else set()
    for name, call in calls.items():
        yield f"call.{name}", json.dumps({"command": call.command, "volumes": call.volumes}, ensure_ascii=False)
        own = tuple(mount for mount in call.container.mounts if mount not in shared)
        yield from ((_named(fact, name), value) for fact, value in replace(call.container, mounts=own).facts())
    yield from ((f"mount.{mount.target}", str(mount)) for mount in shared)


def _named(fact: str, tool: str) -> str:
    """Return the name of a fact of a container, as one of `tool` where tools differ in it."""
    if fact in _OF_TOOLS:
        return f"{fact}.{tool}"
    return f"mount.{tool}:{fact.partition('.')[2]}" if fact.startswith("mount.") else fact
