"""Reaching a remote server: where it may be, and that the gateway can talk to it in both eras."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mcphub_gitops.runtime.engines.remote import engine
from mcphub_gitops.runtime.engines.remote.engine import RemoteEngine
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway.prober import StdioProber
from mcphub_gitops.runtime.network import address
from mcphub_gitops.runtime.ports import LineSink, RemoteSpec
from tests.runtime.engines.children import Record, eventually
from tests.runtime.engines.conftest import Run
from tests.runtime.engines.remote.talk import TOKEN, open_talk, spec_for, talk
from tests.support.gateway_hub import CLIENT, Http, entry, gateway, generation_of, on_loop, until
from tests.support.remote_raw import Legacy, raw
from tests.support.remote_sdk import Remote, certify, serve

EVERYTHING = "@modelcontextprotocol/server-everything@2026.8.31"

HOSTS = [
    *("127.0.0.1", "127.0.0.2", "127.1", "127.0.1", "0"),
    "0.0.0.0",  # noqa: S104  (to be refused)
    *("localhost", "LOCALHOST", "localhost.", "2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.1", "0177.0.0.1"),
    *("017700000001", "0177.1", "127.0.0.01", "127.00.0.1", "00000177.0.0.1", "0x0000007f.0.0.1", "127.0.0.1."),
    *("127.0.0.1%00", "127.0.0.1%2eexample", "127\u30020\u30020\u30021", "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460"),
    *("\uff11\uff12\uff17.0.0.1", "\u24dbocalhost", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::0001]", "[0::1]"),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]", "[::127.0.0.1]", "[::7f00:1]"),
    *("[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:7f00:1::1]"),
    *("[2001:0:7f00:1::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[::ffff:0:127.0.0.1]", "[fe80::1]"),
    *("[fe80::1%lo]", "[fe80::1%251]", "[fc00::1]", "[fd00::1]", "[fec0::1]", "[ff02::1]", "[::1%lo]", "[::1]."),
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "198.18.0.1", "224.0.0.1"),
    *("240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.1", "a@127.0.0.1", "docs.example@127.0.0.1"),
    *("docs.example:80@127.0.0.1", "docs.example\\@127.0.0.1", "127.0.0.1\\.docs.example", "[::ffff:127.1]"),
    *("[::ffff:0x7f.1]", "[1::2::3]", "256.256.256.256", "127.0.0.1.1", "127.0.0.0x1", ":@127.0.0.1", "@127.0.0.1"),
    *("[::1]@127.0.0.1", "127.0.0.1:80", "[127.0.0.1]", "[localhost]", " 127.0.0.1", "\t127.0.0.1", "127.0.0.1\n"),
    "docs.example\r\nHost: 127.0.0.1",
]
RESOLVED = [
    "0.0.0.0",  # noqa: S104  (to be refused)
    *("127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "::", "10.0.0.1", "169.254.169.254"),
    *("2002:7f00:1::", "fe80::1%1", "100.64.0.1", "168.63.129.16"),
]


def test_enough_forms_are_tried() -> None:
    assert len(set(HOSTS)) >= 80


@asynccontextmanager
async def trap() -> AsyncIterator[tuple[int, list[object]]]:
    """Yield the port of listeners on all addresses of this machine, and who came."""
    came: list[object] = []

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer.get_extra_info("sockname"))
        writer.close()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    others = []
    for family, host in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
        try:
            others.append(await asyncio.start_server(accept, host, port, family=family))
        except OSError:
            continue
    try:
        yield port, came
    finally:
        for each in (listener, *others):
            each.close()
        # uvloop closes descriptors in its next turn.
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_no_spelling_of_an_address_reaches_this_machine(run: Run, scheme: str) -> None:
    async def scenario() -> None:
        async with trap() as (port, came):
            for host in HOSTS:
                spec = spec_for(f"{scheme}://{host}:{port}/mcp", private=False)
                with pytest.raises(RuntimeFailure) as raised:
                    await RemoteEngine(connect_seconds=2).spawn(spec, Record())
                assert TOKEN not in f"{raised.value.brief}{raised.value.detail}{raised.value.resolution}"
                assert not raised.value.retryable, (host, raised.value.detail)
            await asyncio.sleep(0.05)
            assert came == []

    run(scenario())


@pytest.mark.parametrize("found", RESOLVED)
def test_no_name_reaches_this_machine(run: Run, found: str) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [found]

    async def scenario() -> None:
        async with trap() as (port, came):
            spec = spec_for(f"https://docs.example:{port}/mcp", private=False)
            with pytest.raises(RuntimeFailure) as raised:
                await RemoteEngine(resolve=resolve).spawn(spec, Record())
            assert raised.value.brief == "Server 'docs' cannot be reached"
            assert "not a public address" in raised.value.detail
            assert "private: true" in raised.value.resolution
            assert came == []

    run(scenario())


def test_a_name_that_turns_private_later_is_not_connected_to(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, key, trust = certify(tmp_path, "docs.example")
    addresses = ["127.0.0.1"]

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return list(addresses)

    async def scenario() -> None:
        monkeypatch.setattr(address, "is_public", lambda found: str(found) == "127.0.0.1")
        async with serve(certificate=(public, key)) as remote:
            url = remote.url.replace("127.0.0.1", "docs.example")
            reaching = RemoteEngine(tls=trust, resolve=resolve)
            async with talk(url, engine=reaching, private=False) as talking:
                refused = await talking.ask("tools/list")
                assert refused["error"]["message"].startswith("The remote server answered with status 421")
                assert remote.seen[0].headers["host"] == f"docs.example:{remote.port}"
                addresses[:] = ["127.0.0.2"]
                await asyncio.gather(*(talking.ask("tools/list") for _ in range(3)))
                assert any("not a public address" in str(message) for message in talking.heard())

    run(scenario())


def test_a_certificate_that_is_not_trusted_is_told(run: Run, tmp_path: Path) -> None:
    public, key, _ = certify(tmp_path, "docs.example")

    async def scenario() -> None:
        async with serve(certificate=(public, key)) as remote:
            with pytest.raises(RuntimeFailure) as raised:
                await RemoteEngine().spawn(spec_for(remote.url), Record())
            assert "certificate is refused" in raised.value.detail
            assert not raised.value.retryable
            assert remote.seen == []

    run(scenario())


def test_a_server_that_is_not_there_is_tried_again_and_then_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PAUSES", (0.01, 0.01))
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        record = Record()
        with pytest.raises(RuntimeFailure) as raised:
            await RemoteEngine(resolve=resolve).spawn(spec_for(f"http://docs.example:{port}/mcp?key=hidden"), record)
        assert raised.value.retryable
        assert f"http://docs.example:{port} cannot be reached: at 127.0.0.1 Connection refused" in raised.value.detail
        assert "hidden" not in raised.value.detail + raised.value.resolution
        assert record.statuses == []
        assert asked == ["docs.example"] * 3

    run(scenario())


def test_a_server_that_comes_up_meanwhile_is_reached(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PAUSES", (0.01, 0.01))

    async def scenario() -> None:
        async with raw(Legacy()) as server:
            ports = iter(["127.0.0.9", "127.0.0.1"])

            async def resolve(_host: str, _port: int) -> Sequence[str]:
                return [next(ports, "127.0.0.1")]

            url = server.url.replace("127.0.0.1", "docs.example")
            async with talk(url, engine=RemoteEngine(resolve=resolve)) as talking:
                await talking.greet()

    run(scenario())


def test_a_start_that_is_cancelled_leaves_nothing(run: Run) -> None:
    async def scenario() -> None:
        async with raw(Legacy()) as server:
            for turns in range(12):
                async with asyncio.TaskGroup() as group:
                    starting = group.create_task(RemoteEngine().spawn(spec_for(server.url), Record()))
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    starting.cancel()
                if not starting.cancelled():
                    await starting.result().stop()
            await eventually(lambda: server.open == 0)

    run(scenario())


def test_nothing_is_sent_before_the_first_message(run: Run) -> None:
    async def scenario() -> None:
        async with raw(Legacy()) as server:
            async with talk(server.url):
                pass
            assert server.asked == []

    run(scenario())


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("json_response", [True, False])
def test_a_prober_learns_a_remotes_era_and_tools(*, legacy: bool, json_response: bool) -> None:
    @on_loop
    async def scenario() -> None:
        async with serve(legacy=legacy, json=json_response) as remote:
            answer = await StdioProber(RemoteEngine(), client=CLIENT).probe(spec_for(remote.url), timeout=10)
            assert (answer.era, answer.revision) == (("legacy", "2025-11-25") if legacy else ("modern", "2026-07-28"))
            assert [tool["name"] for tool in answer.tools][:2] == ["add", "hang"]
            assert answer.server_info["name"] == "sums"

    scenario()


class Reaching:
    """Reaches one remote, whatever it is asked to start."""

    def __init__(self, spec: RemoteSpec) -> None:
        self._spec = spec

    async def spawn(self, _spec: object, sink: LineSink) -> Any:  # noqa: ANN401  (a child)
        return await RemoteEngine().spawn(self._spec, sink)


@asynccontextmanager
async def behind_a_gateway(remote: Remote) -> AsyncIterator[tuple[Http, Http]]:
    """Yield a client of each era of a gateway that has `remote` as its server."""
    spec = spec_for(remote.url)
    probe = await StdioProber(RemoteEngine(), client=CLIENT).probe(spec, timeout=10)
    served = generation_of(entry("sums", ["/bin/false"], tools=probe.tools[:1]))
    async with gateway(served, spawner=Reaching(spec)) as running:
        await running.ready()
        async with running.client() as modern, running.client() as legacy:
            await legacy.open_session()
            yield modern, legacy


async def sums(modern: Http, legacy: Http) -> list[str]:
    arguments = {"name": "add", "arguments": {"a": 1, "b": 2, "note": "ü"}}
    headers = {"mcp-param-first": "1", "mcp-param-note": "=?base64?w7w=?="}
    found = [await modern.modern("tools/call", arguments, **headers), await legacy.legacy("tools/call", arguments)]
    return [answer.text for answer in found]


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("json_response", [True, False])
def test_clients_of_both_eras_call_remotes_of_both_eras(*, legacy: bool, json_response: bool) -> None:
    @on_loop
    async def scenario() -> None:
        async with (
            serve(legacy=legacy, json=json_response) as remote,
            behind_a_gateway(remote) as (modern, old),
        ):
            assert await sums(modern, old) == ["3ü", "3ü"]

    scenario()


@pytest.mark.parametrize("legacy", [True, False])
def test_the_gateway_goes_on_after_the_remote_was_started_anew(*, legacy: bool) -> None:
    @on_loop
    async def scenario() -> None:
        async with serve(legacy=legacy) as first:
            port = first.port
            reached = behind_a_gateway(first)
            modern, old = await reached.__aenter__()
            assert await sums(modern, old) == ["3ü", "3ü"]
        async with serve(legacy=legacy, port=port) as second:
            for _ in range(100):
                found = await modern.modern(
                    "tools/call", {"name": "add", "arguments": {"a": 1}}, **{"mcp-param-first": "1"}
                )
                if "result" in found.json:
                    break
                await asyncio.sleep(0.05)
            assert await sums(modern, old) == ["3ü", "3ü"]
            await until(lambda: any(seen.method == "POST" for seen in second.seen))
            await reached.__aexit__(None, None, None)

    scenario()


@asynccontextmanager
async def everything(folder: Path, port: int, *, kind: str = "streamableHttp") -> AsyncIterator[str]:
    """Run the reference server of the old era on Node.js, and yield its URL."""
    program = folder / "node_modules" / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js"
    environment = {**os.environ, "PORT": str(port)}
    process = await asyncio.create_subprocess_exec(
        "node", str(program), kind, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        while str(port).encode() not in await process.stderr.readline():
            assert not process.stderr.at_eof()
        yield f"http://127.0.0.1:{port}/{'sse' if kind == 'sse' else 'mcp'}"
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
def node(pytestconfig: pytest.Config) -> Path:
    """Return a folder with the reference server, kept between runs, or skip where it cannot be had."""
    required = os.environ.get("MCPHUB_REQUIRE_NODE") == "1"
    if shutil.which("node") is None or shutil.which("npm") is None:
        if required:
            pytest.fail("there is no node or npm, and MCPHUB_REQUIRE_NODE is 1")
        pytest.skip("needs node and npm")
    cache: pytest.Cache = pytestconfig.cache
    folder = cache.mkdir(f"everything-{EVERYTHING.rpartition('@')[2]}")
    if not (folder / "whole").exists():
        install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), EVERYTHING]
        done = subprocess.run(install, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode != 0:
            if required:
                pytest.fail(f"npm cannot install: {done.stderr}")
            pytest.skip("npm cannot install the reference server")
        (folder / "whole").touch()
    return folder


def test_the_reference_server_is_spoken_to_and_its_restart_noticed(node: Path) -> None:
    @on_loop
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        async with everything(node, port) as url:
            answer = await StdioProber(RemoteEngine(), client=CLIENT).probe(spec_for(url), timeout=10)
            assert answer.era == "legacy"
            assert "echo" in [tool["name"] for tool in answer.tools]
            talking = await open_talk(url)
            await talking.greet()
            called = await talking.call("echo", modern=False, message="hello")
            assert "hello" in called["result"]["content"][0]["text"]
        async with everything(node, port):
            # It says 400 of an unknown session, where 404 would be right.
            talking.put("tools/call", {"name": "echo", "arguments": {"message": "hello"}}, modern=False)
            assert await talking.record.end() == 1
            assert "has ended the session" in talking.child.stderr_tail()

    scenario()


def test_the_reference_server_is_spoken_to_over_sse_and_its_end_noticed(node: Path) -> None:
    @on_loop
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        async with everything(node, port, kind="sse") as url:
            answer = await StdioProber(RemoteEngine(), client=CLIENT).probe(spec_for(url, transport="sse"), timeout=10)
            assert answer.era == "legacy"
            assert "echo" in [tool["name"] for tool in answer.tools]
            talking = await open_talk(url, transport="sse")
            await talking.greet()
            called = await asyncio.gather(
                *(talking.call("echo", modern=False, message=f"m{each}") for each in range(9))
            )
            assert [f"m{each}" in str(found["result"]) for each, found in enumerate(called)] == [True] * 9
        assert await talking.record.end() == 1
        assert "has ended the session" in talking.child.stderr_tail()

    scenario()
