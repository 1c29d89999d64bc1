"""A child under test: what is written to it, and what comes back."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from mcphub_gitops.runtime.engines.remote.child import RemoteChild
from mcphub_gitops.runtime.engines.remote.engine import RemoteEngine
from mcphub_gitops.runtime.ports import RemoteSpec
from tests.runtime.engines.children import Record
from tests.support.gateway_hub import META

TOKEN = "s3cret-of-the-tests"  # noqa: S105  (opens nothing)
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


def spec_for(url: str, **changes: Any) -> RemoteSpec:  # noqa: ANN401  (a spec's fields)
    fields = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "private": True, **changes}
    return RemoteSpec(server="docs", url=url, **fields)


@dataclass
class Talk:
    """A child, and what it told."""

    child: RemoteChild
    record: Record
    count: int = 0

    def send(self, message: dict[str, Any]) -> None:
        self.child.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def put(self, method: str, params: dict[str, Any] | None = None, *, modern: bool = True) -> int:
        """Send a request, and return its id."""
        self.count += 1
        meta = {"_meta": META} if modern else {}
        self.send({"id": self.count, "method": method, "params": {**(params or {}), **meta}})
        return self.count

    async def ask(self, method: str, params: dict[str, Any] | None = None, *, modern: bool = True) -> dict[str, Any]:
        """Send a request, and return its reply."""
        return await self.reply(self.put(method, params, modern=modern))

    async def call(self, tool: str, *, modern: bool = True, **arguments: object) -> dict[str, Any]:
        return await self.ask("tools/call", {"name": tool, "arguments": arguments}, modern=modern)

    def tell(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Send a notification."""
        self.send({"method": method, "params": params or {}})

    async def reply(self, identity: int) -> dict[str, Any]:
        """Return the one reply to a request, once it has come."""
        await self.record.until(lambda: any(message.get("id") == identity for message in self.heard()))
        found = [message for message in self.heard() if message.get("id") == identity]
        assert len(found) == 1
        return found[0]

    def heard(self) -> list[dict[str, Any]]:
        """Return all messages that have come."""
        return [json.loads(line) for line in self.record.lines]

    def changes(self) -> int:
        """Return how often the list of tools was said to have changed."""
        return sum(message.get("method") == "notifications/tools/list_changed" for message in self.heard())

    async def greet(self) -> None:
        """Make the handshake of the old era."""
        assert "result" in await self.ask("initialize", HELLO, modern=False)
        self.tell("notifications/initialized")


async def open_talk(url: str, *, engine: RemoteEngine | None = None, **changes: Any) -> Talk:  # noqa: ANN401
    """Reach the server at `url`; the one who asks stops the child, or waits for its end."""
    record = Record()
    return Talk(await (engine or RemoteEngine()).spawn(spec_for(url, **changes), record), record)


@asynccontextmanager
async def talk(url: str, *, engine: RemoteEngine | None = None, **changes: Any) -> AsyncIterator[Talk]:  # noqa: ANN401
    """Reach the server at `url`; the child is stopped when this is left, and its end was told once then."""
    talking = await open_talk(url, engine=engine, **changes)
    child, record = talking.child, talking.record
    try:
        yield talking
    finally:
        await child.stop(grace=1)
        assert len(record.statuses) == 1
        assert record.statuses[0] in {0, 1}, child.stderr_tail()
        told = [*record.lines, child.stderr_tail().encode(), repr(child).encode()]
        assert not any(TOKEN.encode() in text for text in told)
