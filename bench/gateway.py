"""The gateway's cost of one small ``tools/call``, beside an ASGI application that always answers the same.

    python bench/gateway.py [--rounds 3] [--calls 20000]

Both are served by the same server settings, asked over 16 keep-alive connections with a token, in turns. A figure is
the CPU time (utime and stime of /proc/PID/stat, proc(5)) of the serving process alone, without its child and without
the load, divided by the calls; wall-clock figures on a shared machine say little.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import uvloop

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.gateway import generation, server

CONNECTIONS: Final = 16
TOKEN: Final = "benchmark-token-of-32-characters"  # noqa: S105  (guards nothing)
MODERN: Final = "2026-07-28"
HERE: Final = Path(__file__).resolve()
_TOOL: Final = {"name": "echo", "description": "Says it again.", "inputSchema": {"type": "object"}}
# Answers revision 2026-07-28 about as fast as Python can.
_CHILD: Final = """
import re, sys
for line in sys.stdin.buffer:
    found = re.match(rb'{"jsonrpc":"2.0","id":([0-9]+),"method":"([a-z/]+)"', line)
    if found:
        result = {
            b"server/discover": b'"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}',
            b"tools/list": b'"tools":[%b]',
            b"tools/call": b'"content":[{"type":"text","text":"hello"}]',
        }[found[2]]
        head = b'{"jsonrpc":"2.0","id":%b,"result":{"resultType":"complete",' % found[1]
        sys.stdout.buffer.write(head + result + b"}}\\n")
        sys.stdout.buffer.flush()
"""
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class NoSecrets:
    """The secrets of a server that needs none."""

    def fetch(
        self,
        references: Collection[str],
        *,
        stores: Mapping[str, Mapping[str, str]],  # noqa: ARG002  (the port's signature)
        programs: Mapping[str, str],  # noqa: ARG002  (the port's signature)
    ) -> Mapping[str, str]:
        """Return nothing: nothing is asked for."""
        return dict.fromkeys(references, "")


async def serve_gateway() -> None:
    """Serve one child, and print the URL."""
    entry = {
        "name": "echo",
        "kind": "process",
        "spec": {
            "server": "echo",
            "argv": [sys.executable, "-I", "-S", "-c", _CHILD.replace("%b]", f"{json.dumps(_TOOL)}]")],
            "cwd": "/",
            "env": {},
            "readable": [sys.prefix, sys.base_prefix],
        },
        "tools": [{"name": "echo", "upstream": "echo", "hash": fingerprint(_TOOL), "definition": _TOOL}],
    }
    document = {
        "format": "mcphub.generation/v1",
        "hub": "bench",
        "plan": fingerprint("bench"),
        "listen": "127.0.0.1:0",
        "servers": [entry],
    }
    await server.serve(
        generation.decode(json.dumps(document).encode()),
        spawner=ProcessEngine(),
        secrets=NoSecrets(),
        token=TOKEN,
        version="0",
        on_ready=_tell,
        stop=asyncio.Event(),
    )


async def serve_constant() -> None:
    """Serve an application that reads the request and always answers the same, and print the URL."""
    body = b'{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[{"type":"text","text":"hello"}]}}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def application(
        _scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    listener = await server.listen_on("127.0.0.1:0")
    serving = server.Server(application, bounds=server.Settings().bounds, drain=1)
    async with asyncio.TaskGroup() as group:
        group.create_task(serving.serve(sockets=[listener]))
        _tell(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp")


def _tell(url: str) -> None:
    sys.stdout.write(url + "\n")
    sys.stdout.flush()


class Caller(asyncio.Protocol):
    """One connection: sends a call, waits for its whole answer, sends the next."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._number = 0
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer."""
        self._heard += data
        head, _, body = self._heard.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or b"-1")
        if not 0 <= length <= len(body):
            return
        if not head.startswith(b"HTTP/1.1 200 ") or (self._load.checked and b'"id":%d,' % self._number not in body):
            self._load.finish(RuntimeError(self._heard.decode()))
        self._heard = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Be cut off."""
        self._load.finish(exc or RuntimeError("the connection was closed"))

    def _next(self) -> None:
        self._number = self._load.take()
        if self._number:
            self._transport.write(self._load.request(self._number))


