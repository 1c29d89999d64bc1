"""The whole gateway on a real socket: real clients of both eras, the protocol's own schemas, start and end."""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Literal

import pytest
import uvloop
from jsonschema_rs import Draft202012Validator
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import server, wire
from mcphub_gitops.runtime.gateway.generation import Generation
from mcphub_gitops.runtime.gateway.keys import Keys
from mcphub_gitops.runtime.gateway.upstream import Supervision
from tests.support import gateway_sdk
from tests.support.gateway_fakes import FakeSpawner, Manners
from tests.support.gateway_hub import (
    PATIENT,
    SUPPORT,
    TOKEN,
    Http,
    Running,
    Values,
    children,
    echo_entry,
    entry,
    gateway,
    generation_of,
    modern_request,
    on_loop,
    tool_entry,
    until,
)
from tests.support.shared import REQUIRED, SHARED

SCHEMAS = SHARED / "mcp-schema"
SUM = {
    "name": "add",
    "description": "Add two numbers.",
    "inputSchema": gateway_sdk.SCHEMA,
}
Mode = Literal["auto", "legacy"]
MODES: tuple[Mode, ...] = ("auto", "legacy")


@asynccontextmanager
async def sdk_client(running: Running, mode: Mode, token: str = TOKEN) -> AsyncIterator[Client]:
    """Connect the SDK's own client."""
    async with (
        create_mcp_http_client(headers={"Authorization": f"Bearer {token}"}) as http,
        Client(streamable_http_client(running.url, http_client=http), mode=mode) as client,
    ):
        yield client


def sdk_entry(*, legacy: bool) -> dict[str, Any]:
    argv = [sys.executable, str(SUPPORT / "gateway_sdk.py"), *(["--legacy"] if legacy else [])]
    era = "legacy" if legacy else "modern"
    return entry(era, argv, tools=[tool_entry(SUM, name=f"{era}_sum")])


@on_loop
async def test_the_sdks_client_lists_and_calls_tools_of_servers_of_both_eras() -> None:
    old = echo_entry("old", "--era", "legacy", tools=[tool_entry("echo", name="old")])
    new = echo_entry("new", "--era", "modern", tools=[tool_entry("echo", name="new"), "refuse"])
    async with gateway(generation_of(old, new)) as running:
        for mode in MODES:
            async with sdk_client(running, mode) as client:
                assert [tool.name for tool in (await client.list_tools()).tools] == ["old", "new", "refuse"]
                for name in ("old", "new"):
                    result = await client.call_tool(name, {"text": "é\u2028\n"})
                    assert not result.is_error
                    assert json.loads(getattr(result.content[0], "text", "")) == {"text": "é\u2028\n"}
                with pytest.raises(MCPError, match="Refused") as raised:
                    await client.call_tool("refuse", {"code": -32042})
                assert raised.value.code == -32042


@on_loop
async def test_the_sdks_client_and_the_sdks_server_meet_across_the_gateway() -> None:
    servers = [sdk_entry(legacy=True), sdk_entry(legacy=False)]
    async with gateway(generation_of(*servers)) as running:
        for mode in MODES:
            async with sdk_client(running, mode) as client:
                for tool in ("legacy_sum", "modern_sum"):
                    result = await client.call_tool(tool, {"a": 2, "b": 40})
                    assert result.structured_content == {"sum": 42}


@on_loop
async def test_the_sdks_client_is_told_why_it_is_refused() -> None:
    async with gateway(generation_of(), spawner=FakeSpawner(Manners())) as running:

        async def connect(mode: Mode) -> None:
            async with sdk_client(running, mode, token="wrong"):  # noqa: S106  (no token)
                raise AssertionError("connected without the token")

        refused = pytest.RaisesExc(MCPError, match="The bearer token is wrong")
        for mode in MODES:
            with pytest.RaisesGroup(refused, flatten_subgroups=True):
                await connect(mode)


@cache
def schema(revision: str) -> Any:  # noqa: ANN401  (any JSON value)
    path = SCHEMAS / f"{revision}.json"
    if not path.exists() and not REQUIRED:
        pytest.skip(f"{path} is not there")
    return json.loads(path.read_bytes())


