"""Who reaches what, over a real socket: tokens, groups, sessions, and generations that change whom a path is for."""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from mcphub_gitops.runtime.gateway.generation import Generation
from tests.support.gateway_hub import (
    TOKEN,
    Http,
    Values,
    echo_entry,
    gateway,
    generation_of,
    modern_request,
    on_loop,
    until,
)

VALUES = {name: f"token-of-{name}-0123456789-abcdef" for name in ("ci", "desk", "both", "late")}
SECRETS = Values({f"env://{name.upper()}": value for name, value in VALUES.items()})
GROUPS = {"ci": ["platform"], "desk": ["support"], "both": ["editors", "support"]}
PROFILES = {"readers": ["support", "platform"], "writers": ["editors"], "nobody": []}
PATHS = ("/mcp", "/readers", "/writers", "/nobody")
OPENED = {
    "ci": ["/mcp", "/readers"],
    "desk": ["/readers"],
    "both": ["/readers", "/writers"],
    "operator": [],
}


def served(
    tokens: Mapping[str, list[str]] = GROUPS,
    profiles: Mapping[str, list[str]] = PROFILES,
    *,
    whole: tuple[str, ...] = ("platform",),
    entry: Mapping[str, Any] | None = None,
) -> Generation:
    """Return a generation whose profiles have one tool each, for the groups that are given."""
    return generation_of(
        entry or echo_entry(tools=["echo"]),
        profiles={name: {"path": f"/{name}", "tools": ["echo"], "groups": groups} for name, groups in profiles.items()},
        admission={
            "tokens": {name: {"value": f"env://{name.upper()}", "groups": groups} for name, groups in tokens.items()},
            "groups": whole,
        },
    )


def bearer(name: str) -> str:
    return f"Bearer {VALUES.get(name, TOKEN)}"


async def status_at(client: Http, path: str, name: str) -> int:
    """Return how a request of revision 2026-07-28 with a token is answered at `path`."""
    body, headers = modern_request("tools/list")
    answer = await client.send("POST", body, path=path, headers={**headers, "authorization": bearer(name)})
    if answer.status == 403:
        assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
        assert answer.json["error"]["message"] == "The token is not for this path"
    return answer.status


async def opened(client: Http, path: str, name: str) -> Mapping[str, str]:
    """Return the headers of a session of the old era, opened at `path`; none where that is refused."""
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).encode()
    answer = await client.send("POST", body, path=path, headers={"authorization": bearer(name)})
    if answer.status != 200:
        return {}
    return {"mcp-session-id": answer.headers["mcp-session-id"], "authorization": bearer(name)}


async def listed(client: Http, path: str, headers: Mapping[str, str]) -> int:
    """Return how a session's request for the tools is answered."""
    body = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}).encode()
    return (await client.send("POST", body, path=path, headers=headers)).status


async def serving(client: Http, path: str, name: str, status: int) -> None:
    """Wait until a token is answered with `status`."""
    async with asyncio.timeout(10):
        while await status_at(client, path, name) != status:  # noqa: ASYNC110  (asked over HTTP)
            await asyncio.sleep(0.01)


@on_loop
async def test_a_token_reaches_the_paths_that_it_shares_a_group_with_and_no_others() -> None:
    async with gateway(served(), secrets=SECRETS) as running, running.client() as client:
        for name, paths in OPENED.items():
            for path in PATHS:
                assert await status_at(client, path, name) == (200 if path in paths else 403), (name, path)
                assert bool(await opened(client, path, name)) is (path in paths), (name, path)
        for path in PATHS:
            assert await status_at(client, path, "late") == 401


@on_loop
async def test_whatever_the_method_nobody_enters_a_path_that_is_not_for_them() -> None:
    async with gateway(served(), secrets=SECRETS) as running, running.client() as client:
        for method in ("GET", "DELETE", "PUT", "OPTIONS"):
            answer = await client.send(method, path="/writers", headers={"authorization": bearer("desk")})
            assert answer.status == 403


@on_loop
async def test_the_operator_alone_is_told_how_servers_fare() -> None:
    async with gateway(served(), secrets=SECRETS) as running, running.client() as client:
        for path in ("/status", "/logs/echo"):
            assert (await client.send("GET", path=path)).status == 200
            refused = await client.send("GET", path=path, headers={"authorization": bearer("ci")})
            assert (refused.status, refused.headers["www-authenticate"]) == (403, 'Bearer error="insufficient_scope"')


