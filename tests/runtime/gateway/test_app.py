"""The ASGI application, asked without a server around it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mcphub_gitops.compiler.resolve.profile import WATCHED, WHOLE
from mcphub_gitops.runtime.gateway import app, wire
from mcphub_gitops.runtime.gateway.access import Access
from mcphub_gitops.runtime.gateway.app import Gateway
from mcphub_gitops.runtime.gateway.fleet import Fleet
from mcphub_gitops.runtime.gateway.generation import Server
from mcphub_gitops.runtime.gateway.keys import Keys
from mcphub_gitops.runtime.gateway.session import Sessions
from mcphub_gitops.runtime.gateway.upstream import Supervision, Upstream
from tests.support.gateway_fakes import FakeSpawner, Manners
from tests.support.gateway_hub import (
    CLIENT,
    TOKEN,
    Answer,
    Values,
    echo_entry,
    generation_of,
    modern_request,
    on_loop,
    until,
)

HEADERS = {"host": "127.0.0.1:8811", "authorization": f"Bearer {TOKEN}"}
TOOLS: Mapping[str | None, tuple[list[str], str | None]] = {None: (["echo", "hang"], None)}


class Exchange:
    """One HTTP request as an ASGI server hands it over, piece by piece."""

    def __init__(
        self, gateway: Gateway, method: str, *, path: str, headers: Mapping[str, str], query: str = ""
    ) -> None:
        self._gateway = gateway
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("192.0.2.1", 7),
        }
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []

    def feed(self, body: bytes, *, more: bool = False) -> None:
        self.events.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leave(self) -> None:
        self.events.put_nowait({"type": "http.disconnect"})

    async def run(self) -> Answer | None:
        async def send(event: Any) -> None:  # noqa: ANN401  (ASGI's own type)
            self.sent.append(event)

        await self._gateway(self.scope, self.events.get, send)
        if not self.sent:
            return None
        start, body = self.sent
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], headers, body["body"])


class Client:
    """Asks a gateway whose only server is a fake."""

    def __init__(self, gateway: Gateway, spawner: FakeSpawner, fleet: Fleet) -> None:
        self.gateway = gateway
        self.spawner = spawner
        self.fleet = fleet

    def exchange(self, method: str = "POST", *, path: str = "/mcp", query: str = "", **headers: str) -> Exchange:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Exchange(self.gateway, method, path=path, headers={**HEADERS, **named}, query=query)

    async def ask(self, method: str = "POST", body: bytes = b"", **options: str) -> Answer:
        exchange = self.exchange(method, **options)
        exchange.feed(body)
        found = await exchange.run()
        assert found is not None
        return found

    async def modern(self, method: str, params: Mapping[str, Any] | None = None) -> Answer:
        body, headers = modern_request(method, params)
        return await self.ask("POST", body, **headers)

    async def session(self) -> str:
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        answer = await self.legacy("", "initialize", params)
        return answer.headers["mcp-session-id"]

    async def legacy(self, session: str, method: str, params: object = None, *, identity: object = 1) -> Answer:
        message = {"jsonrpc": "2.0", "method": method, "params": params or {}}
        if identity is not None:
            message["id"] = identity
        return await self.ask("POST", json.dumps(message).encode(), **({"mcp_session_id": session} if session else {}))


@asynccontextmanager
async def client(**settings: int) -> AsyncIterator[Client]:
    spawner = FakeSpawner(Manners(pages=TOOLS))

    def make(server: Server) -> Upstream:
        supervision = Supervision(call=5, probe=0.1, start=1, first_pause=0.01)
        return Upstream(server, spawner=spawner, secrets=Values(), client=CLIENT, supervision=supervision)

    fleet = Fleet(generation_of(echo_entry(tools=["echo", "hang"])), make=make, version="1", patience=1, drain=1)
    access = Access.of(keys=Keys(TOKEN), listen="127.0.0.1:8811", address=("127.0.0.1", 8811))
    names = iter(range(1000))
    gateway = Gateway(fleet=fleet, access=access, sessions=Sessions(mint=lambda: f"s{next(names)}"), **settings)
    async with gateway.running():
        await until(lambda: not fleet.waiting())
        yield Client(gateway, spawner, fleet)


@on_loop
async def test_a_call_is_answered_as_one_json_document() -> None:
    async with client() as asked:
        answer = await asked.modern("tools/call", {"name": "echo", "arguments": {"a": 1}})
        assert answer.status == 200
        assert answer.headers == {"content-type": "application/json", "content-length": str(len(answer.body))}
        assert json.loads(answer.text)["arguments"] == {"a": 1}


@on_loop
async def test_the_endpoint_has_one_path() -> None:
    async with client() as asked:
        for path in ("/", "/mcp/", "/MCP", "//mcp", "/mcp/x", "/metrics", "/.well-known/oauth-protected-resource"):
            for method in ("GET", "POST"):
                assert (await asked.ask(method, path=path)).status == 404


@on_loop
async def test_health_needs_no_token_and_readiness_names_what_is_missing() -> None:
    async with client() as asked:
        health = await asked.ask("GET", path="/health", authorization="", host="10.0.0.1")
        assert (health.status, health.json) == (200, {"alive": True})
        ready = await asked.ask("GET", path="/ready", authorization="")
        assert (ready.status, ready.json) == (200, {"ready": True, "waiting": []})
        asked.spawner.refusals = 1000
        asked.spawner.children[0].exit(1)
        ready = await asked.ask("GET", path="/ready", authorization="")
        assert (ready.status, ready.json) == (503, {"ready": False, "waiting": ["echo"]})
        assert (await asked.ask("GET", path="/ready", host="evil.example")).status == 421
        assert (await asked.ask("POST", path="/health")).status == 405


@on_loop
async def test_nobody_gets_past_the_checks_whatever_the_method() -> None:
    async with client() as asked:
        for method in ("POST", "GET", "DELETE", "OPTIONS", "PUT"):
            refused = await asked.ask(method, b"{", authorization="Bearer wrong")
            assert (refused.status, refused.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
            assert (await asked.ask(method, host="evil.example")).status == 421
            assert (await asked.ask(method, origin="null")).status == 403
            assert (await asked.ask(method, query=f"access_token={TOKEN}")).status == 400


@on_loop
async def test_what_is_refused_is_logged_without_the_token_that_was_tried(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "mcphub.gateway"):
        async with client() as asked:
            for _ in range(50):
                await asked.ask(authorization="Bearer tried-token")
    assert caplog.text.count("refused a request from 192.0.2.1 with status 401") == 1
    assert "tried-token" not in caplog.text


@on_loop
async def test_a_body_is_not_read_before_the_checks() -> None:
    async with client() as asked:
        exchange = asked.exchange(authorization="Bearer wrong")
        answer = await exchange.run()
        assert answer is not None
        assert answer.status == 401


@on_loop
async def test_a_body_in_pieces_is_read_whole() -> None:
    async with client() as asked:
        body, headers = modern_request("tools/call", {"name": "echo"})
        exchange = asked.exchange(**headers)
        for byte in body[:-1]:
            exchange.feed(bytes([byte]), more=True)
        exchange.feed(body[-1:])
        answer = await exchange.run()
        assert answer is not None
        assert answer.status == 200


@on_loop
async def test_a_body_over_the_limit_is_refused_by_its_length_or_while_it_comes() -> None:
    async with client(body=2_000_000) as asked:
        announced = asked.exchange(content_length="2000001")
        refused = await announced.run()
        assert refused is not None
        assert refused.status == 413
        assert announced.events.empty()
        coming = asked.exchange()
        for _ in range(3):
            coming.feed(b"x" * 1_000_000, more=True)
        refused = await coming.run()
        assert refused is not None
        assert refused.status == 413
        exact = await asked.ask("POST", b" " * 2_000_000)
        assert (exact.status, exact.code) == (400, wire.PARSE_ERROR)


@on_loop
async def test_bodies_share_a_budget_that_is_given_back() -> None:
    async with client(buffered=1000) as asked:
        slow = asked.exchange()
        slow.feed(b"x" * 900, more=True)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(slow.run())
            await asyncio.sleep(0.01)
            busy = await asked.ask("POST", b"x" * 101)
            assert (busy.status, busy.headers["retry-after"]) == (503, "1")
            assert (await asked.ask("POST", b"x" * 100)).status == 400
            slow.feed(b"")
        assert first.result() is not None
        assert (await asked.ask("POST", b"x" * 1000)).status == 400


@on_loop
async def test_a_client_that_leaves_while_it_sends_is_not_answered_and_gives_its_budget_back() -> None:
    async with client(buffered=1000) as asked:
        gone = asked.exchange()
        gone.feed(b"x" * 900, more=True)
        gone.leave()
        assert await gone.run() is None
        assert (await asked.ask("POST", b"x" * 1000)).status == 400


@on_loop
async def test_a_request_that_is_cancelled_cancels_its_call_and_gives_its_budget_back() -> None:
    async with client(buffered=1000) as asked:
        body, headers = modern_request("tools/call", {"name": "hang"})
        exchange = asked.exchange(**headers)
        exchange.feed(body)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(exchange.run())
            await until(lambda: "tools/call" in asked.spawner.children[0].methods())
            task.cancel()
        assert asked.spawner.children[0].methods()[-1] == "notifications/cancelled"
        assert (await asked.ask("POST", b"x" * 1000)).status == 400


@on_loop
async def test_a_legacy_client_cancels_its_own_call_by_a_notification_and_no_other() -> None:
    async with client() as asked:
        mine, other = await asked.session(), await asked.session()
        async with asyncio.TaskGroup() as group:
            call = group.create_task(asked.legacy(mine, "tools/call", {"name": "hang"}, identity=7))
            await until(lambda: "tools/call" in asked.spawner.children[0].methods())
            for session, wrong in ((other, 7), (mine, "7"), (mine, 8)):
                cancel = await asked.legacy(session, "notifications/cancelled", {"requestId": wrong}, identity=None)
                assert cancel.status == 202
            await asyncio.sleep(0.01)
            assert not call.done()
            for _ in range(2):
                await asked.legacy(mine, "notifications/cancelled", {"requestId": 7}, identity=None)
        answer = call.result()
        assert (answer.status, answer.code, answer.json["id"]) == (200, wire.CANCELLED, 7)
        assert asked.spawner.children[0].methods()[-1] == "notifications/cancelled"
        pong = await asked.legacy(mine, "ping", identity=7)
        assert pong.json == {"jsonrpc": "2.0", "id": 7, "result": {}}


@on_loop
async def test_two_calls_with_one_id_are_both_answered() -> None:
    async with client() as asked:
        mine = await asked.session()
        answers = await asyncio.gather(
            *(asked.legacy(mine, "tools/call", {"name": "echo", "arguments": {"n": n}}, identity=1) for n in range(5))
        )
        assert [json.loads(answer.text)["arguments"]["n"] for answer in answers] == list(range(5))


@on_loop
async def test_a_repeated_header_is_refused_before_it_can_be_read_in_two_ways() -> None:
    async with client() as asked:
        exchange = asked.exchange()
        exchange.scope["headers"].append((b"host", b"evil.example"))
        answer = await exchange.run()
        assert answer is not None
        assert answer.status == 400


@on_loop
async def test_a_bug_ends_one_request_and_tells_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    async with client() as asked:
        exchange = asked.exchange(content_length="0x1000001")
        answer = await exchange.run()
        assert answer is not None
        assert (answer.status, answer.code) == (500, wire.INTERNAL_ERROR)
        assert (await asked.modern("tools/list")).status == 200
    assert "mcphub has a bug: ValueError" in caplog.text
    assert "0x1000001" not in caplog.text


@on_loop
async def test_only_http_is_served() -> None:
    async with client() as asked:
        exchange = asked.exchange()
        exchange.scope["type"] = "websocket"
        with pytest.raises(ValueError, match="websocket"):
            await exchange.run()


@on_loop
async def test_the_operator_alone_learns_how_the_servers_fare() -> None:
    async with client() as asked:
        (row,) = (await asked.ask("GET", path="/status")).json["servers"]
        assert row.pop("seconds") >= 0
        assert row == {
            "name": "echo",
            "kind": "process",
            "state": "up",
            "starts": 1,
            "reason": "",
            "tools": 2,
            "quarantined": {},
            "by_name": False,
        }
        asked.spawner.children[-1].sink.child_exited(3)
        echo = asked.fleet.upstreams["echo"]
        await until(lambda: echo.standing().state == "down")
        assert echo.standing().reason == "it exited with status 3"
        await until(lambda: not asked.fleet.waiting())
        (row,) = (await asked.ask("GET", path="/status")).json["servers"]
        # It is well again, so nothing is said of what ailed it.
        assert (row["state"], row["starts"], row["reason"]) == ("up", 2, "")
        for refused in ("", "Bearer wrong"):
            assert (await asked.ask("GET", path="/status", authorization=refused)).status == 401
            assert (await asked.ask("GET", path="/logs/echo", authorization=refused)).status == 401
        assert (await asked.ask("POST", path="/status")).status == 405


@on_loop
async def test_what_a_server_said_is_told_by_its_name() -> None:
    async with client() as asked:
        asked.spawner.children[-1].complaint = "half a line\nand another\n"
        assert (await asked.ask("GET", path="/logs/echo")).json == {"said": "half a line\nand another\n"}
        assert (await asked.ask("GET", path="/logs/other")).status == 404


def test_the_gateways_own_paths_are_the_ones_that_are_kept() -> None:
    assert app.ENDPOINT == WHOLE
    assert {app.STATUS, app.LOGS.rstrip("/"), *app.WATCHED} == set(WATCHED)
