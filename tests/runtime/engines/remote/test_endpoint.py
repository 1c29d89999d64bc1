"""HTTP with one server: what is sent, and what is taken."""

import asyncio
import gzip
import logging
from collections.abc import Callable
from contextlib import aclosing

import pytest

from mcphub_gitops.runtime.engines.remote.endpoint import Endpoint, check_headers
from mcphub_gitops.runtime.engines.remote.trouble import OverrunError, Trouble
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.network import connection
from mcphub_gitops.runtime.network.address import place_of
from mcphub_gitops.runtime.network.connection import Network
from mcphub_gitops.runtime.ports import RemoteSpec
from tests.runtime.engines.children import eventually
from tests.runtime.engines.conftest import Run
from tests.support.remote_raw import Asked, Behaviour, answer, begin, chunk, raw, stream


def endpoint(url: str, **headers: str) -> Endpoint:
    place = place_of(url, whose="docs", private=True)
    way = Network(place, tls=None, resolve=connection.resolve, seconds=5)
    return Endpoint(place, headers=headers, network=way, tls=None, connections=4)


def writes(write: Callable[[asyncio.StreamWriter], object]) -> Behaviour:
    async def behave(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        write(writer)

    return behave


async def body_of(behave: Behaviour, *, limit: int = 1000) -> bytes:
    async with raw(behave) as server:
        way = endpoint(server.url)
        try:
            async with way.open("POST", {}, b"{}") as found:
                return await found.body(limit)
        finally:
            await way.close()


def test_a_request_carries_what_belongs_to_it_and_reuses_its_connection(run: Run) -> None:
    async def scenario() -> None:
        async with raw(writes(lambda writer: answer(writer, b"[]", kind="Application/JSON; charset=utf-8"))) as server:
            way = endpoint(server.url + "?key=a%20b", Authorization="Bearer x", **{"X-Empty": ""})
            for number in range(3):
                async with way.open("POST", {"Mcp-Method": "ping"}, b'{"n":%d}' % number) as found:
                    assert (found.status, found.good, found.content_type) == (200, True, "application/json")
                    assert await found.body(2) == b"[]"
            async with way.open("DELETE", {}) as found:
                assert found.header(b"nothing") == ""
            await way.close()
            assert server.connections == 1
            first, last = server.asked[0], server.asked[-1]
            assert (first.target, first.message) == ("/mcp?key=a%20b", {"n": 0})
            assert first.headers == {
                "host": f"127.0.0.1:{server.port}",
                "accept-encoding": "identity",
                "authorization": "Bearer x",
                "x-empty": "",
                "user-agent": "mcphub",
                "mcp-method": "ping",
                "content-length": "7",
            }
            assert "content-length" not in last.headers

    run(scenario())


def test_no_proxy_of_the_environment_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert run(body_of(writes(lambda writer: answer(writer, b"{}")))) == b"{}"


def test_an_answer_that_is_left_early_closes_its_connection(run: Run) -> None:
    async def scenario() -> None:
        async def begun(asked: Asked, writer: asyncio.StreamWriter) -> None:
            begin(writer)
            chunk(writer, b"data: 1\n\n")
            await asked.left()

        async with raw(begun) as server:
            way = endpoint(server.url)
            async with way.open("POST", {}, b"{}") as found, aclosing(found.chunks()) as chunks:
                assert await anext(chunks) == b"data: 1\n\n"
                assert server.open == 1
            await eventually(lambda: server.open == 0)
            await way.close()

    run(scenario())


def test_an_idle_connection_that_the_server_closed_or_spoke_on_is_not_used_again(run: Run) -> None:
    async def scenario() -> None:
        async def behave(asked: Asked, writer: asyncio.StreamWriter) -> None:
            answer(writer, b"{}")
            await writer.drain()
            if asked.message["n"] == 0:
                await asyncio.sleep(0.01)
                writer.write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
            if asked.message["n"] == 1:
                writer.close()

        async with raw(behave) as server:
            way = endpoint(server.url)
            for number in range(3):
                async with way.open("POST", {}, b'{"n":%d}' % number) as found:
                    assert found.status == 200
                    await found.body(10)
                await asyncio.sleep(0.05)
            await way.close()
            assert server.connections == 3
            assert len(server.asked) == 3

    run(scenario())


@pytest.mark.parametrize(
    "write",
    [
        lambda writer: answer(writer, b"x" * 1001),
        lambda writer: writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"),
        lambda writer: stream(writer, *[b"x" * 500] * 3),
    ],
)
def test_a_body_over_the_limit_is_not_read_on(run: Run, write: Callable[[asyncio.StreamWriter], object]) -> None:
    with pytest.raises(OverrunError):
        run(body_of(writes(write)))


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP", "gzip, gzip"])
def test_a_compressed_answer_is_not_unpacked(run: Run, encoding: str) -> None:
    bomb = gzip.compress(gzip.compress(bytes(1024**2)))
    with pytest.raises(Trouble, match="compressed its answer"):
        run(body_of(writes(lambda writer: answer(writer, bomb, headers={"content-encoding": encoding}))))


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "broke off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "broke off, or does not speak HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "broke off"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "broke off"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, "broke off"),
        (b"HTTP/1.1 200 OK\r\nx: y\r\n" * 20_000, "broke off"),
    ],
)
def test_what_is_no_answer_is_told(run: Run, sent: bytes, words: str) -> None:
    def write(writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        writer.close()

    with pytest.raises(Trouble, match=words):
        run(body_of(writes(write)))


def test_a_cancelled_request_leaves_no_connection(run: Run) -> None:
    async def scenario() -> None:
        async def stall(asked: Asked, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nx: ")
            await asked.left()

        async with raw(stall) as server:
            way = endpoint(server.url)

            async def ask() -> None:
                async with way.open("POST", {}, b"{}"):
                    pytest.fail("there is no answer")

            async with asyncio.TaskGroup() as group:
                task = group.create_task(ask())
                await eventually(lambda: len(server.asked) == 1)
                task.cancel()
            await eventually(lambda: server.open == 0)
            await way.close()

    run(scenario())


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({"X Y": "s3cret"}, "no name of a header"),
        ({"X\r\nY": "s3cret"}, "no name of a header"),
        ({"": "s3cret"}, "no name of a header"),
        ({"Host": "s3cret"}, "Host is set by mcphub"),
        ({"Content-Length": "s3cret"}, "Content-Length is set by mcphub"),
        ({"MCP-Session-Id": "s3cret"}, "MCP-Session-Id is set by mcphub"),
        ({"Last-Event-ID": "s3cret"}, "Last-Event-ID is set by mcphub"),
        ({"X-Key": "s3cret", "x-key": "s3cret"}, "stands there twice"),
        ({"X-Key": "s3cret\n"}, "The value of X-Key"),
        ({"X-Key": " s3cret"}, "The value of X-Key"),
        ({"X-Key": "s3cret\r\nHost: x"}, "The value of X-Key"),
        ({"X-Key": "s3cret\u00e9"}, "The value of X-Key"),
        ({"X-Key": "s3cret\x00"}, "The value of X-Key"),
    ],
)
def test_headers_that_cannot_be_sent_are_refused_without_their_values(headers: dict[str, str], detail: str) -> None:
    with pytest.raises(RuntimeFailure) as raised:
        check_headers(RemoteSpec(server="docs", url="https://docs.example", headers=headers))
    failure = raised.value
    assert detail in failure.detail
    assert "s3cret" not in f"{failure.brief}{failure.detail}{failure.resolution}{failure!r}"


def test_usual_headers_can_be_sent() -> None:
    headers = {"Authorization": "Bearer a b\tc", "X-Api-Key": "k", "User-Agent": "x", "Cookie": "a=b; c=d"}
    check_headers(RemoteSpec(server="docs", url="https://docs.example", headers=headers))


def test_the_library_logs_no_header_even_where_everything_is_logged(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        headers = {"mcp-session-id": "s3cret"}
        run(body_of(writes(lambda writer: answer(writer, b"{}", headers=headers))))
    assert "s3cret" not in caplog.text
