"""Prompts and resources of a real child: listed, held against the lock, and asked for in both eras."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.lock.offers import KEYS, OffersAnswer, compared
from mcphub_gitops.compiler.resolve.offer import KINDS, Kind
from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.prober import StdioProber
from tests.support.gateway_hub import (
    CLIENT,
    MODERN,
    SUPPORT,
    Answer,
    Http,
    Running,
    entry,
    gateway,
    generation_of,
    on_loop,
)
from tests.support.offering import offers

MEMBERS: Mapping[Kind, str] = {"prompts": "prompts", "resources": "resources", "templates": "resourceTemplates"}
PROMPTS: tuple[Kind, ...] = ("prompts",)
RESOURCES: tuple[Kind, ...] = ("resources",)
TOOL = {"name": "change", "inputSchema": {"type": "object"}}


def offered(scheme: str, *, prefix: str = "", kinds: Collection[Kind] = KINDS) -> list[dict[str, Any]]:
    """Return what `gateway.json` has of the server's offers, locked as they are; `prefix` is that of its prompts."""
    found = []
    for kind in KINDS:
        for own, held in compared(kind, offers(scheme)[MEMBERS[kind]] if kind in kinds else ()).items():
            assert held is not None
            name = f"{prefix}{own}" if kind == "prompts" else own
            shown = {**held, KEYS[kind]: name}
            found.append({"kind": kind, "name": name, "upstream": own, "hash": fingerprint(held), "definition": shown})
    return found


async def settle(ask: Callable[[], Awaitable[Answer]], *, refused: bool) -> Answer:
    """Ask until the answer is a result, or is none."""
    async with asyncio.timeout(10):
        while ("result" in (answer := await ask()).json) is refused:  # noqa: ASYNC110  (asked over HTTP)
            await asyncio.sleep(0.01)
    return answer


def server(name: str, *options: str, **fields: object) -> dict[str, Any]:
    argv = [sys.executable, "-I", "-S", str(SUPPORT / "offering.py"), "--scheme", name, *options]
    others: dict[str, object] = {key: fields.pop(key) for key in ("offers", "shut") if key in fields}
    tool = {**TOOL, "name": f"{name}_change"}
    tools = [{"name": tool["name"], "upstream": "change", "hash": fingerprint(TOOL), "definition": tool}]
    return {**entry(name, argv, tools=tools, **fields), "offers": offered(name), **others}


@asynccontextmanager
async def served(*servers: dict[str, Any], **fields: object) -> AsyncIterator[tuple[Running, Http]]:
    async with gateway(generation_of(*servers, **fields)) as running:
        await running.ready()
        async with running.client() as client:
            yield running, client


async def probe(*options: str) -> OffersAnswer:
    spec = generation_of(server("wiki", *options)).servers[0].launch.filled({})
    return (await StdioProber(ProcessEngine(), client=CLIENT, era_seconds=2).probe(spec, timeout=20)).offers


@pytest.mark.parametrize("era", [(), ("--legacy",)])
def test_all_that_a_server_has_the_capability_for_is_listed(era: tuple[str, ...]) -> None:
    @on_loop
    async def listed() -> None:
        found = await probe(*era)
        assert found.problems == {}
        assert {kind: list(each) for kind, each in found.listed.items()} == {
            kind: offers("wiki")[member] for kind, member in MEMBERS.items()
        }

    listed()


@on_loop
async def test_what_a_server_has_no_capability_for_is_not_asked_for() -> None:
    assert (await probe("--without", "prompts,resources")).listed == {}
    assert set((await probe("--without", "resources")).listed) == {"prompts"}


@on_loop
async def test_all_pages_are_read() -> None:
    assert len((await probe("--fault", "two resources")).listed["resources"]) == 2


@on_loop
async def test_a_list_that_cannot_be_used_takes_no_other_with_it() -> None:
    found = await probe("--fault", "refuses resources")
    assert set(found.listed) == {"prompts", "templates"}
    assert found.problems == {"resources": 'refuses to list its resources ({"code": -32603, "message": "Not today"})'}
    found = await probe("--fault", "endless prompts")
    assert "at most 1000" in found.problems["prompts"]
    assert set(found.listed) == {"resources", "templates"}


