"""Tools that are held to their names alone: clients see what the server says now, and nothing that breaks a list."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.runtime.gateway import named, wire
from mcphub_gitops.runtime.gateway.fleet import Fleet
from mcphub_gitops.runtime.gateway.generation import Server
from mcphub_gitops.runtime.gateway.routing import WHOLE, Route
from mcphub_gitops.runtime.gateway.upstream import Upstream
from mcphub_gitops.runtime.gateway.wire import Fault
from tests.support.gateway_echo import definition
from tests.support.gateway_fakes import FakeSpawner, Manners
from tests.support.gateway_hub import CLIENT, PATIENT, Values, echo_entry, generation_of, on_loop, until


def by_name(*tools: str, **shown: str) -> dict[str, Any]:
    """Return the entry of a server whose `tools` the catalog named; `shown` are the hub's own descriptions."""
    entries = [
        {
            "name": tool,
            "upstream": tool,
            "hash": fingerprint({"name": tool}),
            "definition": {"name": tool, **({"description": shown[tool]} if tool in shown else {})},
        }
        for tool in tools
    ]
    return echo_entry("fake", tools=entries, by_name=True)


def fleet_of(manners: Manners, entry: Mapping[str, Any]) -> tuple[Fleet, FakeSpawner]:
    spawner = FakeSpawner(manners)

    def make(server: Server) -> Upstream:
        return Upstream(server, spawner=spawner, secrets=Values(), client=CLIENT, supervision=PATIENT)

    return Fleet(generation_of(entry), make=make, version="1", patience=5, drain=1), spawner


def listed(fleet: Fleet) -> dict[str, dict[str, Any]]:
    tools = json.loads(fleet.table(WHOLE).tools_legacy)["tools"]
    return {tool["name"]: tool for tool in tools}


async def refusal(fleet: Fleet, tool: str) -> str:
    route = Route(server="fake", tool=tool, token=wire.token(tool))
    with pytest.raises(Fault) as found:
        await fleet.upstreams["fake"].call(route, {}, modern=True)
    return found.value.message


@on_loop
async def test_a_named_tool_is_served_as_the_server_has_it_and_no_other_is_served() -> None:
    fleet, _ = fleet_of(Manners(pages={None: (["echo", "said", "new"], None)}), by_name("echo", "said", said="Ours."))
    assert listed(fleet)["echo"] == {"name": "echo", "inputSchema": {"type": "object"}}
    async with fleet.running():
        await until(lambda: not fleet.waiting())
        assert listed(fleet) == {"echo": definition("echo"), "said": {**definition("said"), "description": "Ours."}}
        assert fleet.upstreams["fake"].quarantined == {}
        assert fleet.upstreams["fake"].standing().by_name


@on_loop
async def test_what_the_server_says_next_is_what_clients_see_next() -> None:
    manners = Manners()
    fleet, spawner = fleet_of(manners, by_name("echo"))
    told = asyncio.Event()
    fleet.watch(told.set)
    async with fleet.running():
        await asyncio.wait_for(told.wait(), 5)
        told.clear()
        manners.listing = {"result": {"tools": [{**definition("echo"), "description": "Other."}]}}
        spawner.children[-1].say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        await asyncio.wait_for(told.wait(), 5)
        assert listed(fleet)["echo"]["description"] == "Other."
        assert fleet.upstreams["fake"].quarantined == {}


@on_loop
async def test_a_tool_that_is_gone_or_has_no_form_is_refused_and_breaks_no_list() -> None:
    manners = Manners(listing={"result": {"tools": [{"name": "echo", "description": 5}, definition("twice")] * 2}})
    fleet, _ = fleet_of(manners, by_name("echo", "gone", "twice"))
    async with fleet.running():
        await until(lambda: not fleet.waiting())
        assert "no longer offers" in await refusal(fleet, "gone")
        assert "cannot be compared" in await refusal(fleet, "echo")
        assert "twice" in await refusal(fleet, "twice")
        assert all(tool["inputSchema"] == {"type": "object"} for tool in listed(fleet).values())


@on_loop
async def test_a_server_that_is_locked_by_name_from_now_on_is_asked_again() -> None:
    manners = Manners()
    entry = by_name("echo")
    fleet, _ = fleet_of(manners, {**entry, "by_name": False})
    async with fleet.running():
        await until(lambda: not fleet.waiting())
        assert "differs" in await refusal(fleet, "echo")
        await fleet.switch(generation_of(entry))
        await until(lambda: listed(fleet) == {"echo": definition("echo")})
        assert fleet.upstreams["fake"].quarantined == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputSchema": None},
        {"inputSchema": {"type": "string"}},
        {"title": 1},
        {"outputSchema": []},
        {"annotations": "x"},
        {"icons": {}},
        {"_meta": 5},
    ],
)
def test_what_is_no_definition_has_no_form(wrong: Mapping[str, Any]) -> None:
    assert named.fits(definition("echo"))
    assert not named.fits({**definition("echo"), **wrong})
