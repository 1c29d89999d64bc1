"""`mcphub gateway run --stdio`, started by a real client and by a shell."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp_types import TextContent

from mcphub_gitops.runtime.apply.lease import wait_until_free
from tests.support.clients import MODES
from tests.support.projects import MCPHUB, apply_notes, mcphub

ROOT = Path(__file__).parents[2]
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
gateway: {listen: "127.0.0.1:0"}
servers:
  notes: {command: [python3, server.py]}
"""
GATEWAY = ("gateway", "run", "--stdio")
PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
ENVELOPE = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
REVISIONS = {"auto": "2026-07-28", "legacy": "2025-11-25"}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stdio")
    apply_notes(folder, HUB)
    return folder


@asynccontextmanager
async def connected(folder: Path, mode: Literal["auto", "legacy"]) -> AsyncIterator[Client]:
    """Yield the SDK's own client of a gateway that it started."""
    program = StdioServerParameters(command=MCPHUB, args=list(GATEWAY), cwd=folder, env=dict(os.environ))
    async with Client(program, mode=mode) as client:
        yield client


def request(identity: int, tool: str, **arguments: str) -> str:
    params = {"name": tool, "arguments": arguments, "_meta": ENVELOPE}
    return json.dumps({"jsonrpc": "2.0", "id": identity, "method": "tools/call", "params": params}) + "\n"


