"""A lock that counts as it is: what cannot be run from it, whatever else the hub asks for by now."""

from collections.abc import Iterator

from mcphub_gitops.compiler.lock.freshness import Stale
from mcphub_gitops.compiler.lock.model import Lock, LockedServer
from mcphub_gitops.compiler.lock.movement import split_package
from mcphub_gitops.compiler.resolve.model import Hub, Package, Server


def find_unbindable(hub: Hub, lock: Lock) -> tuple[Stale, ...]:
    """Return the enabled servers that cannot be run from what the lock has of them, in the order of their names."""
    return tuple(
        Stale(server=server.name, reason=reason)
        for server in hub.servers
        if server.enabled
        for reason in _reasons(server, lock.servers.get(server.name))
    )


def _reasons(server: Server, pins: LockedServer | None) -> Iterator[str]:
    """Yield why `server` cannot be run from `pins`, as the end of a sentence: once, or not at all."""
    if pins is None:
        yield "is not locked"
        return
    declared, locked = _declared(server), split_package(pins.package)[0]
    if declared != locked:
        yield f"is locked to {pins.package or 'no package'}, the hub declares {declared or 'something else'}"
    elif server.image is not None and not _is_of(pins.image, server.image.reference.repository):
        yield f"is locked to {pins.image or 'no image'}, the hub declares {server.image.reference.repository}"
    elif isinstance(server.origin, Package) and server.image is not None and not pins.target:
        yield "is locked as a process, the hub runs it in a container"
    else:
        yield from _unlike_tools(server, pins)


def _unlike_tools(server: Server, pins: LockedServer) -> Iterator[str]:
    """Yield the first tool that is a container here or in the lock, and not in both from one place."""
    declared = server.images if server.image is None else {}
    for tool in sorted({*declared, *pins.containers}):
        locked = pins.image_of(tool)
        if tool not in declared or not _is_of(locked, declared[tool].reference.repository):
            wanted = declared[tool].reference.repository if tool in declared else "no such tool"
            yield f"is locked to {locked or 'no image'} for its tool `{tool}`, the hub declares {wanted}"
            return


def _declared(server: Server) -> str:
    origin = server.origin
    if not isinstance(origin, Package):
        return ""
    return f"npm:{origin.name}" if origin.ecosystem == "npm" else origin.name


def _is_of(image: str, repository: str) -> bool:
    name = image.partition("@")[0]
    return name == repository or (name.startswith(f"{repository}:") and "/" not in name[len(repository) :])
