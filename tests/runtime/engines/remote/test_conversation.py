"""The protocol over HTTP, with servers that are odd, and with the SDK's own."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from mcphub_gitops.runtime.engines.remote import conversation
from mcphub_gitops.runtime.engines.remote.engine import RemoteEngine
from mcphub_gitops.runtime.engines.remote.trouble import REFUSED, UNAVAILABLE
from tests.runtime.engines.children import eventually
from tests.runtime.engines.conftest import Run
from tests.runtime.engines.remote.talk import TOKEN, open_talk, talk
from tests.support.gateway_hub import META
from tests.support.remote_raw import Asked, Behaviour, Legacy, answer, begin, chunk, raw, result, stream
from tests.support.remote_sdk import serve

Write = Callable[[Asked, asyncio.StreamWriter], object]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pauses be short."""
    monkeypatch.setattr(conversation, "_FIRST_PAUSE", 0.02)


def writes(write: Write) -> Behaviour:
    async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
        write(asked, writer)

    return behave


def events(*data: bytes) -> bytes:
    return b"".join(b"event: message\ndata: " + each + b"\n\n" for each in data)


def answer_of(run: Run, behave: Behaviour, *, limit: int = 100_000) -> dict[str, Any]:
    """Return what a request of the new era is answered with."""

    async def scenario() -> dict[str, Any]:
        async with raw(behave) as server, talk(server.url, engine=RemoteEngine(line_limit=limit)) as talking:
            reply = await talking.ask("tools/list")
            assert len(server.asked) == 1
            return reply

    return run(scenario())


def error_of(run: Run, behave: Behaviour) -> tuple[int, str]:
    error = answer_of(run, behave)["error"]
    return error["code"], error["message"]


@pytest.mark.parametrize("json_response", [True, False])
@pytest.mark.parametrize("legacy", [True, False])
def test_a_call_is_answered_in_both_eras_as_document_and_as_stream(
    run: Run, *, legacy: bool, json_response: bool
) -> None:
    async def scenario() -> None:
        async with serve(legacy=legacy, json=json_response) as remote, talk(remote.url) as talking:
            if legacy:
                await talking.greet()
            listed = await talking.ask("tools/list", modern=not legacy)
            assert "add" in [tool["name"] for tool in listed["result"]["tools"]]
            called = await talking.call("add", modern=not legacy, a=1, b=2)
            assert called["result"]["content"][0]["text"] == "3"
            assert {seen.headers["authorization"] for seen in remote.seen} == {f"Bearer {TOKEN}"}

    run(scenario())


def test_a_call_of_the_new_era_repeats_name_and_annotated_arguments_as_headers(run: Run) -> None:
    async def scenario() -> None:
        async with serve() as remote, talk(remote.url) as talking:
            refused = await talking.call("add", a=1)
            assert refused["error"]["code"] == -32020
            await talking.ask("tools/list")
            called = await talking.call("größe", a=1, b=2, note=" für alle ")
            assert called["result"]["content"][0]["text"] == "3 für alle "
            sent = remote.seen[-1].headers
            assert (sent["mcp-protocol-version"], sent["mcp-method"]) == ("2026-07-28", "tools/call")
            assert sent["mcp-name"].startswith("=?base64?")
            assert sent["mcp-param-first"] == "1"
            assert "mcp-session-id" not in sent

    run(scenario())


