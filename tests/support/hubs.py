"""Hubs and the locks that fit them, made from the text of a hub."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler.canonical import digest, fingerprint
from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.lock.catalogs import lock_catalogs
from mcphub_gitops.compiler.lock.freshness import locked_files
from mcphub_gitops.compiler.lock.model import Definitions as Read
from mcphub_gitops.compiler.lock.model import Lock, LockedImage, LockedServer, launch_fingerprint
from mcphub_gitops.compiler.resolve.exposure import left_by_filters
from mcphub_gitops.compiler.resolve.image import ImageReference
from mcphub_gitops.compiler.resolve.model import Hub, Package, Server, ToolContainers
from mcphub_gitops.compiler.sourcing import validate

Definitions = Mapping[str, Mapping[str, Mapping[str, Any]]]

NOTES_HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py]}
"""
TIME_HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  time: {package: "pypi:mcp-server-time@1"}
"""


def hub_of(text: str, files: Mapping[str, bytes] | None = None) -> Hub:
    """Return the hub of `text`, which must be right; `files` are its catalogs."""
    validated = validate("mcp-hub.yaml", text.encode(), files)
    assert not has_errors(validated.diagnostics)
    assert validated.hub is not None
    return validated.hub


def lock_of(hub: Hub, tools: Mapping[str, tuple[str, ...]]) -> tuple[Lock, Definitions]:
    """Lock every server of `hub` as if it had answered with `tools`, or from its catalog where the hub says so."""
    definitions: dict[str, Mapping[str, Mapping[str, Any]]] = {
        server: {name: {"name": name, "description": f"The tool {name}.", "inputSchema": {}} for name in names}
        for server, names in tools.items()
    }
    definitions |= {each.name: each.definitions.tools for each in hub.servers if each.definitions is not None}
    definitions |= {
        each.name: _contained(each.origin) for each in hub.servers if isinstance(each.origin, ToolContainers)
    }
    servers = {
        server.name: _locked(server, definitions.get(server.name, {})) for server in hub.servers if server.enabled
    }
    return Lock(servers=MappingProxyType(servers), catalogs=lock_catalogs(hub)), definitions


def _contained(origin: ToolContainers) -> Mapping[str, Mapping[str, Any]]:
    return {name: tool.definition for name, tool in origin.tools.items()}


def _pinned(image: ImageReference) -> str:
    return f"{image.tagged}@{image.digest or digest(str(image).encode())}"


def _locked(server: Server, definitions: Mapping[str, Mapping[str, Any]]) -> LockedServer:
    package = ""
    if isinstance(server.origin, Package) and server.origin.ecosystem == "npm":
        package = f"npm:{server.origin.name}@{server.origin.version or '1.0.0'}"
    elif isinstance(server.origin, Package):
        package = f"{server.origin.name}=={server.origin.version or '1'}"
    image = server.image.reference if server.image is not None else None
    contained = server.images if isinstance(server.origin, ToolContainers) else {}
    read: Read = "complete" if contained else "live" if server.definitions is None else "catalog"
    return LockedServer(
        launch=launch_fingerprint(server),
        era="modern" if read == "live" else "",
        definitions=read,
        package=package,
        requirements=(f"{package} --hash={digest(package.encode())}",) if package else (),
        image=_pinned(image) if image is not None else "",
        containers=MappingProxyType(
            {name: LockedImage(image=_pinned(each.reference)) for name, each in contained.items()}
        ),
        target=("python3.12-gnu" if package and image is not None else ""),
        files=MappingProxyType({path: digest(path.encode()) for path in locked_files(server)}),
        tools=MappingProxyType({name: fingerprint(definition) for name, definition in definitions.items()}),
        hidden=frozenset(definitions.keys() - left_by_filters(server, definitions)),
    )
