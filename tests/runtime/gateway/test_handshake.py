"""Who a child is, and all its tools, in both eras."""

import asyncio
from typing import Any

import pytest

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import handshake, wire
from mcphub_gitops.runtime.gateway.handshake import Hello
from mcphub_gitops.runtime.gateway.link import Link
from mcphub_gitops.runtime.gateway.wire import Fault
from tests.runtime.gateway.test_link import SPEC
from tests.support.gateway_fakes import Answer, FakeChild, Manners
from tests.support.gateway_hub import CLIENT, on_loop


def ignore(_reason: str = "") -> None:
    """Nobody is told."""


def link_to(answer: Answer) -> tuple[Link, FakeChild]:
    link = Link(changed=ignore, ended=ignore)
    child = FakeChild(SPEC, link, answer)
    link.attach(child)
    return link, child


async def greet(link: Link, *, legacy_first: bool = False) -> Hello:
    return await handshake.greet(link, client=CLIENT, probe_seconds=0.05, seconds=2, legacy_first=legacy_first)


async def names(link: Link, hello: Hello) -> list[str]:
    raws = await handshake.list_tools(link, hello, client=CLIENT, seconds=2)
    return [wire.text(wire.members(raw)["name"], "name") for raw in raws]


@on_loop
async def test_a_modern_child_is_known_by_its_discovery_and_needs_no_handshake() -> None:
    link, child = link_to(Manners())
    hello = await greet(link)
    assert (hello.modern, hello.revision, hello.tells) == (True, "2026-07-28", ("tools",))
    assert hello.server_info == {"name": "fake"}
    assert await names(link, hello) == ["echo"]
    assert child.methods() == ["server/discover", "tools/list"]
    assert all("io.modelcontextprotocol/protocolVersion" in sent["params"]["_meta"] for sent in child.sent)


@on_loop
async def test_a_legacy_child_refuses_the_probe_and_shakes_hands() -> None:
    link, child = link_to(Manners(era="legacy"))
    hello = await greet(link)
    assert (hello.modern, hello.revision) == (False, "2025-11-25")
    assert await names(link, hello) == ["echo"]
    assert child.methods() == ["server/discover", "initialize", "notifications/initialized", "tools/list"]
    assert child.sent[-1]["params"] == {}


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": -32601, "message": "m"}},
        {"error": {"code": -32602, "message": "m"}},
        {"error": {"code": 0, "message": ""}},
        {"result": {}},
        {"result": {"supportedVersions": "all"}},
        {"result": {"supportedVersions": ["2025-11-25"]}},
        None,
    ],
)
def test_anything_but_a_discovery_of_our_revision_means_the_old_handshake(answer: dict[str, Any] | None) -> None:
    async def scenario() -> None:
        link, _ = link_to(Manners(era="legacy", discovery=answer))
        assert not (await greet(link)).modern

    asyncio.run(scenario())


@on_loop
async def test_a_slow_modern_child_that_missed_the_probe_is_asked_again() -> None:
    link, child = link_to(Manners(era="modern", missed_probes=1))
    assert (await greet(link)).modern
    assert child.methods() == ["server/discover", "notifications/cancelled", "initialize", "server/discover"]


@on_loop
async def test_a_child_known_to_be_legacy_is_not_probed() -> None:
    link, child = link_to(Manners(era="legacy"))
    assert not (await greet(link, legacy_first=True)).modern
    assert child.methods() == ["initialize", "notifications/initialized"]


@on_loop
async def test_the_first_stdio_revision_is_spoken_and_an_unknown_one_is_not() -> None:
    link, _ = link_to(Manners(era="legacy", revision="2024-11-05"))
    assert (await greet(link)).revision == "2024-11-05"
    link, _ = link_to(Manners(era="legacy", revision="1999-01-01"))
    with pytest.raises(RuntimeFailure, match="unknown protocol revision"):
        await greet(link)


@on_loop
async def test_a_child_that_refuses_both_is_told_of() -> None:
    def refuse(child: FakeChild, message: dict[str, Any]) -> None:
        if "id" in message:
            child.say({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -1, "message": "no \x1b[31m"}})

    link, _ = link_to(refuse)
    with pytest.raises(RuntimeFailure, match="refuses the handshake") as raised:
        await greet(link)
    assert "\x1b" not in raised.value.detail


@on_loop
async def test_a_child_that_ends_or_stays_silent_is_a_fault() -> None:
    link, _ = link_to(lambda child, _message: child.exit(1))
    with pytest.raises(Fault) as raised:
        await greet(link)
    assert raised.value.code == wire.INTERRUPTED
    link, _ = link_to(lambda _child, _message: None)
    with pytest.raises(Fault) as raised:
        await handshake.greet(link, client=CLIENT, probe_seconds=0.02, seconds=0.05, legacy_first=False)
    assert raised.value.code == wire.TIMED_OUT


@on_loop
async def test_all_pages_are_read_in_order() -> None:
    pages = {None: (["a", "b"], "x"), "x": ([], "y"), "y": (["c"], None)}
    link, _ = link_to(Manners(pages=pages))
    assert await names(link, await greet(link)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "pages",
    [
        {None: (["a"], "x"), "x": (["b"], "x")},
        {None: (["a"], "x"), "x": ([], "y"), "y": ([], "x")},
        {None if number == 0 else str(number): ([f"t{number}"], str(number + 1)) for number in range(200)},
        {None: ([f"t{number}" for number in range(1001)], None)},
    ],
    ids=["cursor repeats", "cursors go round", "pages without end", "too many tools"],
)
def test_a_list_without_end_is_refused(pages: dict[str | None, tuple[list[str], str | None]]) -> None:
    async def scenario() -> None:
        link, _ = link_to(Manners(pages=pages))
        hello = await greet(link)
        with pytest.raises(RuntimeFailure, match="does not end"):
            await names(link, hello)

    asyncio.run(scenario())


@on_loop
async def test_a_list_of_too_many_bytes_is_refused() -> None:
    def large(child: FakeChild, message: dict[str, Any]) -> None:
        if message["method"] == "tools/list":
            child.reply(message, {"tools": [{"name": "t", "x": "y" * 2**21}], "nextCursor": str(message["id"])})
        else:
            Manners()(child, message)

    link, _ = link_to(large)
    hello = await greet(link)
    with pytest.raises(RuntimeFailure, match="does not end"):
        await names(link, hello)


@on_loop
async def test_a_child_without_tools_is_not_asked_for_them() -> None:
    link, child = link_to(Manners(capabilities={}))
    assert await names(link, await greet(link)) == []
    assert "tools/list" not in child.methods()


@on_loop
async def test_a_refused_or_misshapen_list_is_told_of() -> None:
    answers: list[dict[str, Any]] = [
        {"error": {"code": 1, "message": "m"}},
        {"result": {"tools": {}}},
        {"result": {}},
    ]
    for answer in answers:
        link, _ = link_to(Manners(listing=answer))
        hello = await greet(link)
        with pytest.raises(RuntimeFailure):
            await names(link, hello)
