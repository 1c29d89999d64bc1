"""Asking a server once, with real children of both eras and kinds."""

import asyncio
import sys

import pytest

from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway.prober import StdioProber
from mcphub_gitops.runtime.gateway.upstream import Upstream
from mcphub_gitops.runtime.ports import Probe, Spec
from tests.support import gateway_echo
from tests.support.gateway_fakes import FakeSpawner, Manners
from tests.support.gateway_hub import (
    CLIENT,
    PATIENT,
    SUPPORT,
    Values,
    echo_entry,
    entry,
    generation_of,
    on_loop,
    until,
)


def echo(*options: str) -> Spec:
    return generation_of(echo_entry("echo", *options)).servers[0].launch.filled({})


async def probe(spec: Spec, *, timeout: float = 10) -> Probe:  # noqa: ASYNC109  (the port's own word)
    return await StdioProber(ProcessEngine(), client=CLIENT, era_seconds=0.5).probe(spec, timeout=timeout)


@pytest.mark.parametrize(
    ("era", "found", "revision"),
    [("modern", "modern", "2026-07-28"), ("both", "modern", "2026-07-28"), ("legacy", "legacy", "2025-11-25")],
)
def test_a_server_is_asked_for_its_era_and_its_tools(era: str, found: str, revision: str) -> None:
    @on_loop
    async def scenario() -> None:
        answer = await probe(echo("--era", era, "--fault", "two pages"))
        assert (answer.era, answer.revision) == (found, revision)
        assert list(answer.tools) == [gateway_echo.definition(name) for name in gateway_echo.TOOLS]

    scenario()


@pytest.mark.parametrize("legacy", [True, False])
def test_a_server_on_the_sdk_is_asked(*, legacy: bool) -> None:
    @on_loop
    async def scenario() -> None:
        argv = [sys.executable, str(SUPPORT / "gateway_sdk.py"), *(["--legacy"] if legacy else [])]
        answer = await probe(generation_of(entry("sdk", argv, tools=[])).servers[0].launch.filled({}), timeout=20)
        assert answer.era == ("legacy" if legacy else "modern")
        assert [tool["name"] for tool in answer.tools] == ["add"]
        assert answer.server_info["name"] == "sums"

    scenario()


@pytest.mark.parametrize("fault", ["dies of discover", "silent on discover"])
def test_a_server_that_cannot_bear_the_question_is_asked_the_old_way(fault: str) -> None:
    @on_loop
    async def scenario() -> None:
        assert (await probe(echo("--era", "legacy", "--fault", fault))).era == "legacy"

    scenario()


@on_loop
async def test_a_server_that_does_not_start_is_told_of_with_its_own_words() -> None:
    with pytest.raises(RuntimeFailure) as raised:
        await probe(echo("--fault", "does not start"))
    assert raised.value.brief == "the server echo could not be asked for its tools"
    assert "it exited with status 1" in raised.value.detail
    assert "there is no database" in raised.value.detail


@on_loop
async def test_a_server_that_takes_too_long_is_told_of_in_time() -> None:
    before = asyncio.get_running_loop().time()
    with pytest.raises(RuntimeFailure) as raised:
        await probe(echo("--start-after", "20"), timeout=0.3)
    assert "did not answer in time" in raised.value.detail
    assert asyncio.get_running_loop().time() - before < 4


@pytest.mark.parametrize("fault", ["cyclic list", "endless list", "many tools", "unknown revision"])
def test_a_server_that_cannot_be_locked_is_told_of(fault: str) -> None:
    @on_loop
    async def scenario() -> None:
        with pytest.raises(RuntimeFailure, match="could not be asked for its tools"):
            await probe(echo("--era", "legacy", "--fault", fault))

    scenario()


@on_loop
async def test_a_definition_that_cannot_be_compared_cannot_be_locked() -> None:
    listing = {"result": {"tools": [{"name": "t", "x": float("1e300")}, {"name": "u", "x": [[]]}]}}
    deep: list[object] = []
    for _ in range(200):
        deep = [deep]
    listing["result"]["tools"].append({"name": "deep", "inputSchema": deep})
    spawner = FakeSpawner(Manners(listing=listing))
    with pytest.raises(RuntimeFailure) as raised:
        await StdioProber(spawner, client=CLIENT).probe(echo(), timeout=2)
    assert "nested more than 100 levels" in raised.value.detail
    assert spawner.children[0].stopped


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_lock_is_read_with_the_capabilities_that_the_gateway_announces(era: str) -> None:
    """What a server shows depends on them, so what is locked would not be what is served."""

    def announced(spawner: FakeSpawner) -> list[object]:
        sent = [message for child in spawner.children for message in child.sent]
        asked = [
            each["params"] for each in sent if each.get("method") in {"initialize", "server/discover", "tools/list"}
        ]
        return [
            params.get("capabilities", params.get("_meta", {}).get("io.modelcontextprotocol/clientCapabilities"))
            for params in asked
        ]

    @on_loop
    async def scenario() -> None:
        server = generation_of(echo_entry("fake", tools=["echo"])).servers[0]
        read, served = FakeSpawner(Manners(era=era)), FakeSpawner(Manners(era=era))
        await StdioProber(read, client=CLIENT, era_seconds=0.5).probe(server.launch.filled({}), timeout=10)
        upstream = Upstream(server, spawner=served, secrets=Values(), client=CLIENT, supervision=PATIENT)
        task = asyncio.create_task(upstream.run())  # noqa: TID251  (ended below)
        await until(lambda: upstream.up)
        task.cancel()
        assert {} in announced(read)
        assert announced(read) == announced(served)

    scenario()