@on_loop
async def test_a_list_that_is_not_there_is_none() -> None:
    found = await probe("--fault", "no resourceTemplates")
    assert (set(found.listed), found.problems) == ({"prompts", "resources"}, {})


@on_loop
async def test_what_cannot_be_read_is_counted() -> None:
    found = await probe("--word", "x" * 70_000)
    assert found.problems["prompts"] == "lists 1 prompts that cannot be read"
    assert found.listed["prompts"] == ()


@on_loop
async def test_a_modern_client_gets_what_both_eras_offer() -> None:
    blog = server("blog", "--legacy", offers=offered("blog", prefix="b_", kinds=PROMPTS))
    async with served(server("wiki"), blog) as (_, client):
        found = (await client.modern("server/discover")).json["result"]["capabilities"]
        assert found == {
            "tools": {"listChanged": False},
            "prompts": {"listChanged": False},
            "completions": {},
            "resources": {"subscribe": False, "listChanged": False},
        }
        prompts = (await client.modern("prompts/list")).json["result"]
        assert [each["name"] for each in prompts["prompts"]] == ["summary", "b_summary"]
        assert (prompts["resultType"], prompts["cacheScope"]) == ("complete", "private")
        resources = (await client.modern("resources/list")).json["result"]["resources"]
        assert [each["uri"] for each in resources] == ["wiki://about"]
        assert "size" not in resources[0]
        templates = (await client.modern("resources/templates/list")).json["result"]["resourceTemplates"]
        assert [each["uriTemplate"] for each in templates] == ["wiki://pages/{title}"]
        for name, said in (("summary", "wiki"), ("b_summary", "blog")):
            got = await client.modern("prompts/get", {"name": name, "arguments": {"title": "Ä"}})
            assert got.json["result"]["messages"][0]["content"]["text"] == f'{said} {{"title": "\\u00c4"}}'
            assert got.json["result"]["resultType"] == "complete"
        read = await client.modern(
            "resources/read", {"uri": "wiki://pages/a%20b"}, **{"mcp-name": "wiki://pages/a%20b"}
        )
        assert read.json["result"]["contents"] == [
            {"uri": "wiki://pages/a%20b", "text": "what is at wiki://pages/a%20b"}
        ]


@on_loop
async def test_a_result_of_the_old_era_says_to_a_modern_client_that_nobody_may_keep_it() -> None:
    async with served(server("blog", "--legacy")) as (_, client):
        read = await client.modern("resources/read", {"uri": "blog://about"}, **{"mcp-name": "blog://about"})
        result = read.json["result"]
        assert (result["resultType"], result["ttlMs"], result["cacheScope"]) == ("complete", 0, "private")
        got = await client.modern("prompts/get", {"name": "summary"})
        assert "ttlMs" not in got.json["result"]


@on_loop
async def test_a_client_of_the_old_era_gets_the_same() -> None:
    async with served(server("wiki"), server("blog", "--legacy", offers=offered("blog", prefix="b_"))) as (_, client):
        opened = await client.open_session()
        assert set(opened.json["result"]["capabilities"]) == {"tools", "prompts", "resources", "completions"}
        listed = (await client.legacy("resources/list")).json["result"]
        assert [each["uri"] for each in listed["resources"]] == ["wiki://about", "blog://about"]
        assert set(listed) == {"resources"}
        assert (await client.legacy("resources/list", {"cursor": "x"})).code == wire.INVALID_PARAMS
        for uri in ("wiki://about", "blog://pages/1"):
            read = await client.legacy("resources/read", {"uri": uri})
            assert read.json["result"]["contents"][0]["text"] == f"what is at {uri}"
        got = await client.legacy("prompts/get", {"name": "b_summary"})
        assert got.json["result"]["messages"][0]["content"]["text"] == "blog null"


async def values(client: Http, reference: object, argument: str = "a", *, modern: bool = True) -> Any:  # noqa: ANN401
    """Return what an argument may be, or the code of the error."""
    params = {"ref": reference, "argument": {"name": "title", "value": argument}}
    ask = client.modern if modern else client.legacy
    answer = (await ask("completion/complete", params)).json
    return answer["result"]["completion"]["values"] if "result" in answer else answer["error"]["code"]


