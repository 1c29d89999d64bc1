"""What a server may do, and which line of the hub grants it."""

from collections.abc import Iterator

from mcphub_gitops.compiler.account.statement import Asked, Statement, shown
from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.resolve.confinement import DEFAULT_CPUS, DEFAULT_USER, Confinement, Mount
from mcphub_gitops.compiler.resolve.container import read_mount
from mcphub_gitops.compiler.resolve.model import Remote, Server, ToolContainers
from mcphub_gitops.compiler.resolve.nodes import child, texts
from mcphub_gitops.compiler.source import Span

_MIB = 1024**2
_NETWORKS = {
    "none": "reach no network",
    "bridge": "reach all that lies behind the engine's bridge",
    "host": "use the host's own network",
}


def grants_of(asked: Asked, server: Server) -> Iterator[Statement]:
    """Yield what `server` may read, write and reach, what it runs with, and which secrets it is given."""
    if server.confinement is not None:
        yield from _contained(asked, server, server.confinement)
    elif isinstance(server.origin, Remote):
        yield from _reached(asked, server, server.origin)
    else:
        text = "reach whatever this machine reaches: a process has its network"
        yield Statement(topic="may", name="network", text=text, span=server.span)
    yield from _paths(asked, server)
    for variable, given in server.env:
        yield Statement(topic="env", name=variable, text="is set", span=given.span)
    for secret in server.secrets:
        text = f"{secret} as a file" if secret.as_file else str(secret)
        yield Statement(topic="secret", name=secret.variable, text=shown(text), span=secret.span)


def _paths(asked: Asked, server: Server) -> Iterator[Statement]:
    called = " in calls that name it, or what lies below" if isinstance(server.origin, ToolContainers) else ""
    for verb, granted in (("read", server.read), ("write", server.write)):
        for path in granted:
            yield Statement(topic="may", name=verb, text=f"{verb} {path.value}{called}", span=path.span)
    bound = asked.desired(server.name)
    implied = set(bound.read) - {path.value for path in server.read} if bound is not None else set()
    for named in sorted(implied):
        span = asked.place(server.name, "command")
        yield Statement(topic="may", name="read", text=f"read {named}, which its command names", span=span)


def _reached(asked: Asked, server: Server, remote: Remote) -> Iterator[Statement]:
    if remote.reason:
        text = f"be at an address that is not public: {remote.reason}"
        yield Statement(topic="may", name="private", text=text, span=asked.place(server.name, "remote", "private"))
    for name, value in remote.headers:
        yield Statement(topic="header", name=name, text="is sent", span=value.span)


def _contained(asked: Asked, server: Server, confinement: Confinement) -> Iterator[Statement]:
    node = asked.node(server.name)
    yield _permission(node, "network", _NETWORKS[confinement.network])
    yield from _mounts(node, confinement, asked.place(server.name, "from"))
    yield from _called(server)
    yield from _capabilities(node, confinement)
    for key, is_given, text in (
        ("privileged", confinement.privileged, "do all that root does on the host"),
        ("pid", confinement.host_pid, "see and signal the host's processes"),
        ("ipc", confinement.host_ipc, "share the host's memory between processes"),
        ("readOnly", not confinement.read_only, "write to its root file system"),
    ):
        if is_given:
            yield _permission(node, key, text)
    bound = asked.desired(server.name)
    users = dict.fromkeys(each.user for each in bound.containers) if bound is not None else {}
    user = " or ".join(users) or confinement.user
    yield _permission(node, "user", f"run as {user or f'the user of its image, or {DEFAULT_USER} where that is root'}")
    limits = f"{confinement.memory // _MIB} MiB, {confinement.pids} processes, {confinement.cpus / DEFAULT_CPUS:g} CPUs"
    yield _permission(node, "resources", f"use {limits}")
    if confinement.reason:
        yield Statement(topic="reason", text=confinement.reason, span=asked.place(server.name, "relax", "reason"))


def _mounts(node: Node | None, confinement: Confinement, source: Span | None) -> Iterator[Statement]:
    """Yield what is mounted; what no line of the hub says comes of what the server is made from, at `source`."""
    for mount in confinement.mounts:
        given = (each.span for each in texts(node, "mounts") if read_mount(each.value) == mount)
        yield Statement(topic="may", name="mounts", text=_words(mount), span=next(given, source))


def _called(server: Server) -> Iterator[Statement]:
    """Yield what the calls of single tools mount, whatever they are called with."""
    for tool, called in server.origin.tools.items() if isinstance(server.origin, ToolContainers) else ():
        for mount, span in called.mounts:
            text = f"{_words(mount)} in calls of {tool}"
            yield Statement(topic="may", name="mounts", text=shown(text), span=span)


def _words(mount: Mount) -> str:
    verb = "read" if mount.read_only else "read and write"
    return f"{verb} {mount.source} ({mount.kind}) at {mount.target}"


def _capabilities(node: Node | None, confinement: Confinement) -> Iterator[Statement]:
    given = (*texts(node, "capabilities"), *texts(node, "relax", "capabilities"))
    places = {each.value: each.span for each in reversed(given)}
    for name in confinement.capabilities:
        yield Statement(topic="may", name="capabilities", text=f"use the capability {name}", span=places.get(name))


def _permission(node: Node | None, key: str, text: str) -> Statement:
    """Return what `key` decides; where the hub does not set it, the baseline or the image does."""
    span = _place(node, key)
    return Statement(topic="may", name=key, text=text if span is not None else f"{text} (by default)", span=span)


def _place(node: Node | None, key: str) -> Span | None:
    found = child(node, key) or child(node, "relax", key)
    return found.span if found is not None else None