def check(revision: str, name: str, value: object) -> None:
    """Hold `value` against the definition `name` of the protocol's own schema."""
    document = schema(revision)
    place = "$defs" if "$defs" in document else "definitions"
    validator = Draft202012Validator({**document, "$ref": f"#/{place}/{name}"}, offline=True)
    errors = sorted(validator.iter_errors(value), key=str)
    assert not errors, errors[0].message


async def exchanges(client: Http) -> AsyncIterator[tuple[str, Any]]:
    """Yield what is answered in revision 2026-07-28, with the name of its definition."""
    yield "DiscoverResultResponse", (await client.modern("server/discover")).json
    yield "ListToolsResultResponse", (await client.modern("tools/list")).json
    yield "CallToolResultResponse", (await client.call("echo", a=1)).json
    yield "CallToolResultResponse", (await client.call("said", identity="text")).json
    yield "MethodNotFoundError", (await client.modern("nonsense")).json["error"]
    yield "InvalidParamsError", (await client.call("unknown")).json["error"]
    body, headers = modern_request("tools/list")
    yield "HeaderMismatchError", (await client.send("POST", body, headers={**headers, "mcp-method": "x"})).json
    other = body.replace(b"2026-07-28", b"2031-01-01")
    unsupported = await client.send("POST", other, headers={**headers, "mcp-protocol-version": "2031-01-01"})
    yield "UnsupportedProtocolVersionError", unsupported.json
    yield "ParseError", (await client.send("POST", b"{", headers=headers)).json["error"]
    yield "InvalidRequestError", (await client.send("POST", b"[]", headers=headers)).json["error"]
    for tool in ("hang", "die"):
        yield "JSONRPCErrorResponse", (await client.call(tool)).json


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_what_is_answered_fits_the_schema_of_the_modern_revision(era: str) -> None:
    schema("2026-07-28")

    @on_loop
    async def scenario() -> None:
        supervision = Supervision(call=0.3, probe=1, first_pause=0.01)
        served = generation_of(echo_entry("echo", "--era", era))
        async with gateway(served, supervision=supervision) as running, running.client() as client:
            await running.ready()
            count = 0
            async for name, value in exchanges(client):
                count += 1
                check("2026-07-28", name, value)
            assert count == 12

    scenario()


@on_loop
async def test_what_is_answered_fits_the_schemas_of_the_older_revisions() -> None:
    schema("2025-11-25")
    served = generation_of(echo_entry("echo", "--era", "modern"))
    async with gateway(served) as running:
        for revision in ("2025-03-26", "2025-06-18", "2025-11-25"):
            suffix = "Response" if revision == "2025-11-25" else ""
            result = f"JSONRPCResult{suffix}" if suffix else "JSONRPCResponse"
            async with running.client() as client:
                initialized = await client.open_session(revision)
                assert initialized.json["result"]["protocolVersion"] == revision
                for name, answer in (
                    ("InitializeResult", initialized),
                    ("ListToolsResult", await client.legacy("tools/list")),
                    ("CallToolResult", await client.legacy("tools/call", {"name": "echo"})),
                    ("EmptyResult", await client.legacy("ping", identity="x")),
                ):
                    check(revision, result, answer.json)
                    check(revision, name, answer.json["result"])
                error = f"JSONRPCError{suffix}"
                check(revision, error, (await client.legacy("tools/call", {"name": "unknown"})).json)
                check(revision, error, (await client.legacy("nonsense")).json)


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_what_a_server_is_sent_fits_the_schema_of_its_revision(era: str) -> None:
    revision = {"modern": "2026-07-28", "legacy": "2025-11-25"}[era]
    schema(revision)
    names = {
        "server/discover": ("2026-07-28", "DiscoverRequest"),
        "initialize": (revision, "InitializeRequest"),
        "notifications/initialized": (revision, "InitializedNotification"),
        "notifications/cancelled": (revision, "CancelledNotification"),
        "tools/list": (revision, "ListToolsRequest"),
        "tools/call": (revision, "CallToolRequest"),
        "subscriptions/listen": (revision, "SubscriptionsListenRequest"),
    }

    @on_loop
    async def scenario() -> None:
        served = generation_of(echo_entry("echo", "--era", era))
        supervision = Supervision(call=0.3, probe=1)
        async with gateway(served, supervision=supervision) as running, running.client() as client:
            await client.call("hang")
            await client.call("echo", a=1)
            modern = (await client.call("said")).text
            await client.open_session()
            said = (await client.legacy("tools/call", {"name": "said", "_meta": {"x": 1}})).text
            assert said.startswith(modern)
            messages = [json.loads(line) for line in said.splitlines()]
            for message in messages:
                check(*names[message["method"]], message)
            assert {"tools/list", "tools/call", "notifications/cancelled"} < {each["method"] for each in messages}

    scenario()