@on_loop
async def test_arguments_are_completed_by_the_server_in_its_own_words() -> None:
    blog = server("blog", "--legacy", offers=offered("blog", prefix="b_"))
    async with served(server("wiki"), blog) as (_, client):
        await client.open_session()
        for modern in (False, True):
            prompt = {"type": "ref/prompt", "name": "b_summary", "title": "Sum"}
            (found,) = await values(client, prompt, modern=modern)
            assert json.loads(found.removeprefix("a of ")) == {**prompt, "name": "summary"}
            template = {"type": "ref/resource", "uri": "wiki://pages/{title}"}
            (found,) = await values(client, template, modern=modern)
            assert json.loads(found.removeprefix("a of ")) == template
            for unknown in (
                {"type": "ref/prompt", "name": "other"},
                {"type": "ref/resource", "uri": "wiki://pages/1"},
                {"type": "ref/tool", "name": "summary"},
                {},
            ):
                assert await values(client, unknown, modern=modern) == wire.INVALID_PARAMS
        assert await values(client, "summary") == wire.INVALID_PARAMS
        assert await values(client, {"type": "ref/prompt", "name": 1}) == wire.INVALID_PARAMS


@on_loop
async def test_what_a_server_does_not_complete_has_no_values_and_what_is_refused_has_none_either() -> None:
    wiki = server("wiki", "--without", "completions", offers=offered("wiki", kinds=RESOURCES))
    blog = server("blog", "--word", "Other", offers=offered("blog", kinds=RESOURCES))
    async with served(wiki, blog) as (_, client):
        assert await values(client, {"type": "ref/resource", "uri": "wiki://about"}) == []
        assert await values(client, {"type": "ref/resource", "uri": "blog://about"}) == wire.QUARANTINED
    async with served(server("wiki", offers=[])) as (_, client):
        assert await values(client, {"type": "ref/resource", "uri": "wiki://about"}) == wire.METHOD_NOT_FOUND


@on_loop
async def test_what_is_not_locked_is_unknown() -> None:
    only = server("wiki", offers=offered("wiki", kinds=RESOURCES))
    async with served(only) as (_, client):
        assert (await client.modern("prompts/list")).code == wire.METHOD_NOT_FOUND
        assert (await client.modern("prompts/get", {"name": "summary"})).code == wire.METHOD_NOT_FOUND
        read = await client.modern("resources/read", {"uri": "wiki://pages/1"}, **{"mcp-name": "wiki://pages/1"})
        assert (read.status, read.code) == (400, wire.INVALID_PARAMS)
        assert (await client.modern("resources/templates/list")).json["result"]["resourceTemplates"] == []
        await client.open_session()
        assert (await client.legacy("resources/read", {"uri": "wiki://pages/1"})).code == wire.NO_RESOURCE
        assert (await client.legacy("resources/read", {})).code == wire.INVALID_PARAMS
        assert (await client.legacy("resources/subscribe", {"uri": "wiki://about"})).code == wire.METHOD_NOT_FOUND


@on_loop
async def test_a_header_that_names_something_else_is_refused() -> None:
    async with served(server("wiki")) as (_, client):
        read = await client.modern("resources/read", {"uri": "wiki://about"}, **{"mcp-name": "wiki://other"})
        assert read.code == wire.HEADER_MISMATCH
        got = await client.modern("prompts/get", {"name": "summary"}, **{"mcp-name": "other"})
        assert got.code == wire.HEADER_MISMATCH


@on_loop
async def test_what_is_shut_is_not_read_through_a_template_however_it_is_spelt() -> None:
    async with served(server("wiki", shut=["wiki://pages/secret*"])) as (_, client):
        await client.open_session()
        for uri in ("wiki://pages/secret", "wiki://pages/secret/1", "wiki://pages/%73ecret"):
            assert (await client.legacy("resources/read", {"uri": uri})).code == wire.NO_RESOURCE
        assert "result" in (await client.legacy("resources/read", {"uri": "wiki://pages/open"})).json
        assert (await client.legacy("resources/read", {"uri": "wiki://pages/" + "x" * 20_000})).code == wire.NO_RESOURCE


