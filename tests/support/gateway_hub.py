"""A gateway to test: generations made of small servers, the real thing on a real socket, and a plain HTTP client."""

import asyncio
import functools
import json
import sys
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec

import uvloop
from hypothesis import HealthCheck, settings

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.gateway import generation, server
from mcphub_gitops.runtime.gateway.connection import Bounds
from mcphub_gitops.runtime.gateway.generation import Generation
from mcphub_gitops.runtime.gateway.keys import Keys, read_keys
from mcphub_gitops.runtime.gateway.server import Settings
from mcphub_gitops.runtime.gateway.upstream import Supervision
from mcphub_gitops.runtime.ports import AnySpawner, Secrets
from tests.support import gateway_echo

P = ParamSpec("P")

SUPPORT = Path(__file__).resolve().parent
TOKEN = "a-token-of-the-tests-0123456789"  # noqa: S105  (opens nothing)
CLIENT = b'{"name":"mcphub","version":"1"}'
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
# What is drawn costs little; a busy machine must not fail a property.
UNHURRIED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PATIENT = Supervision(call=10, probe=2, start=10, grace=0.2, first_pause=0.05, longest_pause=0.2, relist=0.1)


def on_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test on a loop of its own; it fails after 30 s, and when a child process is left."""

    @functools.wraps(test)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        before = children()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(test(*args, **kwargs), 30))
        assert children() <= before

    return wrapper


def children() -> set[int]:
    """Return the process numbers of this process's children."""
    found: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        # A thread may end between the two looks.
        with suppress(FileNotFoundError, ProcessLookupError):
            found.update(map(int, task.read_text("ascii").split()))
    return found


async def until(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Wait until `condition` holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (what is waited for lies in other processes)
            await asyncio.sleep(0.005)


def echo_entry(name: str = "echo", *options: str, **fields: object) -> dict[str, Any]:
    """Return a server entry of the echo program, with all its tools locked as they are."""
    program = str(SUPPORT / "gateway_echo.py")
    return entry(name, [sys.executable, "-I", "-S", program, *options], **fields)


def entry(name: str, argv: list[str], **fields: object) -> dict[str, Any]:
    """Return a server entry; `tools` names or defines its tools, all of the echo program's unless given."""
    tools: Any = fields.pop("tools", list(gateway_echo.TOOLS))
    others = ("secrets", "files", "code", "optional", "by_name")
    outside: dict[str, object] = {key: fields.pop(key) for key in others if key in fields}
    spec = {
        "server": name,
        "argv": argv,
        "cwd": str(SUPPORT),
        "env": {},
        "readable": [sys.prefix, sys.base_prefix, str(SUPPORT)],
        **fields,
    }
    return {"name": name, "kind": "process", "spec": spec, "tools": [tool_entry(tool) for tool in tools], **outside}


def tool_entry(tool: str | Mapping[str, Any], *, name: str = "", note: str = "") -> dict[str, Any]:
    """Return the entry of a tool locked as it is; `name` is what clients see."""
    if isinstance(tool, Mapping):
        if "hash" in tool:
            return dict(tool)
        locked = dict(tool)
    else:
        locked = gateway_echo.definition(tool, note)
    exposed = name or locked["name"]
    return {
        "name": exposed,
        "upstream": locked["name"],
        "hash": fingerprint(locked),
        "definition": {**locked, "name": exposed},
    }


def generation_of(*servers: Mapping[str, Any], **fields: object) -> Generation:
    """Return a generation of `servers` on a free port of the loopback address."""
    document = {
        "format": "mcphub.generation/v1",
        "hub": "acme",
        "plan": fingerprint([dict(each) for each in servers]),
        "listen": "127.0.0.1:0",
        "publicUrl": "",
        "servers": servers,
        **fields,
    }
    return generation.decode(json.dumps(document).encode())


@dataclass(frozen=True)
class Values:
    """Secrets whose values are `known`, or else their references in capitals."""

    known: Mapping[str, str] = field(default_factory=dict)

    def fetch(
        self,
        references: Collection[str],
        *,
        stores: Mapping[str, Mapping[str, str]],  # noqa: ARG002  (the port's signature)
        programs: Mapping[str, str],  # noqa: ARG002  (the port's signature)
    ) -> Mapping[str, str]:
        return {reference: self.known.get(reference, reference.upper()) for reference in references}


@dataclass
class Running:
    """A gateway that runs: its URL, and what stops it."""

    url: str
    stop: asyncio.Event
    generations: "asyncio.Queue[Generation]"

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2].partition("/")[0])

    @asynccontextmanager
    async def client(self, **headers: str) -> AsyncIterator["Http"]:
        """Yield one keep-alive connection with the token."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            host = {"host": f"127.0.0.1:{self.port}", "authorization": f"Bearer {TOKEN}"}
            yield Http(reader, writer, {**host, **headers})
        finally:
            writer.close()

    async def ready(self) -> None:
        """Wait until every server is up."""
        async with self.client() as client, asyncio.timeout(10):
            while (await client.send("GET", path="/ready")).status != 200:  # noqa: ASYNC110  (asked over HTTP)
                await asyncio.sleep(0.01)


@asynccontextmanager
async def gateway(
    served: Generation,
    *,
    spawner: AnySpawner | None = None,
    supervision: Supervision = PATIENT,
    bounds: Bounds | None = None,
    secrets: Secrets | None = None,
    **others: Any,  # noqa: ANN401  (whatever Settings takes)
) -> AsyncIterator[Running]:
    """Run a gateway with the real engine; it has stopped, children and all, when this is left."""
    values = secrets or Values()
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[str] = loop.create_future()
    stop = asyncio.Event()
    queue: asyncio.Queue[Generation] = asyncio.Queue()

    async def follow() -> AsyncIterator[tuple[Generation, Keys]]:
        while True:
            found = await queue.get()
            yield found, await read_keys(found.admission, operator=TOKEN, secrets=values)

    async with asyncio.TaskGroup() as group:
        group.create_task(
            server.serve(
                served,
                spawner=spawner or ProcessEngine(),
                secrets=values,
                keys=await read_keys(served.admission, operator=TOKEN, secrets=values),
                version="1",
                on_ready=ready.set_result,
                stop=stop,
                generations=follow(),
                settings=Settings(supervision=supervision, bounds=bounds or Bounds(), **others),
            )
        )
        try:
            yield Running(await ready, stop, queue)
        finally:
            stop.set()


@dataclass
class Answer:
    """One HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401  (any JSON value)
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The text of a tool's result."""
        text = self.json["result"]["content"][0]["text"]
        assert isinstance(text, str)
        return text

    @property
    def code(self) -> int:
        """The code of a JSON-RPC error."""
        code = self.json["error"]["code"]
        assert isinstance(code, int)
        return code


