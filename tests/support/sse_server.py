"""A server on the SDK that speaks HTTP with SSE of the revision 2024-11-05, in a process of its own."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from mcp.server.mcpserver import MCPServer
from starlette.types import ASGIApp, Receive, Scope, Send

TOKEN = "TOKEN"  # noqa: S105  (the name of a variable)

server = MCPServer("old")
counts = {"begun": 0, "cancelled": 0}


@server.tool()
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool()
async def hang() -> str:
    """Never return."""
    counts["begun"] += 1
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        counts["cancelled"] += 1
        raise
    return ""


@server.tool()
def count(of: str) -> str:
    """Say how many calls that do not return were `begun`, or `cancelled`."""
    return str(counts[of])


class Guarded:
    """Lets in who has the token, whatever is asked for."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and dict(scope["headers"]).get(b"authorization") != self._token:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, send)


@dataclass(frozen=True)
class Running:
    """The server at `url`."""

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])


@contextmanager
def serve_sse(token: str, *, port: int = 0) -> Iterator[Running]:
    """Run the server, which lets in who has `token`, on `port` of the loopback address."""
    env = {**os.environ, TOKEN: token}
    with subprocess.Popen(
        [sys.executable, __file__, str(port)], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Running(process.stdout.readline().strip(), process)
        finally:
            process.kill()


def main() -> None:
    """Print the URL and serve there."""
    # asyncio switches the delay of small packets off only where the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/sse", flush=True)  # noqa: T201
    config = uvicorn.Config(Guarded(server.sse_app(), os.environ[TOKEN]), log_level="critical")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