RESULTS = [
    '{"content":[],"x":1.0}',
    '{ "content" : [ ] , "n" : 12345678901234567890123456789 , "e":1E400}',
    '{"content":[{"type":"text","text":"\\u0041\\/é😀\\u2028"}],"id":1,"result":{"id":2}}',
    '{"a":{"b":"\\"id\\":1,"},"content":[]}',
    '{"content":[],"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"own","version":"1"}}}',
    '{"content":[],"structuredContent":' + "[" * 400 + "]" * 400 + "}",
]


@on_loop
async def test_results_reach_the_client_byte_for_byte() -> None:
    served = generation_of(echo_entry("new", "--era", "modern"))
    async with gateway(served) as running, running.client() as client:
        for result in RESULTS:
            modern = result.replace("{", '{"resultType":"complete",', 1)
            for identity in (7, '"x"', -1):
                answer = await client.call("raw", result=modern, identity=identity)
                head = b'{"jsonrpc":"2.0","id":' + json.dumps(identity).encode() + b',"result":'
                assert answer.body == head + modern.encode() + b"}"
        await client.open_session()
        for result in RESULTS:
            answer = await client.legacy("tools/call", {"name": "raw", "arguments": {"result": result}})
            assert answer.body == b'{"jsonrpc":"2.0","id":1,"result":' + result.encode() + b"}"


@on_loop
async def test_a_large_result_passes_and_one_over_the_line_limit_fails_its_callers_alone() -> None:
    async with gateway(generation_of(echo_entry())) as running, running.client() as client:
        large = '{"resultType":"complete","content":[],"x":"%s"}' % ("y" * 2_000_000)
        assert len((await client.call("raw", result=large)).body) > 2_000_000
        assert (await client.call("endless", bytes=5 * 2**20)).code == wire.INTERRUPTED
        assert (await client.call("echo")).status == 200


@on_loop
async def test_secrets_reach_the_child_and_the_token_reaches_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        served = generation_of(echo_entry(secrets={"KEY": "env://notes-key"}))
        async with gateway(served) as running, running.client() as client:
            about = (await client.call("about", password="hunter2")).text  # noqa: S106  (to be looked for)
            assert json.loads(about)["env"]["KEY"] == "ENV://NOTES-KEY"
            said = (await client.call("said")).text
            assert TOKEN not in about + said
            assert (await client.call("die")).code == wire.INTERRUPTED
            await client.call("echo")
    messages = [record.getMessage() for record in caplog.records if record.name == "mcphub.gateway"]
    assert len(messages) >= 4
    assert all(message.isprintable() for message in messages)
    assert not any(word in caplog.text for word in (TOKEN, "ENV://NOTES-KEY", "hunter2"))


@on_loop
async def test_a_call_is_cancelled_at_the_real_child_when_its_client_goes_away() -> None:
    async with gateway(generation_of(echo_entry())) as running:
        async with running.client() as client:
            await client.call("echo")
            body, headers = modern_request("tools/call", {"name": "hang"})
            client.put("POST", body, headers=headers)
            await asyncio.sleep(0.05)
        async with running.client() as client, asyncio.timeout(5):
            while "notifications/cancelled" not in (await client.call("said")).text:  # noqa: ASYNC110  (asked)
                await asyncio.sleep(0.01)


@on_loop
async def test_many_clients_get_their_own_answers() -> None:
    two = echo_entry("two", tools=[tool_entry("echo", name="two")])
    async with gateway(generation_of(echo_entry("one"), two)) as running:

        async def ask(number: int) -> None:
            async with running.client() as client:
                if number % 2:
                    await client.open_session()
                for count in range(25):
                    tool = ("echo", "two")[count % 2]
                    params = {"name": tool, "arguments": {"n": number, "c": count}}
                    send = client.legacy if number % 2 else client.modern
                    answer = await send("tools/call", params, identity=1)
                    assert json.loads(answer.text) == params["arguments"]

        await asyncio.gather(*(ask(number) for number in range(20)))


