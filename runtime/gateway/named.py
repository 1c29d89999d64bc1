"""Tools that are held to their names alone: their definitions are the server's own, as it sends them now.

Nobody reviewed these words. What would make a client refuse the whole list is no definition.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from mcphub_gitops.runtime.gateway.generation import Generation, Server, Tool

Live = Mapping[str, Mapping[str, Any] | None]
"""What a server offers by the name of each tool; None where that cannot be used."""

_UNKNOWN: Mapping[str, Any] = {"inputSchema": {"type": "object"}}
"""What clients see of a tool until its server was asked: that it takes anything."""


class _Shape(msgspec.Struct, rename={"input_schema": "inputSchema", "output_schema": "outputSchema", "meta": "_meta"}):
    """Types of MCP 2025-11-25 and 2026-07-28, "Tool"."""

    name: str
    input_schema: dict[str, Any]
    title: str = ""
    description: str = ""
    output_schema: dict[str, Any] = {}
    annotations: dict[str, Any] = {}
    icons: list[dict[str, Any]] = []
    meta: dict[str, Any] = {}


def fits(definition: Mapping[str, Any]) -> bool:
    """Tell whether `definition` has the form of a tool's."""
    try:
        found = msgspec.convert(definition, _Shape)
    except msgspec.ValidationError:
        return False
    return found.input_schema.get("type") == "object"


def completed(generation: Generation, live: Mapping[str, Live]) -> Generation:
    """Return `generation` with the definitions of `live`, by server, where a tool is held to its name alone."""
    servers = tuple(_completed(server, live.get(server.name, {})) for server in generation.servers)
    return msgspec.structs.replace(generation, servers=servers)


def _completed(server: Server, live: Live) -> Server:
    if not server.by_name:
        return server
    tools = tuple(_tool(tool, live.get(tool.upstream) or _UNKNOWN) for tool in server.tools)
    return msgspec.structs.replace(server, tools=tools)


def _tool(tool: Tool, live: Mapping[str, Any]) -> Tool:
    # What the hub says of the tool wins: its name for clients, and a description where it has one.
    own = msgspec.json.decode(tool.definition, type=dict[str, Any])
    return msgspec.structs.replace(tool, definition=msgspec.Raw(msgspec.json.encode({**live, **own})))
