"""Tools that are containers by themselves, from the catalog to the call, on a real engine."""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest
from mcp_types import CallToolResult, TextContent

from tests.support.clients import MODES, connected
from tests.support.engine import Engine, busybox_layer, wait_until
from tests.support.projects import mcphub

CATALOG = """\
version: 3
name: tools
displayName: Tools
registry:
  box:
    type: poci
    tools:
      - name: sh
        description: Run a shell.
        parameters:
          type: object
          properties: {args: {type: array, description: Its words., items: {type: string}}}
          required: [args]
        container: {image: IMAGE, command: ["sh", "{{args|into}}"]}
      - name: size
        parameters: {type: object, properties: {path: {type: string}}, required: [path]}
        container: {image: IMAGE, command: ["wc", "-c", "{{path}}"], volumes: ["{{path}}:{{path}}"]}
      - name: put
        description: Write a file below a folder.
        parameters:
          type: object
          properties: {dir: {type: string}, text: {type: string, default: nothing}}
          required: [dir]
        container:
          image: IMAGE
          command: ["sh", "-c", "echo -n $0 >$1/put", "{{text}}", "{{dir}}"]
          volumes: ["{{dir}}:{{dir}}"]
"""
HUB = """\
apiVersion: mcphub/v1
name: called
catalogs: {c: {path: catalog.yaml}}
servers:
  box:
    from: c/box
    paths: {read: [media], write: [media/out]}
    resources: {memory: 64Mi}
gateway: {listen: "127.0.0.1:0"}
"""
MINUTE = 60.0


@dataclass
class Called:
    folder: Path
    engine: Engine
    image: str

    def run(self, *arguments: str, code: int = 0) -> str:
        done = mcphub(self.folder, *arguments, env={**os.environ, "DOCKER_HOST": self.engine.host})
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def listed(self) -> list[dict[str, Any]]:
        """Return the engine's containers of the hub, in short: one may be gone a moment later."""
        filters = quote(json.dumps({"label": ["io.mcphub.hub=called"]}))
        found: list[dict[str, Any]] = self.engine.ask("GET", f"/containers/json?all=1&filters={filters}")
        return found

    def until(self, number: int) -> None:
        """Wait until the engine has so many containers of the hub."""
        wait_until(lambda: len(self.listed()) == number, f"{number} containers")

    def call(self, tool: str, **arguments: object) -> CallToolResult:
        async def ask() -> CallToolResult:
            async with connected(self.folder, "auto") as client:
                found = await client.call_tool(tool, arguments)
                assert isinstance(found, CallToolResult)
                return found

        return asyncio.run(ask())

    @contextmanager
    def sleeping(self) -> Iterator[None]:
        """Have a call under way whose end nobody waits for."""
        with ThreadPoolExecutor() as threads:
            waiting = threads.submit(self.call, "sh", args=["-c", "sleep 600"])
            wait_until(lambda: [each["State"] for each in self.listed()] == ["running"], "a container that runs")
            yield
            # However it ended: the gateway was killed.
            waiting.exception(MINUTE)


def said(result: CallToolResult) -> list[str]:
    return [each.text for each in result.content if isinstance(each, TextContent)]


@pytest.fixture(scope="module")
def called(engine: Engine) -> Iterator[Called]:
    """The hub, locked, applied and served."""
    with tempfile.TemporaryDirectory(prefix="mcphub-called-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        (folder / "media" / "out").mkdir(parents=True)
        (folder / "media" / "out").chmod(0o777)
        (folder / "media" / "film").write_bytes(b"12345")
        (folder / "beside").mkdir()
        (folder / "beside" / "secret").write_bytes(b"1")
        (folder / "media" / "link").symlink_to(folder / "beside")
        image = engine.push("box", busybox_layer(), "ENV KEPT=1")
        found = Called(folder, engine, image)
        (folder / "catalog.yaml").write_text(CATALOG.replace("IMAGE", image), "utf-8")
        (folder / "mcp-hub.yaml").write_text(HUB, "utf-8")
        found.run("lock")
        assert found.listed() == []
        found.run("apply", "--auto-approve")
        assert found.listed() == []
        found.run("up", "--detach")
        yield found
        found.run("down", "--data")
        assert found.listed() == []


def test_the_lock_has_images_and_whole_definitions(called: Called) -> None:
    entry = json.loads((called.folder / "mcp-hub.lock").read_bytes())["servers"]["box"]
    assert entry["definitions"] == "complete"
    assert set(entry["containers"]) == {"sh", "size", "put"} == set(entry["tools"])
    assert all("@sha256:" in each["image"] and each["platforms"] for each in entry["containers"].values())
    definitions = json.loads((called.folder / "mcp-hub.tools" / "box.json").read_bytes())
    assert definitions["sh"]["inputSchema"]["properties"]["args"]["items"] == {"type": "string"}
    called.run("lock", "--check")


@pytest.mark.parametrize("mode", MODES)
def test_clients_see_the_whole_schema_and_get_what_the_container_says(
    called: Called, mode: Literal["auto", "legacy"]
) -> None:
    async def ask() -> None:
        async with connected(called.folder, mode) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == {"sh", "size", "put"}
            assert tools["sh"].description == "Run a shell."
            assert tools["sh"].input_schema["required"] == ["args"]
            result = await client.call_tool("sh", {"args": ["-c", 'echo "$0 $1"; id -u; cat', "a b", "$(id)"]})
            assert isinstance(result, CallToolResult)
            assert (result.is_error, said(result)) == (False, ["a b $(id)\n65532"])

    asyncio.run(ask())
    called.until(0)


def test_a_call_is_hardened_like_any_container_and_no_drift(called: Called) -> None:
    with called.sleeping():
        (listed,) = called.listed()
        document = called.engine.ask("GET", f"/containers/{listed['Id']}/json")
        host, labels = document["HostConfig"], document["Config"]["Labels"]
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["NetworkMode"]) == (True, ["ALL"], "none")
        assert (host["Memory"], host["AutoRemove"], document["Config"]["User"]) == (64 * 1024**2, True, "65532:65532")
        assert (labels["io.mcphub.server"], labels["io.mcphub.role"]) == ("box", "call")
        assert "No drift" in called.run("drift")
        called.run("apply", "--auto-approve")
        assert len(called.listed()) == 1
        # Those who serve no more take their calls with them.
        called.run("down")
        assert called.listed() == []
    called.run("apply", "--auto-approve")
    called.run("up", "--detach")