@on_loop
async def test_groups_without_tokens_let_nobody_in() -> None:
    lost = served({}, {"readers": ["support"], "open": []}, whole=())
    async with gateway(lost) as running, running.client() as client:
        assert [await status_at(client, path, "operator") for path in ("/readers", "/open", "/mcp")] == [403] * 3


@on_loop
async def test_a_session_is_its_principals_alone() -> None:
    async with gateway(served(), secrets=SECRETS) as running, running.client() as client:
        session = await opened(client, "/readers", "ci")
        for name in ("desk", "both"):
            stolen = {**session, "authorization": bearer(name)}
            assert await listed(client, "/readers", stolen) == 404
            assert (await client.send("DELETE", path="/readers", headers=stolen)).status == 404
        assert await listed(client, "/readers", session) == 200


@on_loop
async def test_a_generation_changes_at_once_who_is_let_in() -> None:
    async with gateway(served(), secrets=SECRETS) as running, running.client() as client:
        session = await opened(client, "/readers", "desk")
        assert await listed(client, "/readers", session) == 200
        changed = {**PROFILES, "readers": ["platform", "newcomers"]}
        running.generations.put_nowait(served({**GROUPS, "late": ["newcomers"]}, changed))
        await serving(client, "/readers", "late", 200)
        assert await listed(client, "/readers", session) == 403
        assert await status_at(client, "/readers", "ci") == 200
        running.generations.put_nowait(served({"ci": ["platform"]}))
        await serving(client, "/readers", "late", 401)


@on_loop
async def test_tokens_come_and_go_with_the_hub() -> None:
    async with gateway(served({}, {"readers": []}, whole=()), secrets=SECRETS) as running, running.client() as client:
        session = await opened(client, "/readers", "operator")
        assert [await status_at(client, path, "operator") for path in ("/readers", "/mcp")] == [200, 200]
        running.generations.put_nowait(served())
        await serving(client, "/readers", "operator", 403)
        assert await listed(client, "/readers", session) == 403
        running.generations.put_nowait(served({}, {"readers": []}, whole=()))
        await serving(client, "/readers", "operator", 200)
        assert await status_at(client, "/readers", "ci") == 401


@on_loop
async def test_a_request_is_judged_by_what_serves_it_not_by_what_served_when_it_began() -> None:
    async with (
        gateway(served(), secrets=SECRETS) as running,
        running.client() as client,
        running.client(authorization=bearer("desk")) as slow,
    ):
        body, headers = modern_request("tools/list")
        slow.put("POST", body[:-1], path="/readers", headers={**headers, "content-length": str(len(body))})
        await slow.writer.drain()
        running.generations.put_nowait(served(GROUPS, {**PROFILES, "readers": ["platform"]}))
        await serving(client, "/readers", "desk", 403)
        slow.writer.write(body[-1:])
        assert (await slow.receive()).status == 403


@on_loop
async def test_a_call_that_waits_goes_to_no_server_once_its_profile_is_for_others() -> None:
    before = served(entry=echo_entry("echo", "--start-after", "60", tools=["echo"]))
    async with (
        gateway(before, secrets=SECRETS) as running,
        running.client(authorization=bearer("desk")) as waiting,
        running.client(authorization=bearer("ci")) as kept,
    ):
        body, headers = modern_request("tools/call", {"name": "echo", "arguments": {"n": 1}})
        for client in (waiting, kept):
            client.put("POST", body, path="/readers", headers=headers)
            await client.writer.drain()
        await asyncio.sleep(0.1)
        running.generations.put_nowait(served(GROUPS, {**PROFILES, "readers": ["platform"]}))
        assert (await waiting.receive()).json["error"]["message"] == "The tool is unknown"
        assert json.loads((await kept.receive()).text) == {"n": 1}


@on_loop
async def test_what_is_refused_to_a_token_is_logged_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mcphub.gateway"):
        async with gateway(served(), secrets=SECRETS) as running, running.client() as client:
            assert await status_at(client, "/writers", "desk") == 403
            await until(lambda: "refused" in caplog.text)
    assert "refused a request of the token desk from 127.0.0.1 with status 403" in caplog.text
    assert VALUES["desk"] not in caplog.text
