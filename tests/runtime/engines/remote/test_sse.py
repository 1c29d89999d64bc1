"""HTTP with SSE of the revision 2024-11-05: with servers that are odd or hostile, and with the SDK's own."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.engines.remote import sse
from mcphub_gitops.runtime.engines.remote.engine import RemoteEngine
from mcphub_gitops.runtime.engines.remote.sse import target_of
from mcphub_gitops.runtime.engines.remote.trouble import REFUSED, UNAVAILABLE, UNKNOWN_METHOD, Trouble
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway.prober import StdioProber
from mcphub_gitops.runtime.network.address import place_of
from mcphub_gitops.runtime.ports import LineSink, RemoteSpec
from tests.runtime.engines.children import eventually
from tests.runtime.engines.conftest import Run
from tests.runtime.engines.remote.talk import HELLO, TOKEN, Talk, open_talk, spec_for, talk
from tests.support.gateway_hub import CLIENT, UNHURRIED, entry, gateway, generation_of, on_loop
from tests.support.remote_raw import Asked, Behaviour, Sse, answer, begin, chunk, raw, result
from tests.support.remote_sdk import certify, serve
from tests.support.sse_server import Running, serve_sse

Write = Callable[[Asked, asyncio.StreamWriter], object]
PLACE = place_of("https://docs.example/a/sse?key=k", whose="the test")


class Reaching:
    """Reaches one remote, whatever it is asked to start."""

    def __init__(self, spec: RemoteSpec) -> None:
        self._spec = spec

    async def spawn(self, _spec: object, sink: LineSink) -> Any:  # noqa: ANN401  (a child)
        return await RemoteEngine().spawn(self._spec, sink)


def writes(write: Write) -> Behaviour:
    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        write(asked, writer)

    return behave


def says(*chunks: bytes, kind: str = "text/event-stream", close: bool = False) -> Behaviour:
    """Return a server whose stream says `chunks`, and nothing else."""

    def write(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        begin(writer, kind=kind)
        for data in chunks:
            chunk(writer, data)
        if close:
            writer.close()

    return writes(write)


def refuses(status: str, **headers: str) -> Behaviour:
    return writes(lambda _asked, writer: answer(writer, b"no", status=status, kind="text/plain", headers=headers))


async def hello(talking: Talk) -> dict[str, Any]:
    """Begin the handshake, and return what it is answered with."""
    return await talking.ask("initialize", HELLO, modern=False)


def text_of(called: dict[str, Any]) -> str:
    text: str = called["result"]["content"][0]["text"]
    return text


def first_answer(run: Run, behave: Behaviour) -> tuple[int, str]:
    """Return code and words of the error that a handshake is answered with, after which nothing was POSTed."""

    async def scenario() -> tuple[int, str]:
        async with raw(behave) as server, talk(server.url, transport="sse") as talking:
            error = (await hello(talking))["error"]
            assert server.methods() == ["GET"]
            # What came of the stream is not asked for anew.
            assert (await talking.ask("tools/list", modern=False))["error"]["message"] == error["message"]
            assert server.methods() == ["GET"]
            return error["code"], error["message"]

    return run(scenario())


def test_a_call_is_answered_by_the_stream_and_headers_go_with_both(run: Run) -> None:
    async def scenario() -> None:
        async with raw(Sse()) as server, talk(server.url, transport="sse") as talking:
            await talking.greet()
            assert (await talking.call("add", modern=False))["result"]["echo"] == "tools/call"
            assert server.methods() == ["GET", "initialize", "notifications/initialized", "tools/call"]
            assert [asked.target for asked in server.asked] == ["/mcp", *["/messages?session=s-1"] * 3]
            assert {asked.headers["authorization"] for asked in server.asked} == {f"Bearer {TOKEN}"}
            assert server.asked[0].headers["accept"] == "text/event-stream"
            # One that was tried, the stream's, and one for all that is sent.
            assert server.connections == 3
        await eventually(lambda: server.open == 0)

    run(scenario())


def test_who_is_spoken_to_over_the_wrong_transport_is_told_of_the_other(run: Run) -> None:
    async def scenario() -> None:
        async with serve(legacy=True) as remote, talk(remote.url, transport="sse") as talking:
            assert "needs no `transport: sse`" in (await hello(talking))["error"]["message"]
        for method in ("404 Not Found", "405 Method Not Allowed"):
            async with raw(refuses(method)) as server, talk(server.url) as talking:
                assert "needs `transport: sse`" in (await hello(talking))["error"]["message"]
                assert "transport" not in (await talking.ask("tools/list", modern=False))["error"]["message"]

    run(scenario())


def test_nothing_of_the_new_era_is_sent(run: Run) -> None:
    async def scenario() -> None:
        async with raw(Sse()) as server, talk(server.url, transport="sse") as talking:
            for method in ("server/discover", "tools/list", "subscriptions/listen"):
                assert (await talking.ask(method))["error"]["code"] == UNKNOWN_METHOD
            await eventually(lambda: server.methods() == ["GET"])
            await talking.greet()
            assert "server/discover" not in server.methods()

    run(scenario())


@pytest.mark.parametrize(
    "endpoint",
    [
        b"http://127.0.0.1:PORT/messages",
        b"https://127.0.0.1/messages",
        b"https://docs.example/messages",
        b"//docs.example/messages",
        b"http://localhost/messages",
        b"http://127.0.0.1.docs.example/messages",
        b"http://docs.example:80/#@127.0.0.1/messages",
        b"http://user@127.0.0.1/messages",
        b"\\\\docs.example\\messages",
        b"/messages and more",
        b"/messages\tmore",
        b"javascript:alert(1)",
        b"/messages#part",
        b"/" + b"x" * 9000,
        "/mä".encode(),
        b"http://[",
    ],
)
def test_messages_go_to_no_other_origin(run: Run, endpoint: bytes) -> None:
    async def scenario() -> None:
        async with raw(Sse()) as other:
            wanted = endpoint.replace(b"PORT", str(other.port).encode())
            async with raw(Sse(endpoint=wanted)) as server, talk(server.url, transport="sse") as talking:
                error = (await hello(talking))["error"]
                assert error["code"] == UNAVAILABLE
                assert "messages" in error["message"]
                assert "more" not in error["message"]
                assert server.methods() == ["GET"]
            assert other.connections == 0

    run(scenario())


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        (b"/messages?session_id=1", "/messages?session_id=1"),
        (b"messages", "/a/messages"),
        (b"?session=1", "/a/sse?session=1"),
        (b"../m", "/m"),
        (b"https://docs.example/m?x=https://evil.example/", "/m?x=https://evil.example/"),
        (b"HTTPS://DOCS.example:443/m", "/m"),
        (b"//docs.example/m", "/m"),
        (b"https://docs.example", "/"),
    ],
)
def test_where_messages_go_is_relative_to_the_stream(endpoint: bytes, target: str) -> None:
    assert target_of(endpoint, PLACE) == target


@pytest.mark.parametrize("origin", ["http://docs.example", "http://docs.example:443", "https://docs.example:8443"])
def test_another_scheme_or_port_is_another_origin(origin: str) -> None:
    with pytest.raises(Trouble) as raised:
        target_of(f"{origin}/m?session=hidden".encode(), PLACE)
    assert f"wants messages sent to {origin}; they are sent to https://docs.example alone" in raised.value.words
    assert "hidden" not in raised.value.words


def test_both_ways_go_over_tls(run: Run, tmp_path: Path) -> None:
    public, key, trust = certify(tmp_path, "docs.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, key)

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async def scenario() -> None:
        async with raw(Sse(), tls=context) as server:
            url = server.url.replace("http://127.0.0.1", "https://docs.example")
            engine = RemoteEngine(tls=trust, resolve=resolve)
            async with talk(url, engine=engine, transport="sse") as talking:
                await talking.greet()
                assert "result" in await talking.ask("tools/list", modern=False)

    run(scenario())


@UNHURRIED
@given(st.binary(max_size=40) | st.text("htps:/\\.@#?docsexample%[]\t\n ", max_size=40).map(str.encode))
def test_whatever_is_named_is_a_path_or_refused(endpoint: bytes) -> None:
    try:
        target = target_of(endpoint, PLACE)
    except Trouble:
        return
    assert target.startswith("/")
    assert target.isascii()
    assert target.isprintable()
    assert " " not in target


@pytest.mark.parametrize(
    ("behave", "code", "words"),
    [
        (refuses("401 Unauthorized"), REFUSED, "wants credentials (status 401)"),
        (refuses("403 Forbidden"), REFUSED, "wants other credentials (status 403)"),
        (refuses("404 Not Found"), UNAVAILABLE, "status 404 (Not Found)"),
        (
            refuses("405 Method Not Allowed"),
            UNAVAILABLE,
            "(Method Not Allowed); one that speaks streamable HTTP needs no",
        ),
        (refuses("503 Service Unavailable"), UNAVAILABLE, "status 503"),
        (refuses("307 Temporary Redirect", location="https://evil.example/x"), UNAVAILABLE, "https://evil.example"),
        (says(b"event: endpoint\ndata: /m\n\n", kind="text/html"), UNAVAILABLE, "answered with text/html"),
        (says(b"", close=True), UNAVAILABLE, "ended its stream"),
        (says(b"event: endpoint\ndata: /m\n", b""), UNAVAILABLE, "ended its stream"),
        (says(b": none\n\nevent: ping\ndata: x\n\nevent: endpoint\n\n", close=True), UNAVAILABLE, "broke"),
    ],
)
def test_a_stream_that_does_not_begin_is_told(run: Run, behave: Behaviour, code: int, words: str) -> None:
    found, told = first_answer(run, behave)
    assert (found, words in told) == (code, True), told


@pytest.mark.parametrize("chunks", [(), (b": keep-alive\n\n" * 9,), (b'data: {"jsonrpc":"2.0","method":"x"}\n\n',)])
def test_a_stream_that_never_says_where_messages_go_is_given_up(
    run: Run, monkeypatch: pytest.MonkeyPatch, chunks: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(sse, "_ENDPOINT_SECONDS", 0.1)
    assert "does not say in time" in first_answer(run, says(*chunks))[1]


def test_a_stream_that_never_opens_is_given_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "_ENDPOINT_SECONDS", 0.1)
    assert "does not say in time" in first_answer(run, writes(lambda *_: None))[1]


@pytest.mark.parametrize(
    "flood",
    [
        b"event: endpoint\ndata: /" + b"x" * 2000,
        b"event: endpoint\n" + b"data: xxxxxxx\n" * 200,
        b": " + b"x" * 2000,
    ],
)
@pytest.mark.parametrize("begun", [True, False])
def test_an_event_without_end_ends_the_child(run: Run, flood: bytes, *, begun: bool) -> None:
    opening = [b"event: endpoint\ndata: /m\n\n"] if begun else []

    async def scenario() -> None:
        engine = RemoteEngine(line_limit=1000)
        async with raw(says(*opening, flood)) as server:
            talking = await open_talk(server.url, engine=engine, transport="sse")
            talking.put("initialize", HELLO, modern=False)
            assert await talking.record.end() == 1
            assert talking.record.overruns == [1000]
            await talking.child.stop()

    run(scenario())


def test_all_line_breaks_marks_comments_and_several_lines_of_data_are_read(run: Run) -> None:
    def open_oddly(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        server.streams.append(writer)
        begin(writer)
        for piece in (b"\xef\xbb\xbf: hi\r", b"\nevent: endpoint\r", b"id: 1\rdata: /m", b"\r\r\n: alive\n\n"):
            server.say(piece)

    def reply_oddly(asked: Asked, writer: asyncio.StreamWriter) -> None:
        answer(writer, status="202 Accepted", kind="")
        server.say(b"retry: 1\nevent: other\ndata: {}\n\n: alive\n\ndata: {")
        server.say(b'"jsonrpc": "2.0",\r\ndata:"id": %d,\rdata: "result": {}}\r\n\r\n' % asked.message["id"])

    server = Sse({"GET": writes(open_oddly), "initialize": writes(reply_oddly)})

    async def scenario() -> None:
        async with raw(server) as running, talk(running.url, transport="sse") as talking:
            assert (await hello(talking))["result"] == {}
            assert running.asked[-1].target == "/m"

    run(scenario())


def test_what_else_the_stream_says_is_told_or_noted(run: Run) -> None:
    async def scenario() -> None:
        server = Sse()
        async with raw(server) as running, talk(running.url, transport="sse") as talking:
            await talking.greet()
            server.say(b"event: endpoint\ndata: https://evil.example/\n\ndata: nonsense\n\ndata: []\n\n")
            server.say(
                b'data: {"jsonrpc":"2.0","id":"q","method":"ping"}\n\ndata: {"jsonrpc":"2.0","id":77,"result":1}\n\n'
            )
            server.say(b'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n')
            await talking.record.until(lambda: talking.changes() == 1)
            assert [message.get("id") for message in talking.heard()[1:]] == ["q", 77, None]
            talking.send({"id": "q", "result": {}})
            await eventually(lambda: "answer" in running.methods())
            assert running.asked[-1].target == "/messages?session=s-1"
            assert talking.child.stderr_tail().count("not one JSON-RPC message") == 2

    run(scenario())


def test_a_stream_that_is_cut_during_a_call_ends_the_child(run: Run) -> None:
    async def scenario() -> None:
        server = Sse({"tools/call": writes(lambda *_: server.streams[0].close())})
        async with raw(server) as running:
            talking = await open_talk(running.url, transport="sse")
            await talking.greet()
            talking.put("tools/call", {"name": "x"}, modern=False)
            assert await talking.record.end() == 1
            assert "has ended the session" in talking.child.stderr_tail()
            await talking.child.stop()
            await eventually(lambda: running.open == 0)

    run(scenario())


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        ("403 Forbidden", REFUSED, "wants other credentials"),
        ("400 Bad Request", UNAVAILABLE, "status 400"),
        ("413 Content Too Large", UNAVAILABLE, "status 413"),
        ("307 Temporary Redirect", UNAVAILABLE, "redirects to another place"),
    ],
)
def test_a_message_that_is_refused_is_told_and_the_session_goes_on(
    run: Run, status: str, code: int, words: str
) -> None:
    async def scenario() -> None:
        async with (
            raw(Sse({"tools/call": refuses(status)})) as server,
            talk(server.url, transport="sse") as talking,
        ):
            await talking.greet()
            error = (await talking.call("x", modern=False))["error"]
            assert error["code"] == code
            assert words in error["message"]
            assert "result" in await talking.ask("tools/list", modern=False)

    run(scenario())


def test_credentials_that_are_no_longer_taken_are_told_and_end_the_child(run: Run) -> None:
    async def scenario() -> None:
        async with raw(Sse({"tools/call": refuses("401 Unauthorized")})) as server:
            talking = await open_talk(server.url, transport="sse")
            await talking.greet()
            assert (await talking.call("x", modern=False))["error"]["code"] == REFUSED
            assert await talking.record.end() == 1
            assert "does not take the credentials any more" in talking.child.stderr_tail()
            await talking.child.stop()

    run(scenario())


def test_credentials_that_never_were_taken_end_nothing(run: Run) -> None:
    async def scenario() -> None:
        async with (
            raw(Sse({"initialize": refuses("401 Unauthorized")})) as server,
            talk(server.url, transport="sse") as talking,
        ):
            for _ in range(2):
                assert (await talking.ask("initialize", HELLO, modern=False))["error"]["code"] == REFUSED

    run(scenario())


def test_an_endpoint_that_is_not_there_is_told_and_a_session_that_is_lost_ends_the_child(run: Run) -> None:
    async def scenario() -> None:
        gone = refuses("404 Not Found")
        async with raw(Sse({"initialize": gone})) as server, talk(server.url, transport="sse") as talking:
            assert "status 404" in (await hello(talking))["error"]["message"]
        for method in ("tools/call", "notifications/initialized"):
            async with raw(Sse({method: gone})) as server:
                talking = await open_talk(server.url, transport="sse")
                await talking.greet()
                talking.put("tools/call", {"name": "x"}, modern=False)
                assert await talking.record.end() == 1
                await talking.child.stop()

    run(scenario())


@pytest.mark.parametrize("after", [b"", b"HTTP/1.1 202 Accepted\r\ncontent-length: 9999999\r\n\r\nAccepted"])
def test_a_reply_counts_although_its_post_is_not_answered(
    run: Run, monkeypatch: pytest.MonkeyPatch, after: bytes
) -> None:
    monkeypatch.setattr(sse, "_LINGER", 0.02)

    def early(asked: Asked, writer: asyncio.StreamWriter) -> None:
        server.reply(asked)
        writer.write(after)

    server = Sse({"tools/call": writes(early)})

    async def scenario() -> None:
        engine = RemoteEngine(width=1)
        async with raw(server) as running, talk(running.url, engine=engine, transport="sse") as talking:
            await talking.greet()
            for _ in range(3):
                assert "result" in await talking.call("x", modern=False)
            await eventually(lambda: running.open <= 2)

    run(scenario())


def test_a_reply_that_came_is_not_spoilt_by_its_post(run: Run) -> None:
    def early(asked: Asked, writer: asyncio.StreamWriter) -> None:
        server.reply(asked)
        answer(writer, status="500 Internal Server Error", kind="")

    server = Sse({"tools/call": writes(early)})

    async def scenario() -> None:
        async with raw(server) as running, talk(running.url, transport="sse") as talking:
            await talking.greet()
            number = talking.put("tools/call", {"name": "x"}, modern=False)
            await talking.reply(number)
            await talking.ask("tools/list", modern=False)
            replies = [message for message in talking.heard() if message.get("id") == number]
            assert len(replies) == 1

    run(scenario())


def test_a_cancelled_call_is_cancelled_at_the_server_and_its_late_reply_comes_once(run: Run) -> None:
    waiting: list[Asked] = []

    def keep(asked: Asked, writer: asyncio.StreamWriter) -> None:
        answer(writer, status="202 Accepted", kind="")
        waiting.append(asked)

    server = Sse({"tools/call": writes(keep)})

    async def scenario() -> None:
        engine = RemoteEngine(width=1)
        async with raw(server) as running, talk(running.url, engine=engine, transport="sse") as talking:
            await talking.greet()
            number = talking.put("tools/call", {"name": "x"}, modern=False)
            await eventually(lambda: bool(waiting))
            talking.tell("notifications/cancelled", {"requestId": number})
            assert "result" in await talking.ask("tools/list", modern=False)
            assert "notifications/cancelled" in running.methods()
            server.say(b"data: " + result(waiting[0], late=True) + b"\n\n")
            assert (await talking.reply(number))["result"] == {"late": True}

    run(scenario())


async def counted(talking: Talk) -> tuple[int, ...]:
    """Return how many calls that do not return were begun, and how many of them cancelled."""
    found = [await talking.call("count", modern=False, of=each) for each in ("begun", "cancelled")]
    return tuple(int(text_of(each)) for each in found)


@pytest.fixture(scope="module")
def sdk() -> Iterator[Running]:
    with serve_sse(TOKEN) as running:
        yield running


def test_the_sdks_server_is_spoken_to(run: Run, sdk: Running) -> None:
    async def scenario() -> None:
        async with talk(sdk.url, transport="sse") as talking:
            await talking.greet()
            listed = await talking.ask("tools/list", modern=False)
            assert [tool["name"] for tool in listed["result"]["tools"]] == ["add", "hang", "count"]
            called = await asyncio.gather(*(talking.call("add", modern=False, a=each, b=1) for each in range(9)))
            assert [text_of(each) for each in called] == [str(each + 1) for each in range(9)]
            begun, cancelled = await counted(talking)
            number = talking.put("tools/call", {"name": "hang", "arguments": {}}, modern=False)
            async with asyncio.timeout(10):
                while await counted(talking) != (begun + 1, cancelled):
                    pass
                talking.tell("notifications/cancelled", {"requestId": number})
                while await counted(talking) != (begun + 1, cancelled + 1):
                    pass

    run(scenario())


def test_the_sdks_servers_end_ends_the_child(run: Run) -> None:
    async def scenario(running: Running) -> None:
        talking = await open_talk(running.url, transport="sse")
        await talking.greet()
        talking.put("tools/call", {"name": "hang", "arguments": {}}, modern=False)
        running.process.kill()
        assert await talking.record.end() == 1
        await talking.child.stop()

    with serve_sse(TOKEN) as running:
        run(scenario(running))


def test_a_prober_learns_its_tools(sdk: Running) -> None:
    @on_loop
    async def scenario() -> None:
        probe = StdioProber(RemoteEngine(), client=CLIENT)
        answer = await probe.probe(spec_for(sdk.url, transport="sse"), timeout=10)
        assert (answer.era, answer.revision) == ("legacy", "2025-11-25")
        assert [tool["name"] for tool in answer.tools] == ["add", "hang", "count"]
        with pytest.raises(RuntimeFailure) as raised:
            await probe.probe(spec_for(sdk.url, transport="sse", headers={"Authorization": "Bearer wrong"}), timeout=10)
        assert "wants credentials (status 401)" in raised.value.detail
        assert "wrong" not in raised.value.detail

    scenario()


def test_the_gateway_opens_a_new_session_after_the_server_was_started_anew() -> None:
    @on_loop
    async def scenario() -> None:
        with serve_sse(TOKEN) as first:
            spec = spec_for(first.url, transport="sse")
            probe = await StdioProber(RemoteEngine(), client=CLIENT).probe(spec, timeout=10)
            served = generation_of(entry("sums", ["/bin/false"], tools=probe.tools))
            async with gateway(served, spawner=Reaching(spec)) as running, running.client() as client:
                await running.ready()
                called = await client.modern("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}})
                assert called.json["result"]["content"][0]["text"] == "3"
                async with running.client() as other, asyncio.TaskGroup() as group:
                    hanging = group.create_task(other.modern("tools/call", {"name": "hang", "arguments": {}}))
                    counting = {"name": "count", "arguments": {"of": "begun"}}
                    while text_of((await client.modern("tools/call", counting)).json) != "1":
                        pass
                    first.process.kill()
                    first.process.wait()
                assert "ended" in hanging.result().json["error"]["message"]
                with serve_sse(TOKEN, port=first.port):
                    again = await client.modern("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}})
                    assert again.json["result"]["content"][0]["text"] == "3"

    scenario()