def test_a_call_that_nobody_waits_for_is_ended(called: Called) -> None:
    async def ask() -> None:
        async with connected(called.folder, "auto") as client, asyncio.TaskGroup() as group:
            call = group.create_task(client.call_tool("sh", {"args": ["-c", "sleep 600"]}))
            await asyncio.to_thread(called.until, 1)
            call.cancel()

    asyncio.run(ask())
    called.until(0)


def test_what_fails_says_why(called: Called) -> None:
    failed = called.call("sh", args=["-c", "echo out; echo why >&2; exit 3"])
    assert (failed.is_error, said(failed)) == (True, ["out", "why\n", "The container ended with status 3."])
    killed = called.call("sh", args=["-c", "kill -9 $$"])
    assert (killed.is_error, said(killed)) == (True, ["The container was ended by signal 9."])
    endless = called.call("sh", args=["-c", "yes"])
    assert endless.is_error
    assert said(endless)[-1] == "It said more than 1048576 bytes, and was ended; the rest is cut off."
    line = called.call("sh", args=["-c", "tr '\\0' x </dev/zero"])
    assert (line.is_error, len(said(line))) == (True, 1)
    assert "why" in called.run("logs", "box")
    called.until(0)


def test_arguments_are_held_against_the_schema_before_anything_is_made(called: Called) -> None:
    missing = called.call("sh")
    assert (missing.is_error, said(missing)) == (True, ["`arguments` needs `args`."])
    wrong = called.call("sh", args=[1])
    assert (wrong.is_error, said(wrong)) == (True, ["`arguments.args[0]` is the number 1; expected a string."])
    option = called.call("size", path="--help")
    assert option.is_error


def test_what_a_call_mounts_lies_below_what_is_granted(called: Called) -> None:
    media = called.folder / "media"
    size = called.call("size", path=str(media / "film"))
    assert (size.is_error, said(size)) == (False, [f"5 {media}/film"])
    outside = (called.folder / "beside", media / "link" / "secret", media / "none", Path("/etc/passwd"), called.folder)
    for path in outside:
        refused = called.call("size", path=str(path))
        words = f"`{path}` is not there, or lies below no folder that this hub grants to calls."
        assert (refused.is_error, said(refused)) == (True, [words])
    put = called.call("put", dir=str(media / "out"))
    assert (put.is_error, said(put), (media / "out" / "put").read_text("utf-8")) == (False, [""], "nothing")
    locked = called.call("put", dir=str(media), text="x")
    assert locked.is_error
    assert "Read-only file system" in said(locked)[0]


def test_many_calls_at_once_each_have_their_own_answer(called: Called) -> None:
    async def ask() -> list[CallToolResult]:
        async with connected(called.folder, "auto") as client:
            calls = (client.call_tool("sh", {"args": ["-c", f"echo {number}"]}) for number in range(12))
            return [each for each in await asyncio.gather(*calls) if isinstance(each, CallToolResult)]

    assert [said(result) for result in asyncio.run(ask())] == [[str(number)] for number in range(12)]
    called.until(0)


@pytest.mark.parametrize("heal", [("up", "--detach"), ("apply", "--auto-approve"), ("down",)], ids=lambda each: each[0])
def test_what_a_killed_gateway_leaves_is_gone_when_somebody_comes_by(called: Called, heal: tuple[str, ...]) -> None:
    with called.sleeping():
        holder = (called.folder / ".mcphub" / "gateway.lock").read_text("utf-8")
        os.kill(int(holder.split()[0]), signal.SIGKILL)
    assert len(called.listed()) == 1
    if heal[0] == "apply":
        assert "none of its containers" in called.run("drift", code=2)
    called.run(*heal)
    called.until(0)
    called.run("up", "--detach")


def test_an_image_that_is_gone_is_drift_and_comes_back(called: Called) -> None:
    called.engine.forget(called.image)
    refused = called.call("sh", args=["-c", "true"])
    assert (refused.is_error, said(refused)) == (True, ["the container of server box cannot be made."])
    assert "the engine does not have its image" in called.run("drift", code=2)
    called.run("apply", "--auto-approve")
    assert called.call("sh", args=["-c", "true"]).is_error is False
