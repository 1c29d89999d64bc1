"""What the lock lacks: which servers are not locked, or locked for another declaration, and why."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcphub_gitops.compiler.lock.model import Lock, LockedServer, launch_fingerprint
from mcphub_gitops.compiler.resolve.model import Command, Hub, Package, Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A server whose lock entry cannot be used, and why, as the end of a sentence."""

    server: str
    reason: str


def find_stale(hub: Hub, lock: Lock, files: Mapping[str, str]) -> tuple[Stale, ...]:
    """Compare the lock with the hub and with `files`, the digests of the files that commands name now.

    That something newer was published never makes a lock stale.
    """
    enabled = {server.name: server for server in hub.servers if server.enabled}
    stale = [
        Stale(server=name, reason=reason)
        for name, server in enabled.items()
        if (reason := _why_stale(server, lock.servers.get(name), files))
    ]
    stale.extend(
        Stale(server=name, reason="is in the lock, but not an enabled server of the hub")
        for name in lock.servers
        if name not in enabled
    )
    return tuple(sorted(stale, key=lambda each: each.server))


def named_files(server: Server) -> tuple[str, ...]:
    """Return the arguments of a command that look like paths of the hub's folder, in order.

    Relative, and with a slash or with the suffix of a script: decided on the text alone, so that what is locked and
    what may be read never depends on the machine.
    """
    if not isinstance(server.origin, Command):
        return ()
    values = (text.value for text in server.origin.argv)
    return tuple(dict.fromkeys(value for value in values if _is_path(value)))


def _is_path(value: str) -> bool:
    if value.startswith(("-", "/")) or "://" in value or not value.isprintable():
        return False
    return "/" in value or value.endswith((".py", ".js", ".mjs", ".cjs", ".ts", ".sh"))


def _why_stale(server: Server, locked: LockedServer | None, files: Mapping[str, str]) -> str:
    if locked is None:
        return "is not locked"
    if isinstance(server.origin, Package):
        wanted = server.origin.requirement
        if wanted not in (locked.package, locked.package.partition("==")[0]):
            return f"is locked to {locked.package or 'a command'}, the hub asks for {wanted}"
    elif locked.package:
        return f"is locked to the package {locked.package}, the hub declares a command"
    if locked.launch != launch_fingerprint(server):
        return "is started in another way than when it was locked"
    for path in sorted({*named_files(server), *locked.files}):
        if files.get(path) != locked.files.get(path):
            return f"runs `{path}`, which has changed since it was locked"
    return ""