@dataclass
class Http:
    """One connection; requests go out exactly as they are given."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    headers: dict[str, str]

    async def send(
        self, method: str, body: bytes = b"", *, path: str = "/mcp", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the response to one request; a header that is None in `headers` is left out."""
        self.put(method, body, path=path, headers=headers)
        return await self.receive()

    def put(
        self, method: str, body: bytes = b"", *, path: str = "/mcp", headers: Mapping[str, str] | None = None
    ) -> None:
        merged = {**self.headers, "content-length": str(len(body)), **(headers or {})}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in merged.items() if value), "", ""]
        self.writer.write("\r\n".join(lines).encode("latin-1") + body)

    async def receive(self) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *fields = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(first.split()[1]), headers, body)

    async def modern(
        self, method: str, params: Mapping[str, Any] | None = None, *, identity: object = 1, **headers: str
    ) -> Answer:
        """Return the answer to a request of revision 2026-07-28."""
        body, fields = modern_request(method, params, identity=identity)
        return await self.send("POST", body, headers={**fields, **headers})

    async def call(self, tool: str, *, identity: object = 1, **arguments: object) -> Answer:
        """Call a tool in revision 2026-07-28."""
        return await self.modern("tools/call", {"name": tool, "arguments": arguments}, identity=identity)

    async def legacy(self, method: str, params: Mapping[str, Any] | None = None, *, identity: object = 1) -> Answer:
        """Return the answer to a request of the session that `open_session` opened."""
        message = {"jsonrpc": "2.0", "id": identity, "method": method, "params": params or {}}
        return await self.send("POST", json.dumps(message).encode())

    async def open_session(self, revision: str = "2025-11-25") -> Answer:
        """Shake hands in a revision of the old era; later requests belong to the session."""
        params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        answer = await self.legacy("initialize", params)
        self.headers |= {
            "mcp-session-id": answer.headers["mcp-session-id"],
            "mcp-protocol-version": answer.json["result"]["protocolVersion"],
        }
        initialized = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode()
        assert (await self.send("POST", initialized)).status == 202
        return answer


def modern_request(
    method: str, params: Mapping[str, Any] | None = None, *, identity: object = 1
) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a request of revision 2026-07-28."""
    sent = {**(params or {}), "_meta": META}
    body = json.dumps({"jsonrpc": "2.0", "id": identity, "method": method, "params": sent}).encode()
    headers = {"mcp-protocol-version": MODERN, "mcp-method": method}
    if "name" in sent:
        headers["mcp-name"] = sent["name"]
    return body, headers
