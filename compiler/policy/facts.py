"""What a hub amounts to, as the facts that rules look at. What is unknown counts as the worse."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcphub_gitops.compiler.plan.container import Container
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.plan.tool import Tool
from mcphub_gitops.compiler.policy.admission import facts_of_admission
from mcphub_gitops.compiler.policy.cost import estimate_tokens
from mcphub_gitops.compiler.policy.model import Given, GivenServer
from mcphub_gitops.compiler.policy.vocabulary import completed
from mcphub_gitops.compiler.resolve.confinement import DEFAULT_USER, Confinement, Mount, is_root
from mcphub_gitops.compiler.resolve.location import Location, locations_in
from mcphub_gitops.compiler.resolve.model import (
    Command,
    Hub,
    Image,
    Package,
    Remote,
    SecretRef,
    Server,
    Text,
    ToolContainers,
)
from mcphub_gitops.compiler.resolve.path import why_sensitive

_ENDPOINT = re.compile(
    r"(?P<scheme>https?)://(?P<name>\[[^\]/]*\]|[^:/?#\[\]@]+)(?::(?P<port>[0-9]{1,5}))?(?=[/?#]|\Z)"
)
_MIB = 1024**2
_BILLION = 1_000_000_000
_PORTS = {"https": 443, "http": 80}


def facts_of_hub(hub: Hub, desired: Desired | None) -> Given:
    """Return the facts of `hub`; `desired` has those of its servers whose lock fits."""
    bound = {server.name: server for server in desired.servers} if desired is not None else {}
    facts = {
        "name": hub.name,
        "owner": hub.owner,
        "listen": hub.gateway.listen,
        "publicUrl": hub.gateway.public_url,
        **facts_of_admission(hub),
    }
    selecting = _selecting_servers(hub)
    having = _having_tools(desired)
    servers = tuple(
        _server(each, bound.get(each.name), selecting.get(each.name, ()), having)
        for each in hub.servers
        if each.enabled
    )
    return Given(hub=completed("hub", facts), servers=servers)


def _selecting_servers(hub: Hub) -> dict[str, list[str]]:
    """Return the names of the profiles that select each server, whether its tools are known or not."""
    found: dict[str, list[str]] = {}
    for profile in hub.profiles:
        for name in dict.fromkeys(server.value for server in profile.servers):
            found.setdefault(name, []).append(profile.name)
    return found


def _having_tools(desired: Desired | None) -> dict[str, list[str]]:
    """Return the names of the profiles that have each tool, by the name that clients see."""
    found: dict[str, list[str]] = {}
    for profile in desired.profiles if desired is not None else ():
        for tools in profile.tools.values():
            for tool in tools:
                found.setdefault(tool, []).append(profile.name)
    return found


def _server(
    server: Server, bound: DesiredServer | None, profiles: Sequence[str], having: Mapping[str, Sequence[str]]
) -> GivenServer:
    facts = {
        "name": server.name,
        "owner": server.owner,
        "from": server.source,
        "catalog": server.source.partition("/")[0],
        "origin": _ORIGINS[type(server.origin)],
        "profiles": list(profiles),
        "image": _image(server.image, bound.container if bound is not None else None),
        "toolImages": list(_tool_images(server, bound)),
        "package": _package(server.origin, bound),
        "command": [text.value for text in _words(server)],
        "secrets": [_secret(ref, found) for ref in server.secrets for found in locations_in(str(ref))],
        "env": [name for name, _ in server.env],
        "read": [text.value for text in server.read],
        "write": [text.value for text in server.write],
        "locked": bound is not None,
        "definitions": _definitions(server),
        "noTools": server.no_tools,
        **_run(server),
        **_confined(server, server.confinement, bound),
    }
    is_read = server.definitions is None
    known = bound.tools if bound is not None else ()
    tools = tuple(_tool(tool, having.get(tool.name, ()), is_read=is_read) for tool in known)
    return GivenServer(facts=completed("server", facts), tools=tools)


def _run(server: Server) -> dict[str, Any]:
    """Return what depends on who runs the server: others, an engine, or this machine by itself."""
    origin, confinement = server.origin, server.confinement
    if isinstance(origin, Remote):
        return {
            "kind": "remote",
            "transport": origin.transport,
            "hosts": [_host(origin)],
            "reason": origin.reason,
        }
    here = {"transport": "stdio", "hosts": []}
    if confinement is None:
        return {**here, "kind": "process", "reason": ""}
    return {**here, "kind": "container", "reason": confinement.reason}


_ORIGINS: Mapping[type, str] = {
    Image: "image",
    Package: "package",
    Command: "command",
    Remote: "remote",
    ToolContainers: "tools",
}


def _definitions(server: Server) -> str:
    if isinstance(server.origin, ToolContainers):
        return "complete"
    return "catalog" if server.definitions is not None else "live"


def _words(server: Server) -> tuple[Text, ...]:
    origin = server.origin
    if isinstance(origin, ToolContainers):
        return tuple(text for tool in origin.tools.values() for text in tool.command)
    return () if isinstance(origin, Remote) else origin.argv if isinstance(origin, Command) else origin.args


def _tool_images(server: Server, bound: DesiredServer | None) -> Iterator[dict[str, str]]:
    calls = bound.calls if bound is not None and bound.calls is not None else {}
    for tool, image in server.images.items() if isinstance(server.origin, ToolContainers) else ():
        yield _image(image, calls[tool].container if tool in calls else None)


def _image(image: Image | None, container: Container | None) -> dict[str, str]:
    if image is None:
        return {}
    reference = image.reference
    locked = container.image.partition("@")[2] if container is not None else ""
    return {
        "registry": reference.host,
        "repository": reference.path,
        "tag": reference.tag,
        "digest": reference.digest,
        "locked": locked,
    }


def _package(origin: object, bound: DesiredServer | None) -> dict[str, str]:
    if not isinstance(origin, Package):
        return {}
    environment = bound.environment if bound is not None else None
    locked = environment.package if environment is not None else ""
    return {"ecosystem": origin.ecosystem, "name": origin.name, "version": origin.version or "", "locked": locked}


def _confined(server: Server, confinement: Confinement | None, bound: DesiredServer | None) -> dict[str, Any]:
    if confinement is None:
        network = "remote" if isinstance(server.origin, Remote) else "host"
        return {"network": network, "memory": 0, "pids": 0, "cpus": 0.0}
    user = _user(server, confinement, bound)
    return {
        "network": confinement.network,
        "mounts": [_mount(mount) for mount in (*confinement.mounts, *_tool_mounts(server))],
        "capabilities": list(confinement.capabilities),
        "privileged": confinement.privileged,
        "hostPid": confinement.host_pid,
        "hostIpc": confinement.host_ipc,
        "writableRoot": not confinement.read_only,
        "user": user,
        "root": is_root(user),
        "memory": confinement.memory // _MIB,
        "pids": confinement.pids,
        "cpus": confinement.cpus / _BILLION,
    }


def _user(server: Server, confinement: Confinement, bound: DesiredServer | None) -> str:
    """Return whom it runs as; where its tools run as several, that is root if one of them is."""
    tools = server.origin.tools.values() if isinstance(server.origin, ToolContainers) else ()
    declared = [confinement.user] if confinement.user else [tool.user.value for tool in tools if tool.user is not None]
    found = [*(each.user for each in bound.containers), *declared] if bound is not None else declared
    # A user that only the lock can tell is never root: an image of root's runs as another (`plan.desired`).
    return next(iter(sorted(found, key=is_root, reverse=True)), DEFAULT_USER)


def _tool_mounts(server: Server) -> Iterator[Mount]:
    """Yield what calls mount beside what all of the server does, and what they may ask for: where that is, they say."""
    if not isinstance(server.origin, ToolContainers):
        return
    for tool in server.origin.tools.values():
        yield from (mount for mount, _ in tool.mounts)
    for granted in (server.read, server.write):
        for text in granted:
            is_read = granted is server.read
            yield Mount(kind="bind", source=text.value, target=text.value, read_only=is_read)


def _mount(mount: Mount) -> dict[str, Any]:
    is_sensitive = mount.kind == "bind" and bool(why_sensitive(mount.source, writable=not mount.read_only))
    return {
        "kind": mount.kind,
        "source": mount.source,
        "target": mount.target,
        "writable": not mount.read_only,
        "sensitive": is_sensitive,
    }


def _host(remote: Remote) -> dict[str, Any]:
    match = _ENDPOINT.match(remote.url.value)
    name, scheme, port = (match["name"], match["scheme"], match["port"]) if match is not None else ("", "", "")
    return {
        "name": name.strip("[]").lower(),
        "port": int(port) if port else _PORTS.get(scheme, 0),
        "tls": scheme == "https",
        "private": bool(remote.reason),
    }


def _secret(ref: SecretRef, found: Location) -> dict[str, Any]:
    return {
        "variable": ref.variable,
        "store": found.store or found.scheme,
        "reference": str(found),
        "file": ref.as_file,
    }


def _tool(tool: Tool, profiles: Sequence[str], *, is_read: bool) -> dict[str, Any]:
    definition = tool.definition
    # What a catalog says that a tool does is nothing that the server is held to.
    annotations = definition.get("annotations") if is_read else None
    hints = annotations if isinstance(annotations, Mapping) else {}
    schema = definition.get("inputSchema")
    properties = schema.get("properties") if isinstance(schema, Mapping) else {}
    read_only = hints.get("readOnlyHint") is True
    facts = {
        "name": tool.upstream,
        "exposed": tool.name,
        "profiles": list(profiles),
        "title": _text(definition.get("title")) or _text(hints.get("title")),
        "description": _text(definition.get("description")),
        "arguments": sorted(properties) if isinstance(properties, Mapping) else [],
        "namesOnly": not is_read and definition.keys() == {"name"},
        "annotated": bool(hints),
        "readOnly": read_only,
        "destructive": hints.get("destructiveHint", not read_only) is not False,
        "idempotent": hints.get("idempotentHint") is True,
        "openWorld": hints.get("openWorldHint") is not False,
        "tokens": estimate_tokens(tool.exposed),
    }
    return completed("tool", facts)


def _text(found: object) -> str:
    return found if isinstance(found, str) else ""
