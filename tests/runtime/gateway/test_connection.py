"""What strangers do to a connection: slow, large, broken, and gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from mcphub_gitops.runtime.gateway.connection import Bounds, Joined
from tests.support.gateway_fakes import FakeSpawner, Manners
from tests.support.gateway_hub import TOKEN, Running, echo_entry, gateway, generation_of, modern_request, on_loop, until

SHORT = Bounds(head_seconds=0.2, body_seconds=0.4, write_seconds=0.2, connections=20)
HEAD = "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer " + TOKEN + "\r\n"


class Hanging(FakeSpawner):
    """Children that answer everything but the tool `hang`."""

    def __init__(self) -> None:
        super().__init__(Manners(pages={None: (["echo", "hang"], None)}))


@asynccontextmanager
async def served(bounds: Bounds = SHORT, spawner: FakeSpawner | None = None) -> AsyncIterator[Running]:
    entry = echo_entry(tools=["echo", "hang"])
    async with gateway(generation_of(entry), spawner=spawner or Hanging(), bounds=bounds, drain=1) as running:
        yield running


class Stranger:
    """A bare socket: sends what it is told, and says how it ended."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self._reader = reader
        self.writer = writer
        self._port = port

    def send(self, text: str | bytes) -> None:
        data = text if isinstance(text, bytes) else text.replace("{port}", str(self._port)).encode("latin-1")
        self.writer.write(data)

    async def end(self) -> bytes:
        """Return all that the server says until it closes the connection."""
        async with asyncio.timeout(5):
            try:
                return await self._reader.read()
            except ConnectionResetError:
                return b""

    async def status(self) -> int:
        """Return the status of the last answer, after which the server closes the connection; 0 without one."""
        said = await self.end()
        return int(said.rpartition(b"HTTP/1.1 ")[2].split()[0]) if said else 0

    async def next_status(self) -> int:
        """Return the status of the next answer on a connection that stays open."""
        async with asyncio.timeout(5):
            head = await self._reader.readuntil(b"\r\n\r\n")
            _, _, length = head.partition(b"content-length: ")
            await self._reader.readexactly(int(length.split()[0]) if length else 0)
        return int(head.split()[1])


@asynccontextmanager
async def stranger(running: Running) -> AsyncIterator[Stranger]:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    try:
        yield Stranger(reader, writer, running.port)
    finally:
        writer.close()


def heard(spawner: FakeSpawner) -> list[str]:
    """Return the methods of all that the children were sent; nothing while there are none."""
    return [method for child in spawner.children for method in child.methods()]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def alive(running: Running) -> bool:
    async with running.client() as client:
        return (await client.modern("tools/list")).status == 200


@on_loop
async def test_the_head_and_the_body_of_an_answer_go_out_together_and_a_lone_piece_soon() -> None:
    writes: list[bytes] = []

    class Wire(asyncio.Transport):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            writes.append(bytes(data))

    joined = Joined(asyncio.get_running_loop(), Wire())
    joined.write(b"head,")
    joined.write(b"body")
    assert writes == [b"head,body"]
    joined.write(b"lone")
    await asyncio.sleep(0)
    assert writes == [b"head,body", b"lone"]


@on_loop
async def test_a_head_that_does_not_end_is_closed_at_its_deadline() -> None:
    async with served() as running, stranger(running) as silent, stranger(running) as slow, stranger(running) as half:
        slow.send("P")
        half.send(HEAD)
        assert await silent.status() == 0
        assert await slow.status() == 408
        assert await half.status() == 408
        assert await alive(running)


@on_loop
async def test_a_head_that_trickles_is_closed_at_its_deadline_all_the_same() -> None:
    async with served() as running, stranger(running) as slow:
        before = asyncio.get_running_loop().time()

        async def trickle() -> None:
            slow.send(HEAD)
            while True:
                slow.send("X: y\r\n")
                await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(trickle())
            assert await slow.status() in {408, 0}
            task.cancel()
        assert 0.15 < asyncio.get_running_loop().time() - before < 1.5


@on_loop
async def test_many_half_open_heads_are_all_closed_and_hurt_nobody() -> None:
    async with served(Bounds(head_seconds=1)) as running:
        reached = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(200)]
        for _, writer in reached:
            writer.write(b"POST /mcp HTTP/1.1\r\nHost")
        assert await alive(running)
        async with asyncio.timeout(3):
            said = await asyncio.gather(*(reader.read() for reader, _ in reached))
        assert all(b" 408 " in answer for answer in said)
        for _, writer in reached:
            writer.close()


@on_loop
async def test_a_body_that_does_not_end_is_closed_at_its_deadline() -> None:
    async with served() as running, stranger(running) as slow:
        slow.send(HEAD + "Content-Length: 100\r\n\r\n{")
        assert await slow.status() == 408
        assert await alive(running)


