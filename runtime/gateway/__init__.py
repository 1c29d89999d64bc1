"""The one MCP endpoint: wire, routing, sessions without sockets, upstreams, and the ASGI server around them."""