@on_loop
async def test_what_differs_from_the_lock_is_refused_and_all_else_is_served() -> None:
    async with served(server("wiki", "--word", "Poisoned")) as (_, client):
        refused = await client.modern("prompts/get", {"name": "summary"})
        assert refused.code == wire.QUARANTINED
        why = "its definition differs from the locked one"
        assert refused.json["error"]["message"] == f"The prompt is quarantined: {why}"
        assert (await client.call("wiki_change", of="prompts")).json["result"]["content"][0]["text"] == "changed"
        told = (await client.send("GET", path="/status")).json
        names = ("prompt summary", "resource wiki://about", "resource template wiki://pages/{title}")
        assert told["servers"][0]["quarantined"] == dict.fromkeys(names, why)


@on_loop
async def test_a_change_while_it_runs_is_seen() -> None:
    async with served(server("wiki")) as (_, client):
        for kind, method, params in (
            ("prompts", "prompts/get", {"name": "summary"}),
            ("resources", "resources/read", {"uri": "wiki://about"}),
            ("resourceTemplates", "resources/read", {"uri": "wiki://pages/1"}),
        ):
            named = {"mcp-name": params.get("uri", params.get("name", ""))}
            ask = partial(client.modern, method, params, **named)
            assert "result" in (await ask()).json
            await client.call("wiki_change", of=kind)
            assert (await settle(ask, refused=True)).code == wire.QUARANTINED


@on_loop
async def test_what_the_server_no_longer_offers_is_refused() -> None:
    async with served(server("wiki", "--without", "resources")) as (_, client):
        await client.open_session()
        answer = await client.legacy("resources/read", {"uri": "wiki://about"})
        assert answer.json["error"]["message"] == "The resource is quarantined: the server no longer offers it"
        answer = await client.legacy("resources/read", {"uri": "wiki://pages/1"})
        assert answer.json["error"]["message"].startswith("The resource template is quarantined")


@on_loop
async def test_a_profile_has_what_its_servers_offer_and_nothing_else() -> None:
    profiles = {
        "team": {"path": "/team/mcp", "tools": [], "servers": ["blog"]},
        "none": {"path": "/none/mcp", "tools": []},
    }
    both = (server("wiki"), server("blog", offers=offered("blog", prefix="b_")))
    async with served(*both, profiles=profiles) as (running, _), running.client() as client:

        async def ask(path: str, method: str, **params: str) -> Any:  # noqa: ANN401  (any JSON value)
            meta = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
            headers = {"mcp-protocol-version": MODERN, "mcp-method": method}
            headers |= {"mcp-name": params.get("uri", params.get("name", ""))} if params else {}
            return (await client.send("POST", json.dumps(body).encode(), path=path, headers=headers)).json

        listed = await ask("/team/mcp", "prompts/list")
        assert [each["name"] for each in listed["result"]["prompts"]] == ["b_summary"]
        assert "result" in await ask("/team/mcp", "resources/read", uri="blog://pages/1")
        for uri in ("wiki://about", "wiki://pages/1"):
            refused = await ask("/team/mcp", "resources/read", uri=uri)
            assert refused["error"]["code"] == wire.INVALID_PARAMS
        assert (await ask("/team/mcp", "prompts/get", name="summary"))["error"]["code"] == wire.INVALID_PARAMS
        assert (await ask("/none/mcp", "prompts/list"))["error"]["code"] == wire.METHOD_NOT_FOUND
        found = await ask("/none/mcp", "server/discover")
        assert set(found["result"]["capabilities"]) == {"tools"}


@on_loop
async def test_a_generation_that_has_more_is_listed_anew_on_the_child_that_runs() -> None:
    bare = server("wiki", offers=[])
    async with served(bare) as (running, client):
        assert (await client.modern("prompts/list")).code == wire.METHOD_NOT_FOUND
        running.generations.put_nowait(generation_of(server("wiki")))
        await settle(partial(client.modern, "prompts/get", {"name": "summary"}), refused=False)


def test_a_damaged_generation_is_refused() -> None:
    twice = server("wiki", offers=[*offered("wiki"), *offered("wiki")])
    with pytest.raises(RuntimeFailure) as found:
        generation_of(twice)
    assert "stands twice" in found.value.detail
    other = offered("wiki")
    other[0]["definition"]["name"] = "another"
    with pytest.raises(RuntimeFailure) as found:
        generation_of(server("wiki", offers=other))
    assert "is of another" in found.value.detail
    with pytest.raises(RuntimeFailure) as found:
        generation_of(server("wiki"), profiles={"team": {"path": "/team", "tools": [], "servers": ["blog"]}})
    assert "which is not there" in found.value.detail