@on_loop
async def test_a_body_that_trickles_in_chunks_is_closed_at_its_deadline_all_the_same() -> None:
    async with served() as running, stranger(running) as slow:

        async def trickle() -> None:
            slow.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n")
            while True:
                slow.send("1\r\n \r\n")
                await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(trickle())
            assert await slow.status() in {408, 0}
            task.cancel()


@on_loop
async def test_the_rest_of_a_refused_body_is_waited_for_no_longer_than_of_any_other() -> None:
    async with served() as running, stranger(running) as large:
        large.send(HEAD + "Content-Length: 100000000\r\n\r\n")
        assert await large.status() == 413
        assert await alive(running)


@on_loop
async def test_a_connection_can_be_used_again_and_each_request_has_its_own_deadline() -> None:
    async with served() as running, stranger(running) as client:
        for _ in range(3):
            client.send(HEAD + "Content-Length: 2\r\n\r\n")
            await asyncio.sleep(0.15)
            client.send("{}")
            assert await client.next_status() == 400
            await asyncio.sleep(0.1)
        client.send("\r\n")
        assert await client.status() in {408, 400}


BROKEN = {
    "X: " + "y" * 20_000 + "\r\n\r\n": 431,
    "".join(f"X{number}: y\r\n" for number in range(101)) + "\r\n": 431,
    "X: " + "y" * 300_000: 431,
    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": 400,
    "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}": 400,
    "Content-Length: -1\r\n\r\n": 400,
    "Content-Length: 1_0\r\n\r\n": 400,
    "Transfer-Encoding: chunked, gzip\r\n\r\n": 400,
    "Transfer-Encoding: chunked\r\n\r\nxyz\r\n": 400,
    "X: y\r\n folded\r\n\r\n": 400,
    "X : y\r\n\r\n": 400,
    "X: a\x00b\r\n\r\n": 400,
    "X: y\nContent-Length: 0\n\n": 400,
}


@on_loop
async def test_a_broken_or_oversized_head_is_refused_and_the_connection_closed() -> None:
    async with served() as running:
        for head, status in BROKEN.items():
            async with stranger(running) as client:
                client.send(HEAD + head)
                assert await client.status() == status, head[:80]
        assert await alive(running)


@on_loop
async def test_what_is_no_plain_request_is_refused() -> None:
    async with served() as running:
        for line in ("POST http://evil.example/mcp HTTP/1.1", "OPTIONS * HTTP/1.1", "PRI * HTTP/2.0", "GET", "\x16"):
            async with stranger(running) as client:
                client.send(line + "\r\nHost: 127.0.0.1:{port}\r\n\r\n")
                assert await client.status() == 400, line


