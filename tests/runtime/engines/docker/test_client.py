"""The client against scripted answers; tests/engine has it speak to real engines."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcphub_gitops.runtime.engines.docker.client import Client, RefusedError, socket_of
from mcphub_gitops.runtime.failure import RuntimeFailure
from tests.runtime.engines.conftest import Run, run

__all__ = ["run"]

PONG = b"HTTP/1.1 200 OK\r\nApi-Version: %s\r\nContent-Length: 2\r\n\r\nOK"


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({}, "/var/run/docker.sock"),
        ({"DOCKER_HOST": ""}, "/var/run/docker.sock"),
        ({"DOCKER_HOST": "unix:///run/user/1000/docker.sock"}, "/run/user/1000/docker.sock"),
    ],
)
def test_the_socket_is_where_the_environment_says(environment: dict[str, str], path: str) -> None:
    assert socket_of(environment) == path


@pytest.mark.parametrize(
    "host", ["tcp://user:hunter2@10.0.0.1:2375", "ssh://me@there", "/var/run/docker.sock", "unix://relative"]
)
def test_an_engine_elsewhere_is_refused_without_repeating_the_address(host: str) -> None:
    with pytest.raises(RuntimeFailure, match="DOCKER_HOST") as raised:
        socket_of({"DOCKER_HOST": host})
    assert "hunter2" not in raised.value.brief + raised.value.detail
    assert "unix:///PATH" in raised.value.resolution


@asynccontextmanager
async def scripted(path: Path, *answers: bytes, version: bytes = b"1.41") -> AsyncIterator[tuple[Client, list[bytes]]]:
    """Yield a client of a socket that pongs, then gives each connection one of `answers`, byte by byte."""
    asked: list[bytes] = []
    left = [PONG % version, *answers]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.partition(b"\r\n")[0])
        for byte in left.pop(0):
            writer.write(bytes((byte,)))
            await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(answer, str(path / "s"))
    async with server:
        yield Client(str(path / "s"), patience=5), asked


def asking(path: Path, *answers: bytes, version: bytes = b"1.41") -> Coroutine[Any, Any, tuple[Any, list[bytes]]]:
    async def ask() -> tuple[Any, list[bytes]]:
        async with scripted(path, *answers, version=version) as (client, asked):
            return await client.ask("GET", "/x", query={"all": True, "name": "a b"}), asked

    return ask()


@pytest.mark.parametrize(
    ("offered", "used"), [(b"1.41", b"1.41"), (b"1.44", b"1.44"), (b"1.51", b"1.51"), (b"1.99", b"1.51")]
)
def test_the_newest_version_that_both_know_is_spoken(run: Run, tmp_path: Path, offered: bytes, used: bytes) -> None:
    body = b'{"a": 1}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    document, asked = run(asking(tmp_path, answer, version=offered))
    assert document == {"a": 1}
    assert asked == [b"GET /_ping HTTP/1.1", b"GET /v%b/x?all=true&name=a+b HTTP/1.1" % used]


def test_an_engine_that_is_too_old_is_told(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="too old") as raised:
        run(asking(tmp_path, version=b"1.40"))
    assert "1.40" in raised.value.detail


def test_an_answer_in_chunks_is_put_together(run: Run, tmp_path: Path) -> None:
    answer = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n4\r\n [1]\r\n1\r\n}\r\n0\r\n\r\n'
    assert run(asking(tmp_path, answer))[0] == {"a": [1]}


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_an_answer_without_a_body_is_nothing(run: Run, tmp_path: Path, status: bytes) -> None:
    assert run(asking(tmp_path, b"HTTP/1.1 %b\r\n\r\n" % status))[0] is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"message":"No such container"}', "No such container"),
        (b"plain words\n", "plain words"),
        (b"[]", "status 404"),
    ],
)
def test_a_refusal_is_the_engines_own_word(run: Run, tmp_path: Path, body: bytes, message: str) -> None:
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with pytest.raises(RefusedError) as raised:
        run(asking(tmp_path, answer))
    assert (raised.value.status, raised.value.message, raised.value.retryable) == (404, message, False)


@pytest.mark.parametrize(
    ("answer", "brief"),
    [
        (b"", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", "broke off"),
        (b"220 ready for mail\r\n\r\n", "no Docker engine"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{", "cannot be read"),
    ],
)
def test_what_is_no_answer_is_a_failure(run: Run, tmp_path: Path, answer: bytes, brief: str) -> None:
    with pytest.raises(RuntimeFailure, match=brief):
        run(asking(tmp_path, answer))


@pytest.mark.parametrize("version", [b"", b"new", b"1.2.3"])
def test_what_has_no_version_is_no_engine(run: Run, tmp_path: Path, version: bytes) -> None:
    with pytest.raises(RuntimeFailure, match="no Docker engine"):
        run(asking(tmp_path, version=version))


def test_a_connection_that_changes_hands_keeps_what_came_early(run: Run, tmp_path: Path) -> None:
    async def upgrade() -> tuple[bytes, bytes]:
        answer = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly"
        async with scripted(tmp_path, answer) as (client, _):
            connection, begun = await client.upgrade("/attach")
            with connection:
                while chunk := await asyncio.get_running_loop().sock_recv(connection, 100):
                    begun += chunk
            return begun, b""

    assert run(upgrade())[0] == b"early"


def test_a_connection_that_does_not_change_hands_is_a_refusal(run: Run, tmp_path: Path) -> None:
    async def upgrade() -> None:
        body = b'{"message":"is paused"}'
        async with scripted(tmp_path, b"HTTP/1.1 409 Conflict\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)) as (
            client,
            _,
        ):
            await client.upgrade("/attach")

    with pytest.raises(RefusedError) as raised:
        run(upgrade())
    assert (raised.value.status, raised.value.message) == (409, "is paused")


def test_an_engine_that_says_nothing_is_given_up(run: Run, tmp_path: Path) -> None:
    async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    async def wait() -> None:
        async with await asyncio.start_unix_server(keep_silent, str(tmp_path / "s")):
            await Client(str(tmp_path / "s"), patience=0.05).ask("GET", "/x")

    with pytest.raises(RuntimeFailure, match="does not answer") as raised:
        run(wait())
    assert raised.value.retryable
    assert str(tmp_path / "s") in raised.value.detail


def _missing(path: Path) -> None:
    del path


def _closed(path: Path) -> None:
    code = f"import socket; s = socket.socket(socket.AF_UNIX); s.bind({str(path)!r})"
    subprocess.run([sys.executable, "-c", code], check=True)


def _file(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("make", [_missing, _closed, _file])
def test_a_socket_that_nobody_listens_at_is_named(run: Run, tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "s")
    client = Client(str(tmp_path / "s"))
    for work in (client.ask("GET", "/x"), client.upgrade("/x")):
        with pytest.raises(RuntimeFailure, match="cannot be reached") as raised:
            run(work)
        assert str(tmp_path / "s") in raised.value.detail
        assert "DOCKER_HOST" in raised.value.resolution


def test_a_socket_that_is_closed_to_this_user_says_what_that_means() -> None:
    failure = Client("/run/docker.sock").out_of_reach(PermissionError(13, "Permission denied"))
    assert failure.detail == "/run/docker.sock: Permission denied"
    assert "as good as root" in failure.resolution
    assert not failure.retryable


def test_it_loads_little_beyond_what_every_engine_needs() -> None:
    code = (
        "import json, sys\n"
        "import asyncio, mcphub_gitops.runtime.ports, mcphub_gitops.compiler.plan.container\n"
        "before = set(sys.modules)\n"
        "import mcphub_gitops.runtime.engines.docker.engine\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in set(sys.modules) - before})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert set(json.loads(done.stdout)) <= {"mcphub_gitops", "httptools", "cython_runtime", "_cython_3_3_0", "fcntl"}