@on_loop
async def test_a_new_generation_is_served_without_a_failed_call() -> None:
    async with gateway(generation_of(echo_entry())) as running:
        over = asyncio.Event()
        statuses: list[int] = []

        async def ask() -> None:
            async with running.client() as client:
                while not over.is_set():
                    answer = await client.call("echo", n=len(statuses))
                    statuses.append(answer.status if "result" in answer.json else answer.code)

        async with asyncio.TaskGroup() as group, running.client() as client:
            for _ in range(10):
                group.create_task(ask())
            for number in range(4):
                name = f"about{number}"
                changed = echo_entry(env={"N": str(number)}, tools=["echo", tool_entry("about", name=name)])
                running.generations.put_nowait(generation_of(changed))
                async with asyncio.timeout(10):
                    while (await client.call(name)).status != 200:  # noqa: ASYNC110  (asked over HTTP)
                        await asyncio.sleep(0.01)
            over.set()
        assert set(statuses) == {200}
        assert len(statuses) > 100


@on_loop
async def test_a_public_url_is_accepted_as_soon_as_its_generation_is() -> None:
    async with gateway(generation_of()) as running, running.client(host="mcp.acme.example") as client:
        assert (await client.modern("tools/list")).status == 421
        running.generations.put_nowait(generation_of(publicUrl="https://mcp.acme.example"))
        async with asyncio.timeout(5):
            while (await client.modern("tools/list")).status != 200:  # noqa: ASYNC110  (asked over HTTP)
                await asyncio.sleep(0.01)


@on_loop
async def test_generations_that_cannot_be_had_leave_what_is_served(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> AsyncIterator[tuple[Generation, Keys]]:
        yield generation_of(echo_entry(tools=["echo"]), listen="127.0.0.1:1"), Keys(TOKEN)
        raise RuntimeFailure("the disk is on fire")

    urls: list[str] = []
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(
            server.serve(
                generation_of(),
                spawner=FakeSpawner(Manners()),
                secrets=Values(),
                keys=Keys(TOKEN),
                version="1",
                on_ready=urls.append,
                stop=stop,
                generations=broken(),
            )
        )
        await until(lambda: "the disk is on fire" in caplog.text)
        assert not serving.done()
        async with Running(urls[0], stop, asyncio.Queue()).client() as client:
            assert [tool["name"] for tool in (await client.modern("tools/list")).json["result"]["tools"]] == ["echo"]
        stop.set()
    assert "until a restart, then on 127.0.0.1:1" in caplog.text


@on_loop
async def test_a_stop_lets_calls_end_then_fails_the_rest_and_leaves_no_child() -> None:
    before = children()
    async with (
        gateway(generation_of(echo_entry()), drain=0.6) as running,
        running.client() as slow,
        running.client() as hung,
        running.client() as idle,
    ):
        await idle.call("echo")
        for client, tool, arguments in ((slow, "slow", {"seconds": 0.3}), (hung, "hang", {})):
            body, headers = modern_request("tools/call", {"name": tool, "arguments": arguments})
            client.put("POST", body, headers=headers)
            await asyncio.sleep(0.05)
        running.stop.set()
        answer = await slow.receive()
        assert (answer.text, answer.headers["connection"]) == ("at last", "close")
        assert (await hung.receive()).code == wire.INTERRUPTED
        assert await idle.reader.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", running.port)
    assert children() == before


@on_loop
async def test_a_server_that_is_cancelled_leaves_nothing_either() -> None:
    before = children()
    ready = asyncio.Event()
    task = asyncio.ensure_future(
        server.serve(
            generation_of(echo_entry()),
            spawner=ProcessEngine(),
            secrets=Values(),
            keys=Keys(TOKEN),
            version="1",
            on_ready=lambda _url: ready.set(),
            stop=asyncio.Event(),
        )
    )
    await ready.wait()
    await until(lambda: children() > before)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == before


@on_loop
async def test_a_failure_of_the_one_who_is_told_ends_the_start_as_it_is() -> None:
    def fail(_url: str) -> None:
        raise RuntimeFailure("the disk is full")

    spawner = FakeSpawner(Manners())
    with pytest.raises(RuntimeFailure, match="the disk is full"):
        await server.serve(
            generation_of(echo_entry()),
            spawner=spawner,
            secrets=Values(),
            keys=Keys(TOKEN),
            version="1",
            on_ready=fail,
            stop=asyncio.Event(),
        )
    assert spawner.children == []


def test_the_gateways_loop_is_the_fast_one() -> None:
    loop = server.new_event_loop()
    assert isinstance(loop, uvloop.Loop)
    loop.close()


@on_loop
async def test_an_address_that_is_taken_is_told_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        failure = await _refused(address)
    assert failure.brief == f"the gateway cannot listen on {address}"
    assert "another program listens there" in failure.detail
    assert "gateway.listen" in failure.resolution


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("192.0.2.1:0", "no such address"),
        ("127.0.0.1:99999", "last port is 65535"),
        ("host.invalid:80", ""),
        ("[::zz]:80", ""),
    ],
)
def test_an_address_that_cannot_be_used_is_told(address: str, why: str) -> None:
    @on_loop
    async def scenario() -> None:
        failure = await _refused(address)
        assert address in failure.brief
        assert why in failure.detail

    scenario()