@on_loop
async def test_a_trailer_is_no_header() -> None:
    async with served() as running, stranger(running) as client:
        client.send("POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(f"1\r\n \r\n0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n")
        assert await client.next_status() == 401


@on_loop
async def test_a_trailer_of_the_same_segment_is_no_header_either() -> None:
    async with served() as running, stranger(running) as client:
        client.send(
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\n"
            f"1\r\n \r\n0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        )
        assert await client.next_status() == 401


@on_loop
async def test_an_upgrade_is_not_made() -> None:
    async with served() as running, stranger(running) as client:
        client.send(HEAD + "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{}")
        assert await client.next_status() == 400


@on_loop
async def test_one_connection_too_many_is_turned_away() -> None:
    async with served(Bounds(connections=3)) as running:
        reached = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(3)]
        async with stranger(running) as one_more:
            assert await one_more.status() == 503
        for _, writer in reached:
            writer.close()

        async def again() -> bool:
            try:
                return await alive(running)
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return False

        async with asyncio.timeout(5):
            while not await again():  # noqa: ASYNC110  (the server sees the closed connections when it does)
                await asyncio.sleep(0.01)


@on_loop
async def test_a_client_that_does_not_read_its_answer_is_cut_off() -> None:
    def flood(child: object, message: dict[str, object]) -> None:
        if message.get("method") == "tools/call":
            spawner.children[0].reply(message, {"content": [{"type": "text", "text": "x" * 16_000_000}]})
        else:
            Manners()(spawner.children[0], message)
        del child

    spawner = FakeSpawner(flood)
    async with served(spawner=spawner) as running:
        async with stranger(running) as deaf:
            body, headers = modern_request("tools/call", {"name": "echo"})
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            transport = cast("asyncio.Transport", deaf.writer.transport)
            transport.pause_reading()
            deaf.send(HEAD + lines + f"Content-Length: {len(body)}\r\n\r\n" + body.decode())
            await until(lambda: "tools/call" in heard(spawner))
            await asyncio.sleep(0.5)
            transport.resume_reading()
            assert len(await deaf.end()) < 16_000_000
        assert await alive(running)


@on_loop
async def test_a_client_that_goes_away_cancels_its_call() -> None:
    spawner = Hanging()
    async with served(Bounds(), spawner) as running:
        async with running.client() as client:
            body, headers = modern_request("tools/call", {"name": "hang"})
            client.put("POST", body, headers=headers)
            await until(lambda: "tools/call" in heard(spawner))
        await until(lambda: heard(spawner)[-1] == "notifications/cancelled")
        assert await alive(running)


@on_loop
async def test_requests_sent_ahead_are_answered_in_their_order() -> None:
    async with served(Bounds()) as running, running.client() as client:
        for number in range(10):
            body, headers = modern_request("tools/call", {"name": "echo"}, identity=number)
            client.put("POST", body, headers=headers)
        assert [(await client.receive()).json["id"] for _ in range(10)] == list(range(10))


@on_loop
async def test_the_body_of_one_request_does_not_count_for_the_head_of_the_next() -> None:
    async with served(Bounds()) as running, stranger(running) as client:
        client.send(HEAD + "Content-Length: 20000\r\n\r\n" + " " * 20_000 + HEAD)
        assert await client.next_status() == 400
        client.send("Content-Length: 2\r\n\r\n{}")
        assert await client.next_status() == 400
        client.send(HEAD + "X: " + "y" * 20_000 + "\r\n\r\n")
        assert await client.status() == 431


@on_loop
async def test_a_client_that_asks_first_whether_to_send_is_told_to() -> None:
    async with served(Bounds()) as running, stranger(running) as client:
        client.send(HEAD + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await client.next_status() == 100
        client.send("{}")
        assert await client.next_status() == 400


@on_loop
async def test_a_head_request_has_no_body() -> None:
    async with served(Bounds()) as running, stranger(running) as client:
        client.send("HEAD /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said = await client.end()
        assert said.startswith(b"HTTP/1.1 200 ")
        assert said.endswith(b"\r\n\r\n")


@on_loop
async def test_a_thousand_abrupt_ends_leave_nothing_behind() -> None:
    async with served(Bounds()) as running:
        body, headers = modern_request("tools/call", {"name": "hang"})
        assert await alive(running)
        tasks, files = len(asyncio.all_tasks()), descriptors()
        for number in range(1000):
            async with running.client() as client:
                length = {"content-length": str(len(body))}
                client.put("POST", body[: number % (len(body) + 1)], headers={**headers, **length})
        assert await alive(running)
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
        await until(lambda: descriptors() <= files + 1)


@on_loop
async def test_a_coding_that_is_not_read_is_refused() -> None:
    async with served() as running, stranger(running) as client:
        client.send(HEAD + "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        assert await client.next_status() == 400


@on_loop
async def test_a_length_with_thousands_of_zeros_is_a_length() -> None:
    async with served() as running, stranger(running) as client:
        client.send(HEAD + f"Content-Length: {'0' * 5000}2\r\n\r\n{{}}")
        assert await client.next_status() == 400


@on_loop
async def test_trailers_without_end_are_not_kept() -> None:
    async with served() as running, stranger(running) as client:
        client.send(HEAD + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
        client.send("a: b\r\n" * 200_000)
        assert await client.next_status() == 431


@pytest.mark.parametrize("wish", ["h2c", "websocket"])
@on_loop
async def test_a_wish_for_another_protocol_is_ignored_and_the_body_kept(wish: str) -> None:
    body, headers = modern_request("tools/call", {"name": "echo"})
    head = HEAD + f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {wish}\r\nHTTP2-Settings: AAMA\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    chunked = f"Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    plain = f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    async with served(Bounds()) as running, stranger(running) as client:
        raw = head.replace("{port}", str(running.port)).encode()
        for rest in (plain, chunked):
            client.send(raw + rest)
            assert await client.next_status() == 200
            client.send(raw)
            await asyncio.sleep(0.02)
            client.send(rest)
            assert await client.next_status() == 200
        client.send((raw + plain) * 3)
        assert [await client.next_status() for _ in range(3)] == [200] * 3


@on_loop
async def test_thousands_of_such_wishes_in_one_piece_are_each_answered() -> None:
    wish = b"GET /health HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    async with served(Bounds()) as running, stranger(running) as client:
        client.send(wish * 2000)
        assert [await client.next_status() for _ in range(2000)] == [200] * 2000


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("POST /mcp HTTP/2.0", 505),
        ("GET /health HTTP/0.9", 505),
        ("GET /health", 505),
        ("GET /health HTTP/3.7", 400),
        ("PRI * HTTP/2.0", 400),
        ("GET /health#top HTTP/1.1", 400),
        ("GET # HTTP/1.1", 400),
        ("CONNECT /health HTTP/1.1", 400),
        ("CONNECT localhost:80 HTTP/1.1", 400),
        ("GET http://localhost/health HTTP/1.1", 400),
        ("GET /health HTTP/1.0", 200),
    ],
)
@on_loop
async def test_a_first_line_that_is_not_of_http_1_is_refused(line: str, status: int) -> None:
    async with served() as running, stranger(running) as client:
        client.send(f"{line}\r\nHost: localhost\r\n\r\n")
        assert await client.status() == status
