"""The lock as a value: what each server was resolved to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.resolve.confinement import Confinement
from mcphub_gitops.compiler.resolve.model import (
    Image,
    Package,
    Remote,
    SecretRef,
    Server,
    ToolContainer,
    ToolContainers,
)
from mcphub_gitops.compiler.resolve.offer import Kind

EMPTY: Mapping[str, str] = MappingProxyType({})

Definitions: TypeAlias = Literal["live", "catalog", "complete"]
"""How the definitions of a server's tools were read: from the server as it runs, or from its catalog's entry, which has
no more than their names for certain, or, of tools that are containers, all that there is."""

Offers: TypeAlias = Mapping[Kind, Mapping[str, str]]
"""Fingerprints by name or URI, of each kind that there is something of."""

NO_OFFERS: Offers = MappingProxyType({})

_CONFINING = tuple(each.name for each in fields(Confinement) if each.name != "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedImage:
    """An image's pins: the reference with the digest that was found, the manifests by platform, and its own user."""

    image: str
    platforms: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    user: str = ""


NO_IMAGES: Mapping[str, LockedImage] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedServer:
    """One server's pins.

    `package` is ``name==version`` (of npm: ``npm:name@version``) and `requirements` one hashed requirement a line; both
    are empty for what is no package. `image` is the reference with the digest that was found, `platforms` maps
    ``os/architecture`` to the manifest's digest, `user` is the one that the image names, and `target` what its
    interpreter is (`Environment.target`) where a package runs in it. `files` and `tools` map a path or a tool's own
    name to ``sha256:<hex>``; `hidden` are the tools that the hub's filters left out. Where `definitions` came from the
    catalog, the `era` is empty, for nobody asked, and the tools are held to their names alone, unless each of them is a
    container by itself: those are in `containers`, by the tool's own name. `offers` are prompts, resources and resource
    templates, those alone that may be served.
    """

    launch: str
    era: str
    definitions: Definitions = "live"
    package: str = ""
    requirements: tuple[str, ...] = ()
    image: str = ""
    platforms: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    user: str = ""
    target: str = ""
    containers: Mapping[str, LockedImage] = field(default_factory=lambda: NO_IMAGES)
    files: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    tools: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    hidden: frozenset[str] = frozenset()
    offers: Offers = field(default_factory=lambda: NO_OFFERS)

    def pins_of(self, tool: str) -> LockedImage:
        """Return the pins of a `tool` that is a container, or, under no name, those of the server's own image."""
        if not tool:
            return LockedImage(image=self.image, platforms=self.platforms, user=self.user)
        return self.containers.get(tool, LockedImage(image=""))

    def image_of(self, tool: str) -> str:
        """Return the image in `pins_of`; empty where there is none."""
        return self.pins_of(tool).image


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedCatalog:
    """A catalog's pins: where it was read, its bytes as ``sha256:<hex>``, and of a git repository the commit."""

    source: str
    digest: str
    commit: str = ""


NO_CATALOGS: Mapping[str, LockedCatalog] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The pins of a hub's enabled servers, and of the catalogs that they come from, by name."""

    servers: Mapping[str, LockedServer]
    catalogs: Mapping[str, LockedCatalog] = field(default_factory=lambda: NO_CATALOGS)


def launch_fingerprint(server: Server) -> str:
    """Return the fingerprint of what decides which tools `server` has: all that it is started with.

    Selection, prefix and names of the hub are left out, so that they can change without a new lock.
    """
    facts = {
        "origin": describe_origin(server),
        "env": {name: text.value for name, text in server.env},
        "secrets": {secret.variable: _described(secret) for secret in server.secrets},
        "read": sorted(text.value for text in server.read),
        "write": sorted(text.value for text in server.write),
    }
    if server.confinement is not None:
        facts["confinement"] = describe_confinement(server.confinement)
    return fingerprint(facts)


def _describe_remote(origin: Remote) -> dict[str, Any]:
    headers = {name: text.value for name, text in origin.headers}
    facts = {"remote": origin.url.value, "headers": headers, "private": bool(origin.reason)}
    # What is not said does not count, so that older locks hold.
    return facts if origin.transport == "streamable-http" else {**facts, "transport": origin.transport}


def describe_origin(server: Server) -> dict[str, Any]:
    """Return the origin as plain data: a package or image with its arguments, a command, an endpoint, or tools."""
    origin = server.origin
    if isinstance(origin, Package):
        base = {"base": str(origin.base.reference)} if origin.base is not None else {}
        return {"package": origin.requirement, "args": [text.value for text in origin.args], **base}
    if isinstance(origin, Image):
        return {"image": str(origin.reference), "args": [text.value for text in origin.args]}
    if isinstance(origin, Remote):
        return _describe_remote(origin)
    if isinstance(origin, ToolContainers):
        return {"containers": {name: _describe_tool(tool) for name, tool in origin.tools.items()}}
    return {"command": [text.value for text in origin.argv]}


def _describe_tool(tool: ToolContainer) -> dict[str, Any]:
    return {
        "image": str(tool.image.reference),
        "command": [text.value for text in tool.command],
        "volumes": [text.value for text in tool.volumes],
        "mounts": [asdict(mount) for mount, _ in tool.mounts],
        "user": tool.user.value if tool.user is not None else "",
    }


def describe_confinement(confinement: Confinement) -> dict[str, Any]:
    """Return what decides how a container runs, as plain data; the reason for it decides nothing."""
    facts = {name: getattr(confinement, name) for name in _CONFINING}
    return {**facts, "mounts": [asdict(mount) for mount in confinement.mounts]}


def _described(secret: SecretRef) -> str:
    return f"{secret} as a file" if secret.as_file else str(secret)