class Load:
    """What all connections share: how many calls are left."""

    def __init__(self, port: int, calls: int, *, checked: bool) -> None:
        self.checked = checked
        self._left = calls
        self._running = CONNECTIONS
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        meta = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "0"},
        }
        params = {"name": "echo", "arguments": {"text": "hello"}, "_meta": meta}
        rest = json.dumps({"method": "tools/call", "params": params}, separators=(",", ":")).encode()[1:]
        self._body = b'{"jsonrpc":"2.0","id":%d,' + rest.replace(b"%", b"%%")
        self._head = (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
            f"MCP-Protocol-Version: {MODERN}\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n"
        ).encode() + b"Content-Length: %d\r\n\r\n"

    def take(self) -> int:
        """Return the number of the next call; 0 when there is none."""
        if self._left:
            self._left -= 1
            return self._left + 1
        self._running -= 1
        if not self._running:
            self.finish(None)
        return 0

    def request(self, number: int) -> bytes:
        """Return the bytes of one call."""
        body = self._body % number
        return self._head % len(body) + body

    def finish(self, problem: Exception | None) -> None:
        """End the load, well or badly."""
        if self.done.done():
            return
        if problem is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(problem)


async def put_load(port: int, calls: int, *, checked: bool) -> None:
    """Send `calls` calls over all connections."""
    load = Load(port, calls, checked=checked)
    loop = asyncio.get_running_loop()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Caller(load), "127.0.0.1", port)
    await load.done


@contextmanager
def _process(kind: str) -> Iterator[tuple[int, int]]:
    """Run this program as `kind`; yields the number of the process and its port."""
    process = subprocess.Popen([sys.executable, str(HERE), kind], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # noqa: S101  (for the type checker)
        yield process.pid, int(process.stdout.readline().rpartition(":")[2].partition("/")[0])
    finally:
        process.terminate()
        process.wait()
        process.stdout.close() if process.stdout else None


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2


def _load(kind: str, port: int, calls: int) -> None:
    command = [sys.executable, str(HERE), "load", str(port), str(calls), kind]
    subprocess.run(command, check=True)


def measure(rounds: int, calls: int) -> None:
    """Print the figures."""
    costs: dict[str, list[float]] = {"gateway": [], "constant": []}
    with _process("gateway") as gateway, _process("constant") as constant:
        places = {"gateway": gateway, "constant": constant}
        for kind, (_, port) in places.items():
            _load(kind, port, calls // 10)
        for _ in range(rounds):
            for kind, (pid, port) in places.items():
                before = _seconds(pid)
                _load(kind, port, calls)
                costs[kind].append((_seconds(pid) - before) / calls * 1e6)
        resident = {kind: _resident(pid) for kind, (pid, _) in places.items()}
    middle = {kind: statistics.median(values) for kind, values in costs.items()}
    for kind, values in costs.items():
        each = " ".join(f"{value:.1f}" for value in values)
        sys.stdout.write(f"{kind:9} {middle[kind]:6.1f} us CPU a call ({each})  {resident[kind]:.0f} MiB resident\n")
    sys.stdout.write(f"ratio     {middle['gateway'] / middle['constant']:6.2f}\n")


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("role", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=20_000)
    options = parser.parse_args()
    match options.role:
        case []:
            measure(options.rounds, options.calls)
        case ["gateway"]:
            uvloop.run(serve_gateway())
        case ["constant"]:
            uvloop.run(serve_constant())
        case ["load", port, calls, kind]:
            uvloop.run(put_load(int(port), int(calls), checked=kind == "gateway"))
        case _:
            parser.error("unknown role")


if __name__ == "__main__":
    main()
