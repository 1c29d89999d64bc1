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
from mcphub_gitops.runtime.gateway.listing import Listing, RefusedError, Tools, read_list
from mcphub_gitops.runtime.gateway.routing import LEGACY, MODERN
from mcphub_gitops.runtime.gateway.wire import Fault, Raw
from mcphub_gitops.runtime.gateway.words import printable

T = TypeVar("T")

MAX_TOOLS: Final = 1000

_TOOLS: Final = Listing(method="tools/list", page=Tools, word="tool", most=MAX_TOOLS)

# Stdio servers of the first revision are still common; only the transport toward clients was new in the second.
_SPOKEN: Final = (*LEGACY, "2024-11-05")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who a child is: `revision` as agreed, `server_info` as sent, which lists it has, and whether it `completes`.

    `tells` are those of ``tools``, ``prompts`` and ``resources`` whose changes it tells.
    """

    modern: bool
    revision: str
    server_info: Mapping[str, Any]
    has_tools: bool
    has_prompts: bool = False
    has_resources: bool = False
    completes: bool = False
    tells: tuple[str, ...] = ()

    def envelope(self, client: bytes) -> dict[str, bytes | Raw]:
        """Return the members that parameters of the gateway's own requests to the child have in any case."""
        return {"_meta": wire.join(bridge.envelope(client))} if self.modern else {}


class _Listed(msgspec.Struct):
    listChanged: bool = False  # noqa: N815  (the wire's spelling)


class _Capabilities(msgspec.Struct):
    tools: _Listed | None = None
    prompts: _Listed | None = None
    resources: _Listed | None = None
    completions: dict[str, Any] | None = None

    def told(self) -> tuple[str, ...]:
        lists = (("tools", self.tools), ("prompts", self.prompts), ("resources", self.resources))
        return tuple(name for name, each in lists if each is not None and each.listChanged)


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
        has_prompts=capabilities.prompts is not None,
        has_resources=capabilities.resources is not None,
        completes=capabilities.completions is not None,
        tells=capabilities.told(),
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
    if not hello.has_tools:
        return []
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        return await read_list(link, _TOOLS, hello.envelope(client), deadline=deadline)
    except RefusedError as refused:
        raise RuntimeFailure("the server refuses to list its tools", detail=str(refused)) from None


def _decode(result: Raw | None, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(b"{}" if result is None else result, type=shape)
    except msgspec.MsgspecError as error:
        raise RuntimeFailure("the server's answer has an unexpected shape", detail=printable(str(error))) from None
