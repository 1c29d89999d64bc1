"""Connections: to judged addresses alone, in time, over TLS that is checked."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import httpcore2
import pytest

from mcphub_gitops.runtime.network import address, connection
from mcphub_gitops.runtime.network.address import Place
from mcphub_gitops.runtime.network.connection import Network, Resolve
from mcphub_gitops.runtime.network.trouble import UnreachableError
from tests.runtime.engines.children import eventually
from tests.runtime.engines.conftest import Run
from tests.support.remote_raw import Asked, answer, listening, raw
from tests.support.remote_sdk import certify


def place(port: int, host: str = "127.0.0.1", *, secure: bool = False, private: bool = True) -> Place:
    return Place(secure=secure, host=host, port=port, target="/", private=private)


def answers(*addresses: str) -> Resolve:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


def network_for(
    where: Place, *, resolve: Resolve = connection.resolve, tls: ssl.SSLContext | None = None, seconds: float = 5
) -> Network:
    return Network(where, tls=tls, resolve=resolve, seconds=seconds)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


def test_what_is_written_comes_back_in_order(run: Run) -> None:
    async def scenario() -> None:
        async with listening(echo) as port:
            stream = await network_for(place(port)).connect()
            await stream.write(b"head ")
            await stream.write(b"body")
            assert not stream.get_extra_info("is_readable")
            assert await stream.read(6) == b"head b"
            assert stream.get_extra_info("is_readable")
            assert await stream.read(100) == b"ody"
            assert stream.get_extra_info("socket") is None
            await stream.aclose()
            await eventually(lambda: stream.get_extra_info("is_readable"))
            assert await stream.read(100) == b""

    run(scenario())


def test_a_flood_is_held_back_until_it_is_read(run: Run) -> None:
    async def scenario() -> None:
        sent = 0

        async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            while sent < 64 * 1024**2:
                writer.write(b"x" * 65536)
                await writer.drain()
                sent += 65536

        async with listening(flood) as port:
            stream = await network_for(place(port)).connect()
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.05)
            assert sent < 32 * 1024**2
            for _ in range(200):
                assert await stream.read(65536)
            await eventually(lambda: sent > before)
            await stream.aclose()

    run(scenario())


def test_who_does_not_read_or_write_is_waited_for_no_longer_than_said(run: Run) -> None:
    async def scenario() -> None:
        async def deaf(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await asyncio.Event().wait()

        async with listening(deaf) as port:
            stream = await network_for(place(port)).connect()
            with pytest.raises(httpcore2.ReadTimeout):
                await stream.read(1, timeout=0.05)
            with pytest.raises(httpcore2.WriteTimeout):
                await stream.write(b"POST / HTTP/1.1\r\n\r\n" + b"x" * 32 * 1024**2, timeout=0.05)
            await stream.aclose()

    run(scenario())


def test_a_name_is_connected_to_at_its_allowed_addresses_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with raw(respond) as server:
            where = place(server.port, "docs.example", secure=False, private=True)
            monkeypatch.setattr(address, "is_public", lambda found: found == ip_address("127.0.0.2"))
            stream = await network_for(where, resolve=answers("127.0.0.2", "127.0.0.1")).connect()
            await stream.aclose()
            await eventually(lambda: server.connections == 1)
            with pytest.raises(UnreachableError, match=r"127\.0\.0\.2 is a public address, and plain HTTP"):
                await network_for(where, resolve=answers("127.0.0.2")).connect()

    run(scenario())


async def respond(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    answer(writer, b"{}")


def test_a_name_that_turns_private_is_never_connected_to(run: Run) -> None:
    async def scenario() -> None:
        async with raw(respond) as server:
            answered: list[str] = []

            async def rebind(_host: str, _port: int) -> Sequence[str]:
                answered.append("")
                return ["192.0.2.1"] if len(answered) == 1 else ["127.0.0.1"]

            for _ in range(3):
                where = place(server.port, "docs.example", secure=True, private=False)
                with pytest.raises(UnreachableError, match="not a public address") as raised:
                    await network_for(where, resolve=rebind, tls=ssl.create_default_context()).connect()
                assert raised.value.lasting
            assert server.connections == 0

    run(scenario())


def test_the_peer_is_judged_whatever_the_resolver_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with raw(respond) as server:
            verdicts = iter([True, False])
            monkeypatch.setattr(address, "is_public", lambda _found: next(verdicts))
            where = place(server.port, "docs.example", secure=True, private=False)
            with pytest.raises(UnreachableError, match=r"127\.0\.0\.1 is not a public address"):
                await network_for(where, resolve=answers("127.0.0.1"), tls=ssl.create_default_context()).connect()
            assert server.asked == []

    run(scenario())


def test_addresses_are_tried_in_turn(run: Run) -> None:
    async def scenario() -> None:
        async with raw(respond) as server:
            where = place(server.port, "docs.example")
            stream = await network_for(where, resolve=answers("127.0.0.9", "::1", "127.0.0.1")).connect()
            await stream.aclose()
            with pytest.raises(UnreachableError, match=r"at ::1 .*; at 127\.0\.0\.9 Connection refused") as raised:
                await network_for(where, resolve=answers("::1", "127.0.0.9")).connect()
            assert not raised.value.lasting

    run(scenario())


def test_a_name_without_addresses_cannot_be_reached(run: Run) -> None:
    async def scenario() -> None:
        with pytest.raises(UnreachableError, match="it has no address"):
            await network_for(place(1, "docs.example"), resolve=answers()).connect()

    run(scenario())


@pytest.mark.parametrize(
    ("problem", "lasting", "words"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), False, "Temporary failure"),
        (socket.gaierror(socket.EAI_NONAME, "Name not known"), True, "Name not known"),
        (OSError(24, "Too many open files"), False, "Too many open files"),
    ],
)
def test_a_name_that_cannot_be_resolved_is_told(run: Run, problem: OSError, words: str, *, lasting: bool) -> None:
    async def scenario() -> None:
        async def fail(_host: str, _port: int) -> Sequence[str]:
            raise problem

        with pytest.raises(UnreachableError, match=words) as raised:
            await network_for(place(1, "docs.example"), resolve=fail).connect()
        assert raised.value.lasting == lasting

    run(scenario())


def test_a_resolver_or_a_connection_without_end_is_given_up(run: Run) -> None:
    async def scenario() -> None:
        async def stall(_host: str, _port: int) -> Sequence[str]:
            await asyncio.Event().wait()
            return []

        with pytest.raises(UnreachableError, match=r"within 0\.05 s"):
            await network_for(place(1, "docs.example"), resolve=stall, seconds=0.05).connect()
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            # The kernel answers one connection more than the backlog, and lets further ones wait.
            fillers = [socket.socket() for _ in range(3)]
            for filler in fillers:
                filler.settimeout(0)
                filler.connect_ex(full.getsockname())
            with pytest.raises(UnreachableError, match="cannot be reached"):
                await network_for(place(full.getsockname()[1]), seconds=0.1).connect()
            for filler in fillers:
                filler.close()

    run(scenario())


def test_the_systems_resolver_knows_this_machine(run: Run) -> None:
    assert set(run(connection.resolve("localhost", 80))) <= {"127.0.0.1", "::1"}


def test_a_place_is_spoken_to_over_tls_under_its_own_name(run: Run, tmp_path: Path) -> None:
    public, private, trust = certify(tmp_path, "docs.example")
    names: list[str | None] = []

    async def scenario() -> None:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(public, private)
        server.sni_callback = lambda _socket, name, _context: names.append(name)
        async with listening(echo, tls=server) as port:
            where = place(port, "docs.example", secure=True)
            stream = await network_for(where, resolve=answers("127.0.0.1"), tls=trust).connect()
            assert await stream.start_tls(trust, "anything") is stream
            await stream.write(b"hello")
            assert await stream.read(10) == b"hello"
            await stream.aclose()
            other = place(port, "other.example", secure=True)
            with pytest.raises(UnreachableError, match=r"certificate is refused: Hostname mismatch") as raised:
                await network_for(other, resolve=answers("127.0.0.1"), tls=trust).connect()
            assert raised.value.lasting
            with pytest.raises(UnreachableError, match=r"certificate is refused: self.signed certificate"):
                await network_for(where, resolve=answers("127.0.0.1"), tls=ssl.create_default_context()).connect()

    run(scenario())
    assert names == ["docs.example", "other.example", "docs.example"]


def test_what_speaks_no_tls_is_told(run: Run) -> None:
    async def scenario() -> None:
        async def plain(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            await asyncio.Event().wait()

        for behave, words in ((plain, "offers no usable TLS"), (silent, "no answer in time")):
            async with listening(behave) as port:
                where = place(port, secure=True)
                with pytest.raises(UnreachableError, match=words) as raised:
                    await network_for(where, tls=ssl.create_default_context(), seconds=0.3).connect()
                assert not raised.value.lasting

    run(scenario())
