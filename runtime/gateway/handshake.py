"""Learning who a child is: its protocol era, and the whole list of its tools.

Source: MCP 2026-07-28, "Versioning" (a client that speaks both eras asks ``server/discover`` first), "Pagination".
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import bridge, wire
from mcphub_gitops.runtime.gateway.link import Link
from mcphub_gitops.runtime.gateway.routing import LEGACY, MODERN
from mcphub_gitops.runtime.gateway.wire import Fault, Raw
from mcphub_gitops.runtime.gateway.words import printable

T = TypeVar("T")

MAX_PAGES: Final = 100
MAX_TOOLS: Final = 1000
MAX_LIST: Final = 16 * 1024**2

# Stdio servers of the first revision are still common; only the transport toward clients was new in the second.
_SPOKEN: Final = (*LEGACY, "2024-11-05")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who a child is: `revision` as agreed, `server_info` as sent, whether it has tools and tells when they change."""

    modern: bool
    revision: str
    server_info: Mapping[str, Any]
    has_tools: bool
    tells_changes: bool


class _Tools(msgspec.Struct):
    listChanged: bool = False  # noqa: N815  (the wire's spelling)


class _Capabilities(msgspec.Struct):
    tools: _Tools | None = None


class _Initialized(msgspec.Struct):
    protocolVersion: str  # noqa: N815
    capabilities: _Capabilities = msgspec.field(default_factory=_Capabilities)
    serverInfo: dict[str, Any] = {}  # noqa: N815


class _ResultMeta(msgspec.Struct, rename={"server_info": bridge.PREFIX + "serverInfo"}):
    server_info: dict[str, Any] = {}


class _Discovered(msgspec.Struct, rename={"meta": "_meta", "versions": "supportedVersions"}):
    versions: list[str]
    capabilities: _Capabilities = msgspec.field(default_factory=_Capabilities)
    meta: _ResultMeta = msgspec.field(default_factory=_ResultMeta)


class _Page(msgspec.Struct):
    tools: list[Raw]
    nextCursor: str | None = None  # noqa: N815


async def greet(link: Link, *, client: bytes, probe_seconds: float, seconds: float, legacy_first: bool) -> Hello:
    """Return who the child behind `link` is; `client` is the gateway's own `Implementation` object.

    With `legacy_first` the era probe is left out, for a child that is known to be of the old era or was seen to die of
    the question. Raises Fault when the child does not answer in `seconds` and RuntimeFailure when it speaks no known
    revision.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    if not legacy_first:
        hello = await _discover(link, client, probe_seconds)
        if hello is not None:
            return hello
    answer = await link.ask("initialize", _initialize_params(client), seconds=deadline - loop.time())
    if answer.error is not None:
        # A slow starter may have missed the probe's deadline and yet be modern: it refuses the old handshake then.
        hello = await _discover(link, client, deadline - loop.time())
        if hello is None:
            raise RuntimeFailure("the server refuses the handshake", detail=printable(bytes(answer.error)))
        return hello
    found = _decode(answer.result, _Initialized)
    if found.protocolVersion not in _SPOKEN:
        raise RuntimeFailure("the server speaks an unknown protocol revision", detail=printable(found.protocolVersion))
    link.tell("notifications/initialized")
    return _hello(found.protocolVersion, found.serverInfo, found.capabilities)


async def _discover(link: Link, client: bytes, seconds: float) -> Hello | None:
    try:
        answer = await link.ask("server/discover", modern_params(client), seconds=seconds)
    except Fault as reason:
        if reason.code == wire.INTERRUPTED:
            raise
        return None
    if answer.error is not None:
        return None
    try:
        found = _decode(answer.result, _Discovered)
    except RuntimeFailure:
        return None  # a server of the old era that answers whatever it is asked
    return _hello(MODERN, found.meta.server_info, found.capabilities) if MODERN in found.versions else None


def _hello(revision: str, info: Mapping[str, Any], capabilities: _Capabilities) -> Hello:
    return Hello(
        modern=revision == MODERN,
        revision=revision,
        server_info=info,
        has_tools=capabilities.tools is not None,
        tells_changes=capabilities.tools is not None and capabilities.tools.listChanged,
    )


def modern_params(client: bytes, extra: Mapping[str, bytes] | None = None) -> bytes:
    """Return the parameters of one of the gateway's own requests in revision 2026-07-28."""
    return wire.join({**(extra or {}), "_meta": wire.join(bridge.envelope(client))})


def _initialize_params(client: bytes) -> bytes:
    return wire.join({"protocolVersion": wire.token(LEGACY[0]), "capabilities": b"{}", "clientInfo": client})


async def list_tools(link: Link, hello: Hello, *, client: bytes, seconds: float) -> list[Raw]:
    """Return all tool definitions as the child sends them, raw, page after page.

    Raises Fault when it does not answer in `seconds`, RuntimeFailure when the list does not end or passes a cap.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    tools: list[Raw] = []
    size = 0
    cursor: str | None = None
    seen: set[str] = set()
    while hello.has_tools:
        extra = {} if cursor is None else {"cursor": wire.token(cursor)}
        params = modern_params(client, extra) if hello.modern else wire.join(extra)
        answer = await link.ask("tools/list", params, seconds=deadline - loop.time())
        if answer.error is not None:
            raise RuntimeFailure("the server refuses to list its tools", detail=printable(bytes(answer.error)))
        page = _decode(answer.result, _Page)
        tools += page.tools
        size += sum(map(len, page.tools))
        cursor = page.nextCursor
        if len(tools) > MAX_TOOLS or size > MAX_LIST:
            raise _endless(f"{len(tools)} tools with {size} bytes; at most {MAX_TOOLS} with {MAX_LIST} are read")
        if cursor is None:
            break
        if cursor in seen or len(seen) + 1 >= MAX_PAGES:
            raise _endless(f"{len(seen) + 1} pages, and a further one is promised; at most {MAX_PAGES} are read")
        seen.add(cursor)
    return tools


def _endless(detail: str) -> RuntimeFailure:
    return RuntimeFailure("the server's tool list does not end", detail=detail)


def _decode(result: Raw | None, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(b"{}" if result is None else result, type=shape)
    except msgspec.MsgspecError as error:
        raise RuntimeFailure("the server's answer has an unexpected shape", detail=printable(str(error))) from None
