"""Servers on the SDK over real sockets: streamable HTTP, of both eras or made to be of the old one alone."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": "integer", "x-mcp-header": "First"},
        "b": {"type": "integer"},
        "note": {"type": "string", "x-mcp-header": "Note"},
    },
}
TOOLS = ("add", "hang", "grow", "talk", "cut", "größe")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Context = ServerRequestContext[Any, Any]


@dataclass(frozen=True)
class Seen:
    """One HTTP request, as it came."""

    method: str
    path: str
    headers: dict[str, str]


class Events(EventStore):
    """Events in memory, for streams that can be taken up again."""

    def __init__(self) -> None:
        self._events: list[tuple[str, types.JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        number = int(last_event_id)
        stream, _ = self._events[number - 1]
        for index in range(number, len(self._events)):
            owner, message = self._events[index]
            if owner == stream and message is not None:
                await send_callback(EventMessage(message, str(index + 1)))
        return stream


@dataclass
class Remote:
    """A server, what it was asked over HTTP, and what it knows of its calls."""

    url: str
    seen: list[Seen] = field(default_factory=list)
    hanging: int = 0
    cancelled: int = 0
    extra: list[str] = field(default_factory=list)
    bus: InMemorySubscriptionBus = field(default_factory=InMemorySubscriptionBus)
    listen: ListenHandler | None = None
    refuse: int | None = None

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])

    def of(self, method: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.method == method]

    async def list_tools(self, _context: Context, _params: object) -> types.ListToolsResult:
        names = (*TOOLS, *self.extra)
        return types.ListToolsResult(
            tools=[types.Tool(name=name, description="For tests.", input_schema=SCHEMA) for name in names]
        )

    async def call_tool(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        arguments = params.arguments or {}
        match params.name:
            case "hang":
                await self._hang()
            case "grow":
                self.extra.append("grown")
                await self.bus.publish(ToolsListChanged())
                if context.protocol_version != "2026-07-28":
                    await context.session.send_tool_list_changed()
            case "talk":
                for number in range(3):
                    await context.session.report_progress(number)
            case "cut":
                assert context.close_sse_stream is not None
                await context.close_sse_stream()
        text = str(arguments.get("a", 0) + arguments.get("b", 0)) + arguments.get("note", "")
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    async def _hang(self) -> None:
        self.hanging += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.hanging -= 1


class Recording:
    """Notes each request, and makes the server one of the old era where that is wanted."""

    def __init__(self, app: App, remote: Remote, *, legacy: bool) -> None:
        self._app = app
        self._remote = remote
        self._legacy = legacy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["raw_path"].decode() + (f"?{query}" if (query := scope["query_string"].decode()) else "")
        self._remote.seen.append(Seen(scope["method"], path, headers))
        if self._remote.refuse is not None:
            await send({"type": "http.response.start", "status": self._remote.refuse, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        if self._legacy and headers.get("mcp-protocol-version") == "2026-07-28":
            # What older software does with a revision that it has never heard of: it knows no such header.
            scope["headers"] = [pair for pair in scope["headers"] if not pair[0].startswith(b"mcp-")]
        await self._app(scope, receive, send)


class Quiet(uvicorn.Server):
    """A server that leaves the signals of the test run alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Tokens:
    """Who is let in by OAuth: the bearers of `valid`; all others are sent to `elsewhere` for a token."""

    valid: set[str]
    elsewhere: str

    async def verify_token(self, token: str) -> AccessToken | None:
        return AccessToken(token=token, client_id="hub", scopes=[]) if token in self.valid else None

    def options(self) -> dict[str, Any]:
        """Return the SDK's settings of a server that they open, whatever it is called."""
        url = AnyHttpUrl(self.elsewhere)
        return {
            "auth": AuthSettings(issuer_url=url, resource_server_url=url, validate_token_resource=False),
            "token_verifier": self,
            "transport_security": TransportSecuritySettings(enable_dns_rebinding_protection=False),
        }


@asynccontextmanager
async def serve(
    *,
    legacy: bool = False,
    json: bool = False,
    resumable: bool = False,
    stateless: bool = False,
    port: int = 0,
    certificate: tuple[Path, Path] | None = None,
    tokens: Tokens | None = None,
) -> AsyncIterator[Remote]:
    """Run a server on `port` of the loopback address; it has ended, connections and all, when this is left."""
    # asyncio switches the delay of small packets off only where the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    scheme = "https" if certificate else "http"
    remote = Remote(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/mcp")
    remote.listen = ListenHandler(remote.bus)
    server: Server[Any] = Server(
        "sums",
        version="1",
        on_list_tools=remote.list_tools,
        on_call_tool=remote.call_tool,
        on_subscriptions_listen=None if legacy else remote.listen,
    )
    options = server.create_initialization_options(NotificationOptions(tools_changed=True))
    server.create_initialization_options = lambda *_: options  # type: ignore[method-assign]
    app = server.streamable_http_app(
        json_response=json,
        stateless_http=stateless,
        event_store=Events() if resumable else None,
        retry_interval=50 if resumable else None,
        **(tokens.options() if tokens is not None else {}),
    )
    config = uvicorn.Config(
        Recording(app, remote, legacy=legacy),
        log_config=None,
        log_level="critical",
        lifespan="on",
        timeout_graceful_shutdown=0,
        ws="none",
        ssl_certfile=certificate[0] if certificate else None,
        ssl_keyfile=certificate[1] if certificate else None,
    )
    running = Quiet(config)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(running.serve(sockets=[listener]))
        while not running.started:  # noqa: ASYNC110  (uvicorn sets no event)
            await asyncio.sleep(0.005)
        try:
            yield remote
        finally:
            running.should_exit = True
            await serving
            listener.close()


def certify(folder: Path, name: str) -> tuple[Path, Path, ssl.SSLContext]:
    """Make a certificate for `name`; return its file, its key's, and settings that trust it."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415  (heavy, and for few tests)

    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.fromtimestamp(0, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=365 * 200))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return public, private, ssl.create_default_context(cafile=str(public))