async def _refused(address: str) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as raised:
        await server.listen_on(address)
    return raised.value


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        pytest.param("[::1]", marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")),
    ],
)
def test_the_url_that_is_reported_is_the_one_that_works(host: str) -> None:
    @on_loop
    async def scenario() -> None:
        async with gateway(generation_of(listen=f"{host}:0"), spawner=FakeSpawner(Manners())) as running:
            assert running.url == f"http://{host}:{running.port}/mcp"
            async with sdk_client(running, "auto") as client:
                assert (await client.list_tools()).tools == []

    scenario()


@on_loop
async def test_a_late_server_holds_up_neither_the_others_nor_the_start() -> None:
    late = echo_entry("late", "--start-after", "0.6", tools=[tool_entry("echo", name="late")])
    async with gateway(generation_of(echo_entry(), late), supervision=PATIENT) as running, running.client() as client:
        assert (await client.call("echo")).status == 200
        ready = await client.send("GET", path="/ready")
        assert (ready.status, ready.json["waiting"]) == (503, ["late"])
        assert (await client.call("late", a=1)).text == '{"a": 1}'
        assert (await client.send("GET", path="/ready")).status == 200


@on_loop
async def test_a_child_that_is_killed_is_restarted_and_its_call_answered_once() -> None:
    async with gateway(generation_of(echo_entry())) as running, running.client() as client:
        pid = json.loads((await client.call("about")).text)["pid"]
        body, headers = modern_request("tools/call", {"name": "hang"})
        client.put("POST", body, headers=headers)
        await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
        assert (await client.receive()).code == wire.INTERRUPTED
        assert json.loads((await client.call("about")).text)["pid"] != pid


@on_loop
async def test_each_profile_is_served_at_its_path_until_a_generation_moves_it() -> None:
    def served(path: str, *tools: str) -> Generation:
        return generation_of(echo_entry(tools=["echo", "said"]), profiles={"some": {"path": path, "tools": tools}})

    async def names(client: Http, path: str) -> list[str]:
        body, headers = modern_request("tools/list")
        answer = await client.send("POST", body, path=path, headers=headers)
        return [tool["name"] for tool in answer.json["result"]["tools"]] if answer.status == 200 else []

    async with gateway(served("/some/mcp", "echo")) as running, running.client() as client:
        assert (await names(client, "/some/mcp"), await names(client, "/mcp")) == (["echo"], ["echo", "said"])
        body, headers = modern_request("tools/call", {"name": "said"})
        refused = await client.send("POST", body, path="/some/mcp", headers=headers)
        assert (refused.status, refused.code, refused.json["error"]["message"]) == (400, -32602, "The tool is unknown")
        assert (await client.send("POST", body, path="/mcp", headers=headers)).status == 200
        for path in ("/some", "/some/mcp/", "/other/mcp", "/SOME/mcp", "/some//mcp"):
            assert (await client.send("POST", body, path=path, headers=headers)).status == 404
        async with running.client(authorization="Bearer wrong") as stranger:
            assert (await stranger.send("POST", body, path="/some/mcp", headers=headers)).status == 401
        running.generations.put_nowait(served("/moved", "said", "echo"))
        async with asyncio.timeout(10):
            while await names(client, "/moved") != ["echo", "said"]:  # noqa: ASYNC110  (asked over HTTP)
                await asyncio.sleep(0.01)
        assert (await client.send("POST", body, path="/some/mcp", headers=headers)).status == 404
        assert (await client.send("POST", body, path="/moved", headers=headers)).status == 200
