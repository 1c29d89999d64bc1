"""Tools that are containers by themselves: what a catalog says of them, in the hub's own terms, and what is refused."""

from collections.abc import Iterator

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.codes import Code
from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.read.syntax import Node
from mcphub_gitops.compiler.resolve import image
from mcphub_gitops.compiler.resolve.call import mount_faults, why_not_callable, word_faults
from mcphub_gitops.compiler.resolve.catalog import CatalogContainer, CatalogServer, CatalogTool
from mcphub_gitops.compiler.resolve.confinement import Mount
from mcphub_gitops.compiler.resolve.container import decode_confinement, read_mount, source_problems
from mcphub_gitops.compiler.resolve.exposure import left_by_filters
from mcphub_gitops.compiler.resolve.model import Image, Server, Text, ToolContainer, ToolContainers
from mcphub_gitops.compiler.resolve.nodes import child
from mcphub_gitops.compiler.source import Span

_OPEN = "{{"
_OF_SERVERS = {
    "command": "command",
    "config": "config",
    "env": "env",
    "extraHosts": "extra_hosts",
    "oauth": "oauth",
    "secrets": "secrets",
    "user": "user",
    "volumes": "volumes",
}
"""What an entry says about a server that runs, by the catalog's name and ours: beside tools it says nothing."""


def read_tools(found: CatalogServer, source: Text) -> tuple[ToolContainers | None, tuple[Diagnostic, ...]]:
    """Return the tools of an entry whose tools are containers, None where one of them cannot be, and what is wrong.

    What may be mended by leaving a tool out is told by `find_problems`, when the hub's filters are known.
    """
    problems = [_of_server(found, key, source) for key, name in _OF_SERVERS.items() if getattr(found, name)]
    tools: dict[str, ToolContainer] = {}
    for tool in found.tools:
        made = _tool(found, tool) if tool.name not in tools else "The entry has a second tool of that name."
        if isinstance(made, ToolContainer):
            tools[tool.name] = made
        else:
            problems.append(_told(codes.TOOL_CONTAINER, f"`{tool.name}`: {made}", tool.span, source))
    whole = ToolContainers(tools=tools, span=source.span)
    return (whole if len(tools) == len(found.tools) else None), tuple(problems)


def find_mixed(found: CatalogServer, source: Text) -> Iterator[Diagnostic]:
    """Yield the tools that are containers in an entry that is a server: the server would have to offer them."""
    for tool in found.tools if found.contains_tools and found.kind != "tool" else ():
        if tool.container is not None:
            detail = f"`{tool.name}` is a container by itself, and stands among the tools of a server."
            yield _told(codes.TOOL_CONTAINER, detail, tool.span, source)


def _of_server(found: CatalogServer, key: str, source: Text) -> Diagnostic:
    detail = (
        f"`{key}` is for a server that runs; each tool of `{found.name}` is a container by itself, and is given none."
    )
    return _told(codes.TOOL_CONTAINER, detail, found.place(key), source)


def _tool(found: CatalogServer, tool: CatalogTool) -> ToolContainer | str:
    container = tool.container
    if container is None:
        return f"It has no `container`, as each tool of `{found.name}` has: there is no server to offer it."
    reference = image.parse(container.image.value)
    if isinstance(reference, str):
        return reference
    mounts = tuple((read_mount(text.value), text.span) for text in container.volumes if _OPEN not in text.value)
    whole = tuple((mount, span) for mount, span in mounts if mount is not None)
    if len(whole) < len(mounts):
        return "One of its `volumes` is no SOURCE:TARGET[:ro|rw] with an absolute target."
    if container.user is not None and _OPEN in container.user.value:
        return "Its `user` is a template; who a container runs as is no choice of a call's."
    return ToolContainer(
        image=Image(reference=reference, args=(), span=container.image.span),
        command=container.command,
        volumes=tuple(text for text in container.volumes if _OPEN in text.value),
        mounts=tuple((_writable(mount, container), span) for mount, span in whole),
        user=container.user,
        definition=tool.definition,
        span=tool.span,
    )


def _writable(mount: Mount, container: CatalogContainer) -> Mount:
    """Return `mount` as it is meant: a volume is made to be written to, unless it is said otherwise."""
    is_said = any(text.value.endswith((":ro", ":rw")) and read_mount(text.value) == mount for text in container.volumes)
    if mount.kind == "bind" or is_said:
        return mount
    return Mount(kind="volume", source=mount.source, target=mount.target, read_only=False)


def _selected(server: Server, origin: ToolContainers) -> dict[str, ToolContainer]:
    left = left_by_filters(server, origin.tools)
    return {name: tool for name, tool in origin.tools.items() if name in left}


def find_problems(server: Server, node: Node) -> Iterator[Diagnostic]:
    """Yield what is wrong with those tools of `server` that its filters leave, and with what `node` grants them."""
    origin = server.origin
    if not isinstance(origin, ToolContainers):
        return
    source = Text(value=server.source, span=origin.span)
    selected = _selected(server, origin)
    for key, granted in (("read", server.read), ("write", server.write)):
        yield from source_problems(node, granted, writable=key == "write")
    for name, tool in selected.items():
        yield from _tool_problems(name, tool, source)
        yield from _confinement_problems(tool, node)
        if not server.read and not server.write:
            yield from (_not_granted(name, text, source) for text in tool.volumes)
    paths = child(node, "paths")
    if paths is not None and not any(tool.volumes for tool in selected.values()):
        detail = "No call of the server's tools names a folder of the host, so that none can be granted."
        help_ = "what every call mounts stands under `mounts`"
        yield Diagnostic(code=codes.NOT_HERE, detail=detail, span=paths.span, help=help_)


def _tool_problems(name: str, tool: ToolContainer, source: Text) -> Iterator[Diagnostic]:
    schema = tool.definition["inputSchema"]
    why = why_not_callable(schema)
    if why:
        yield _told(codes.FOREIGN_SCHEMA, f"`{name}`: {why}", tool.span, source)
        return
    for text in tool.command:
        yield from (
            _told(codes.TEMPLATE, each.detail, text.span, source, each.help) for each in word_faults(text.value, schema)
        )
    for text in tool.volumes:
        yield from (
            _told(codes.TEMPLATE, each.detail, text.span, source, each.help)
            for each in mount_faults(text.value, schema)
        )


def _confinement_problems(tool: ToolContainer, node: Node) -> Iterator[Diagnostic]:
    user, place = (tool.user.value, tool.user.span) if tool.user is not None else ("", tool.span)
    yield from decode_confinement(node, mounts=tool.mounts, user=user, place=place)[1]


def _not_granted(name: str, text: Text, source: Text) -> Diagnostic:
    detail = f"A call of `{name}` says which folder of the host it mounts (`{text.value}`), and none is granted."
    help_ = (
        "grant the folders below which it may be with `paths: {read: [FOLDER]}`, or `write` where it may also change"
        f" them; or leave the tool out with `tools: {{deny: [{name}]}}`"
    )
    return _told(codes.CALL_MOUNT, detail, text.span, source, help_)


def _told(code: Code, detail: str, span: Span, source: Text, help_: str = "") -> Diagnostic:
    note = Note(message=f"`{source.value}` is taken here", span=source.span)
    return Diagnostic(code=code, detail=detail, span=span, notes=(note,), help=help_)