def test_pages_of_a_list_are_remembered_together_until_the_list_begins_anew(run: Run) -> None:
    def page(name: str) -> list[dict[str, Any]]:
        return [{"name": name, "inputSchema": {"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}}, 1]  # type: ignore[list-item]

    def write(asked: Asked, writer: asyncio.StreamWriter) -> None:
        cursor = asked.message["params"].get("cursor", "first")
        answer(writer, result(asked, tools=page(cursor) if asked.message["method"] == "tools/list" else []))

    async def scenario() -> None:
        async with raw(writes(write)) as server, talk(server.url) as talking:
            await talking.ask("tools/list")
            await talking.ask("tools/list", {"cursor": "second"})
            await talking.call("first", a="x")
            await talking.call("second", a="y")
            assert [asked.headers.get("mcp-param-a") for asked in server.asked[2:]] == ["x", "y"]
            await talking.ask("tools/list")
            await talking.call("second", a="y")
            assert "mcp-param-a" not in server.asked[-1].headers

    run(scenario())


def test_the_old_era_carries_session_and_revision_from_the_handshake_on(run: Run) -> None:
    async def scenario() -> None:
        async with raw(Legacy()) as server, talk(server.url) as talking:
            await talking.greet()
            await talking.ask("tools/list", modern=False)
            first, *rest = [asked for asked in server.asked if asked.method == "POST"]
            assert not {"mcp-session-id", "mcp-protocol-version"} & first.headers.keys()
            assert {asked.headers["mcp-session-id"] for asked in rest} == {"s-1"}
            assert {asked.headers["mcp-protocol-version"] for asked in rest} == {"2025-11-25"}
            assert not any("mcp-method" in asked.headers for asked in server.asked)
            assert first.headers["accept"] == "application/json, text/event-stream"

    run(scenario())


@pytest.mark.parametrize("session", ["", "with space", "x" * 2000])
def test_a_session_needs_no_name_but_a_proper_one(run: Run, session: str) -> None:
    async def scenario() -> None:
        async with raw(Legacy(session=session)) as server, talk(server.url) as talking:
            reply = await talking.ask("initialize", modern=False)
            assert ("result" in reply) == (session == "")
        assert "DELETE" not in server.methods()

    run(scenario())


def test_what_comes_before_a_reply_is_told_first(run: Run) -> None:
    async def scenario() -> None:
        async with serve() as remote, talk(remote.url) as talking:
            meta = {**META, "progressToken": 5}
            talking.send({"id": 1, "method": "tools/call", "params": {"name": "talk", "arguments": {}, "_meta": meta}})
            await talking.reply(1)
            assert [message.get("method", "reply") for message in talking.heard()] == [
                *["notifications/progress"] * 3,
                "reply",
            ]

    run(scenario())


@pytest.mark.parametrize(
    "write",
    [
        lambda asked, writer: answer(writer, result(asked, ok=1), kind="application/json; charset=utf-8"),
        lambda asked, writer: answer(writer, json.dumps(json.loads(result(asked, ok=1)), indent=1).encode()),
        lambda asked, writer: answer(writer, b"\xef\xbb\xbf" + result(asked, ok=1)),
        lambda asked, writer: answer(writer, events(result(asked, ok=1)), kind="text/event-stream; charset=utf-8"),
        lambda asked, writer: answer(
            writer,
            result(asked, ok=1).replace(b",", b",\n").replace(b"{", b"data: {", 1).replace(b"\n", b"\ndata: ")
            + b"\n\n",
            kind="text/event-stream",
        ),
        lambda asked, writer: answer(
            writer,
            b": hi\n\nevent: ping\ndata: {}\n\ndata: nonsense\n\n" + events(result(asked, ok=1)),
            kind="text/event-stream",
        ),
        lambda asked, writer: answer(writer, result(asked, ok=1), status="201 Created"),
    ],
)
def test_a_reply_is_found_however_it_is_wrapped(run: Run, write: Write) -> None:
    assert answer_of(run, writes(write))["result"] == {"ok": 1}


REDIRECT = {"location": "https://other.example/mcp?token=hidden"}


@pytest.mark.parametrize(
    ("write", "code", "words"),
    [
        (
            lambda _, w: answer(w, status="307 Temporary Redirect", headers=REDIRECT),
            UNAVAILABLE,
            "https://other.example ",
        ),
        (lambda _, w: answer(w, status="302 Found", headers=REDIRECT), UNAVAILABLE, "redirects are not followed"),
        (lambda _, w: answer(w, status="401 Unauthorized"), REFUSED, "wants credentials"),
        (lambda a, w: answer(w, result(a, ok=1), status="403 Forbidden"), REFUSED, "wants other credentials"),
        (lambda _, w: answer(w, b"<html>", status="404 Not Found", kind="text/html"), UNAVAILABLE, "404 (Not Found)"),
        (lambda _, w: answer(w, status="429 Too Many Requests"), UNAVAILABLE, "429"),
        (lambda _, w: answer(w, b"{", status="503 Service Unavailable"), UNAVAILABLE, "503"),
        (lambda _, w: answer(w, b"x" * 100_000, status="500 Oops"), UNAVAILABLE, "500"),
        (lambda _, w: answer(w, b"<html></html>", kind="text/html"), UNAVAILABLE, "with text/html"),
        (lambda _, w: answer(w, b"{}", kind="\x7f<script>"), UNAVAILABLE, "without a content type"),
        (lambda _, w: answer(w, status="202 Accepted", kind=""), UNAVAILABLE, "without a content type"),
        (lambda _, w: answer(w, b""), UNAVAILABLE, "with no JSON-RPC message"),
        (lambda _, w: answer(w, b"hello"), UNAVAILABLE, "with no JSON-RPC message"),
        (lambda a, w: answer(w, b"[" + result(a) + b"]"), UNAVAILABLE, "with no JSON-RPC message"),
        (lambda _, w: answer(w, b'{"jsonrpc":"2.0","id":99,"result":{}}'), UNAVAILABLE, "answered another request"),
        (lambda _, w: answer(w, b"", kind="text/event-stream"), UNAVAILABLE, "without a reply"),
        (lambda _, w: answer(w, events(b'{"id":99}'), kind="text/event-stream"), UNAVAILABLE, "without a reply"),
        (lambda _, w: answer(w, b"id: 1\n\n", kind="text/event-stream"), UNAVAILABLE, "without a reply"),
        (lambda _, w: answer(w, b"{}", headers={"content-encoding": "gzip"}), UNAVAILABLE, "compressed"),
        (lambda _, w: w.close(), UNAVAILABLE, "broke off"),
        (lambda _, w: stream(w, close=True), UNAVAILABLE, "without a reply"),
        (lambda _, w: stream(w, b"{", kind="application/json", close=True), UNAVAILABLE, "broke off"),
    ],
)
def test_what_is_no_reply_becomes_an_error_for_the_one_who_asked(run: Run, write: Write, code: int, words: str) -> None:
    found, message = error_of(run, writes(write))
    assert found == code
    assert words in message
    assert "hidden" not in message


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "404 Not Found", "500 Internal Server Error"])
@pytest.mark.parametrize("identity", [b"1", b"null", None])
def test_the_remotes_own_error_reaches_the_one_who_asked(run: Run, status: str, identity: bytes | None) -> None:
    if status == "200 OK" and identity != b"1":
        return
    head = b"" if identity is None else b'"id":%b,' % identity
    body = b'{"jsonrpc":"2.0",%b"error":{"code":-32601,"message":"No such method","data":{"a":1}}}' % head
    reply = answer_of(run, writes(lambda _, writer: answer(writer, body, status=status)))
    assert reply["error"] == {"code": -32601, "message": "No such method", "data": {"a": 1}}


def test_an_error_for_somebody_else_is_not_taken(run: Run) -> None:
    body = b'{"jsonrpc":"2.0","id":99,"error":{"code":-1,"message":"m"}}'
    code, words = error_of(run, writes(lambda _, writer: answer(writer, body, status="400 Bad Request")))
    assert (code, "status 400" in words) == (UNAVAILABLE, True)


def test_a_redirect_is_not_followed(run: Run) -> None:
    async def scenario() -> None:
        async with raw(Legacy()) as target:
            headers = {"location": target.url}
            redirect = writes(lambda _, writer: answer(writer, status="308 Permanent Redirect", headers=headers))
            async with raw(redirect) as server, talk(server.url) as talking:
                assert f"127.0.0.1:{target.port}" in (await talking.ask("tools/list"))["error"]["message"]
            assert target.connections == 0

    run(scenario())


@pytest.mark.parametrize(
    "write",
    [
        lambda _, w: answer(w, b"x" * 1001),
        lambda _, w: stream(w, b"data: " + b"x" * 2000),
        lambda _, w: stream(w, b": " + b"x" * 2000),
        lambda _, w: stream(w, *[b"data: x\n"] * 600),
        lambda _, w: w.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n"),
    ],
)
def test_a_message_without_end_ends_the_child(run: Run, write: Write) -> None:
    async def scenario() -> None:
        async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
            write(asked, writer)
            await asked.left()

        engine = RemoteEngine(line_limit=1000)
        async with raw(behave) as server, talk(server.url, engine=engine) as talking:
            talking.put("tools/list")
            assert await talking.record.end() == 1
            assert talking.record.overruns == [1000]
            assert talking.record.lines == []
            assert "longer than 1000 bytes" in talking.child.stderr_tail()
            await eventually(lambda: server.open == 0)

    run(scenario())


def test_a_message_without_end_ends_the_session_as_well(run: Run) -> None:
    async def scenario() -> None:
        flood = writes(lambda _, writer: answer(writer, b"x" * 1001))
        engine = RemoteEngine(line_limit=1000)
        async with raw(Legacy({"tools/call": flood})) as server, talk(server.url, engine=engine) as talking:
            await talking.greet()
            talking.put("tools/call", {"name": "x"}, modern=False)
            assert await talking.record.end() == 1
            assert server.methods()[-1] == "DELETE"

    run(scenario())


def test_a_connection_on_which_answers_fell_behind_is_not_used_again(run: Run) -> None:
    async def scenario() -> None:
        def twice(asked: Asked, writer: asyncio.StreamWriter) -> None:
            answer(writer, result(asked, ok=1))
            if len(server.asked) == 1:
                answer(writer, result(asked, ok=1))

        async with raw(writes(twice)) as server, talk(server.url) as talking:
            assert (await talking.ask("tools/list"))["result"] == {"ok": 1}
            assert "another request" in (await talking.ask("tools/list"))["error"]["message"]
            assert (await talking.ask("tools/list"))["result"] == {"ok": 1}

    run(scenario())


def test_an_answer_that_goes_on_after_its_reply_is_left(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "_LINGER", 0.05)

    async def scenario() -> None:
        async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
            begin(writer)
            chunk(writer, events(result(asked, ok=1)))
            await asked.left()

        async with raw(behave) as server, talk(server.url) as talking:
            assert (await talking.ask("tools/list"))["result"] == {"ok": 1}
            await eventually(lambda: server.open == 0)

    run(scenario())


def test_a_cancelled_request_of_the_new_era_is_cancelled_by_closing_its_stream(run: Run) -> None:
    async def scenario() -> None:
        async with serve() as remote, talk(remote.url) as talking:
            await talking.ask("tools/list")
            number = talking.put("tools/call", {"name": "hang", "arguments": {}})
            await eventually(lambda: remote.hanging == 1)
            posts = len(remote.of("POST"))
            talking.tell("notifications/cancelled", {"requestId": number, "reason": "deadline"})
            await eventually(lambda: remote.cancelled == 1)
            assert len(remote.of("POST")) == posts
            assert (await talking.call("add", a=1, b=1))["result"]["content"][0]["text"] == "2"
            assert not any(message.get("id") == number for message in talking.heard())

    run(scenario())


def test_a_cancelled_request_of_the_old_era_is_cancelled_by_a_notification(run: Run) -> None:
    async def scenario() -> None:
        async with serve(legacy=True) as remote, talk(remote.url) as talking:
            await talking.greet()
            number = talking.put("tools/call", {"name": "hang", "arguments": {}}, modern=False)
            await eventually(lambda: remote.hanging == 1)
            posts = len(remote.of("POST"))
            talking.tell("notifications/cancelled", {"requestId": number, "reason": "deadline"})
            await eventually(lambda: remote.cancelled == 1)
            assert len(remote.of("POST")) == posts + 1

    run(scenario())


def test_a_stream_that_the_server_cuts_is_taken_up_where_it_ended(run: Run) -> None:
    async def scenario() -> None:
        async with serve(legacy=True, resumable=True) as remote, talk(remote.url) as talking:
            await talking.greet()
            called = await talking.call("cut", modern=False, a=20, b=22)
            assert called["result"]["content"][0]["text"] == "42"
            assert any("last-event-id" in seen.headers for seen in remote.of("GET"))

    run(scenario())


@pytest.mark.parametrize(
    ("get", "words"),
    [
        (lambda _, w: answer(w, b"", kind="text/event-stream"), "without a reply"),
        (lambda _, w: answer(w, status="503 Service Unavailable"), "without a reply"),
        (lambda _, w: answer(w, status="400 Bad Request"), "status 400"),
        (lambda _, w: answer(w, b"{}"), "with application/json"),
        (lambda _, w: w.close(), "without a reply"),
    ],
)
def test_a_stream_that_brings_nothing_is_given_up(run: Run, get: Write, words: str) -> None:
    async def scenario() -> None:
        def cut(_asked: Asked, writer: asyncio.StreamWriter) -> None:
            answer(writer, b"id: 5\nretry: 10\ndata\n\n", kind="text/event-stream")

        def resume(asked: Asked, writer: asyncio.StreamWriter) -> None:
            if "last-event-id" in asked.headers:
                get(asked, writer)
            else:
                answer(writer, status="405 Method Not Allowed")

        server_of = Legacy({"tools/call": writes(cut), "GET": writes(resume)})
        async with raw(server_of) as server, talk(server.url) as talking:
            await talking.greet()
            assert words in (await talking.call("x", modern=False))["error"]["message"]
            assert server.methods().count("tools/call") == 1
            assert {a.headers.get("last-event-id") for a in server.asked if a.method == "GET"} <= {None, "5"}

    run(scenario())


def test_a_request_is_never_posted_twice(run: Run) -> None:
    async def scenario() -> None:
        async with raw(writes(lambda _, writer: writer.close())) as server, talk(server.url) as talking:
            for _ in range(5):
                assert "broke off" in (await talking.call("pay"))["error"]["message"]
            assert server.methods() == ["tools/call"] * 5

    run(scenario())


def test_changes_are_told_on_the_stream_of_the_old_era(run: Run) -> None:
    async def scenario() -> None:
        async with serve(legacy=True) as remote, talk(remote.url) as talking:
            await talking.greet()
            await eventually(lambda: len(remote.of("GET")) == 1)
            await asyncio.sleep(0.05)
            await talking.call("grow", modern=False)
            await talking.record.until(lambda: talking.changes() == 1)
            assert remote.of("GET")[0].headers["accept"] == "text/event-stream"

    run(scenario())


def test_changes_are_told_on_the_subscription_of_the_new_era(run: Run) -> None:
    async def scenario() -> None:
        async with serve() as remote, talk(remote.url) as talking:
            await talking.ask("tools/list")
            talking.put("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
            await talking.record.line(1)
            await talking.call("grow")
            await talking.record.until(lambda: talking.changes() == 1)

    run(scenario())


def test_a_subscription_that_ends_is_made_again_and_nothing_is_missed(run: Run) -> None:
    async def scenario() -> None:
        async with serve() as remote, talk(remote.url) as talking:
            talking.put("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
            await talking.record.line()
            assert remote.listen is not None
            remote.listen.close()
            await talking.record.until(lambda: talking.changes() == 1)
            await eventually(lambda: len(remote.of("POST")) == 2)

    run(scenario())


@pytest.mark.parametrize(
    "write",
    [
        lambda _, w: answer(
            w, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"m"}}', status="404 Not Found"
        ),
        lambda _, w: answer(w, status="404 Not Found"),
        lambda _, w: answer(w, status="401 Unauthorized"),
    ],
)
def test_a_refused_subscription_is_not_made_again(run: Run, write: Write) -> None:
    async def scenario() -> None:
        async with raw(writes(write)) as server, talk(server.url) as talking:
            assert "error" in await talking.ask("subscriptions/listen")
            await asyncio.sleep(0.1)
            assert len(server.asked) == 1

    run(scenario())


def test_a_subscription_outlives_trouble_that_passes(run: Run) -> None:
    async def scenario() -> None:
        async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
            if len(server.asked) < 3:
                answer(writer, status="503 Service Unavailable")
                return
            begin(writer)
            chunk(writer, events(b'{"jsonrpc":"2.0","method":"notifications/x"}'))
            await asked.left()

        async with raw(behave) as server, talk(server.url) as talking:
            talking.put("subscriptions/listen")
            await talking.record.line(1)
            assert [message["method"] for message in talking.heard()] == [
                "notifications/tools/list_changed",
                "notifications/x",
            ]
            assert talking.child.stderr_tail().count("status 503") == 2

    run(scenario())


def test_a_stream_of_the_old_era_that_broke_is_opened_again_and_nothing_is_missed(run: Run) -> None:
    async def scenario() -> None:
        async def listen(asked: Asked, writer: asyncio.StreamWriter) -> None:
            count = server.methods().count("GET")
            if count == 1:
                writer.close()
            elif count == 2:
                answer(writer, b"retry: 20\nid: 9\ndata\n\n", kind="text/event-stream")
            else:
                begin(writer)
                await writer.drain()
                await asked.left()

        async with raw(Legacy({"GET": listen})) as server, talk(server.url) as talking:
            await talking.greet()
            await eventually(lambda: server.methods().count("GET") == 3)
            await asyncio.sleep(0.05)
            assert talking.changes() == 1
            gets = [asked.headers.get("last-event-id") for asked in server.asked if asked.method == "GET"]
            assert gets == [None, None, "9"]

    run(scenario())


@pytest.mark.parametrize(("status", "noted"), [("405 Method Not Allowed", False), ("501 Not Implemented", True)])
def test_a_server_need_not_have_a_stream(run: Run, status: str, *, noted: bool) -> None:
    async def scenario() -> None:
        refuse = writes(lambda _, writer: answer(writer, status=status))
        async with raw(Legacy({"GET": refuse})) as server, talk(server.url) as talking:
            await talking.greet()
            await eventually(lambda: "GET" in server.methods())
            assert "result" in await talking.ask("tools/list", modern=False)
            assert bool(talking.child.stderr_tail()) == noted

    run(scenario())


@pytest.mark.parametrize("method", ["tools/call", "GET", "notifications/x"])
def test_a_session_that_is_not_known_any_more_ends_the_child(run: Run, method: str) -> None:
    async def scenario() -> None:
        lost = writes(lambda _, writer: answer(writer, status="404 Not Found"))
        async with raw(Legacy({method: lost})) as server, talk(server.url) as talking:
            await talking.greet()
            talking.tell("notifications/x")
            talking.put("tools/call", {"name": "x"}, modern=False)
            assert await talking.record.end() == 1
            assert "has ended the session" in talking.child.stderr_tail()
            assert not any("error" in message for message in talking.heard())
        assert "DELETE" not in server.methods()

    run(scenario())


@pytest.mark.parametrize("known", [True, False])
def test_a_server_that_says_bad_request_is_asked_whether_it_knows_the_session(run: Run, *, known: bool) -> None:
    async def scenario() -> None:
        body = b'{"jsonrpc":"2.0","error":{"code":-32000,"message":"No valid session"},"id":null}'
        bad = writes(lambda _, writer: answer(writer, body, status="400 Bad Request"))
        others = {"tools/call": bad} if known else {"tools/call": bad, "ping": bad}
        async with raw(Legacy(others)) as server, talk(server.url) as talking:
            await talking.greet()
            number = talking.put("tools/call", {"name": "x"}, modern=False)
            if known:
                assert (await talking.reply(number))["error"]["message"] == "No valid session"
            else:
                assert await talking.record.end() == 1
            assert server.methods().count("ping") == 1

    run(scenario())


@pytest.mark.parametrize("known", [True, False])
def test_a_stream_that_is_a_bad_request_raises_the_same_doubt(run: Run, *, known: bool) -> None:
    async def scenario() -> None:
        bad = writes(lambda _, writer: answer(writer, status="400 Bad Request"))
        others = {"GET": bad} if known else {"GET": bad, "ping": bad}
        async with raw(Legacy(others)) as server, talk(server.url) as talking:
            await talking.greet()
            await eventually(lambda: "ping" in server.methods())
            if known:
                assert "result" in await talking.ask("tools/list", modern=False)
                assert "no stream of notifications" in talking.child.stderr_tail()
            else:
                assert await talking.record.end() == 1

    run(scenario())


def test_a_remote_that_was_started_anew_ends_the_child(run: Run) -> None:
    async def scenario() -> None:
        async with serve(legacy=True) as remote:
            talking = await open_talk(remote.url)
            await talking.greet()
            await talking.ask("tools/list", modern=False)
        async with serve(legacy=True, port=remote.port):
            assert await talking.record.end() == 1

    run(scenario())