def shell(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run the gateway as a shell would, with `text` as all of its input."""
    return subprocess.run(
        [MCPHUB, *GATEWAY], cwd=folder, input=text, capture_output=True, text=True, check=False, timeout=30
    )


@contextmanager
def running(folder: Path, *, stdin: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """Yield a gateway, which is killed when this is left, or after 30 s, so that no test waits for it without end."""
    with subprocess.Popen(
        [MCPHUB, *GATEWAY], cwd=folder, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as gateway:
        watchdog = threading.Timer(30, gateway.kill)
        watchdog.start()
        try:
            yield gateway
        finally:
            watchdog.cancel()
            gateway.kill()


def ping(gateway: subprocess.Popen[str]) -> None:
    assert gateway.stdin is not None
    assert gateway.stdout is not None
    gateway.stdin.write(PING)
    gateway.stdin.flush()
    assert json.loads(gateway.stdout.readline()) == {"jsonrpc": "2.0", "id": 1, "result": {}}


@pytest.mark.parametrize("mode", MODES)
def test_the_python_client_lists_and_calls_over_standard_streams(
    applied: Path, mode: Literal["auto", "legacy"]
) -> None:
    async def talk() -> None:
        async with connected(applied, mode) as client:
            assert client.protocol_version == REVISIONS[mode]
            assert [tool.name for tool in (await client.list_tools()).tools] == ["add_note", "list_notes", "read_note"]
            await client.call_tool("add_note", {"title": mode, "text": "é\u2028\n"})
            (content,) = (await client.call_tool("read_note", {"title": mode})).content
            assert isinstance(content, TextContent)
            assert content.text == "é\u2028\n"
            assert (await client.call_tool("read_note", {"title": "none"})).is_error
            with pytest.raises(MCPError, match="unknown"):
                await client.call_tool("no_such_tool", {})

    asyncio.run(talk())
    assert wait_until_free(applied / ".mcphub" / "gateway.lock", 5.0)
    assert not (applied / ".mcphub" / "serving.json").exists()


def test_a_shell_gets_its_answers_and_nothing_else_on_standard_output(applied: Path) -> None:
    done = shell(applied, request(1, "add_note", title="a", text="b") + PING.replace("1", "2") + "nonsense\n")
    assert done.returncode == 0
    answers = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    assert set(answers) == {1, 2, None}
    assert answers[1]["result"]["content"][0]["text"] == "Kept 'a'."
    assert "to one client over standard input and output" in done.stderr


def test_no_input_at_all_is_the_end(applied: Path) -> None:
    done = mcphub(applied, *GATEWAY)
    assert (done.returncode, done.stdout) == (0, "")


def test_one_gateway_serves_a_hub_at_a_time(applied: Path) -> None:
    with running(applied) as gateway:
        ping(gateway)
        for arguments in (GATEWAY, GATEWAY[:2]):
            done = mcphub(applied, *arguments)
            assert (done.returncode, done.stdout) == (6, "")
            assert f"process {gateway.pid} is at `mcphub gateway run --stdio`" in done.stderr
    assert mcphub(applied, *GATEWAY).returncode == 0


def test_it_is_stopped_like_any_gateway_and_serves_again_what_is_applied_again(applied: Path) -> None:
    with running(applied) as gateway:
        ping(gateway)
        assert mcphub(applied, "down").stdout == "The gateway is stopped.\n"
        assert gateway.wait(5) == 0
        assert gateway.stdout is not None
        assert gateway.stdout.read() == ""
    done = mcphub(applied, *GATEWAY)
    assert done.returncode == 1
    assert "nothing is applied" in done.stderr
    assert mcphub(applied, "apply", "--auto-approve").returncode == 0


def test_a_terminal_is_told_that_a_client_is_waited_for(applied: Path) -> None:
    ours, theirs = pty.openpty()
    with running(applied, stdin=theirs) as gateway:
        assert gateway.stderr is not None
        assert "Waiting for an MCP client on standard input" in gateway.stderr.readline()
        os.write(ours, PING.encode())
        assert gateway.stdout is not None
        assert json.loads(gateway.stdout.readline())["result"] == {}
        os.write(ours, b"\x04")
        assert gateway.wait(5) == 0
    os.close(ours)
    os.close(theirs)


def test_a_client_that_crashes_leaves_the_hub_to_the_next_one_at_once(applied: Path) -> None:
    with running(applied) as gateway:
        ping(gateway)
        assert gateway.stdout is not None
        gateway.stdout.close()
        assert gateway.wait(5) == 0
    assert mcphub(applied, *GATEWAY).returncode == 0


def test_a_log_that_nobody_reads_stops_nothing(applied: Path) -> None:
    with running(applied) as gateway:
        assert gateway.stderr is not None
        os.set_blocking(gateway.stderr.fileno(), True)
        descriptor = os.open(f"/proc/{gateway.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
        while True:
            try:
                os.write(descriptor, b"x" * 4096)
            except BlockingIOError:
                break
        os.close(descriptor)
        ping(gateway)
        gateway.send_signal(signal.SIGTERM)
        assert gateway.wait(5) == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_closed_stream_is_told(applied: Path, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", MCPHUB, *GATEWAY],
        cwd=applied,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "standard input and output are not both open" in done.stderr


def test_a_port_makes_no_sense_over_standard_streams(applied: Path) -> None:
    done = mcphub(applied, *GATEWAY, "--port", "9000")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--port and --stdio exclude each other" in done.stderr


def test_an_apply_reaches_the_client_while_it_is_served(applied: Path) -> None:
    hub = applied / "mcp-hub.yaml"
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    try:
        with running(applied) as gateway:
            assert gateway.stdin is not None
            assert gateway.stdout is not None
            messages = (
                {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
                {"jsonrpc": "2.0", "method": "notifications/initialized"},
            )
            gateway.stdin.write("".join(json.dumps(message) + "\n" for message in messages))
            gateway.stdin.flush()
            assert json.loads(gateway.stdout.readline())["result"]["capabilities"] == {"tools": {"listChanged": True}}
            hub.write_text(HUB.replace("server.py]", "server.py], tools: {deny: [add_note]}"), "utf-8")
            assert mcphub(applied, "lock").returncode == 0
            done = mcphub(applied, "apply", "--auto-approve")
            assert done.returncode == 0, done.stderr
            assert "The gateway of one client serves it." in done.stdout
            assert json.loads(gateway.stdout.readline())["method"] == "notifications/tools/list_changed"
            assert mcphub(applied, "drift").returncode == 0
    finally:
        hub.write_text(HUB, "utf-8")
        for arguments in (["lock"], ["apply", "--auto-approve"]):
            assert mcphub(applied, *arguments).returncode == 0
