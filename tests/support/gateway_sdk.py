"""A stdio server on the SDK's low-level API: of both eras, or with ``--legacy`` of the handshake era alone."""

import asyncio
import sys
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_loop
from mcp.server.stdio import stdio_server

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer", "x-mcp-header": "First"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}


async def list_tools(_context: object, _params: object) -> types.ListToolsResult:
    return types.ListToolsResult(
        tools=[types.Tool(name="add", description="Add two numbers.", input_schema=SCHEMA)],
    )


async def call_tool(_context: object, params: types.CallToolRequestParams) -> types.CallToolResult:
    arguments = params.arguments or {}
    total = arguments["a"] + arguments["b"]
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=str(total))], structured_content={"sum": total}
    )


async def main() -> None:
    server: Server[Any] = Server("sums", version="1", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (read, write):
        if "--legacy" in sys.argv:
            await serve_loop(server, read, write, lifespan_state={})
        else:
            await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main())
