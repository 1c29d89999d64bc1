"""Remotes that OAuth opens: the SDK's server, and the token of a catalog's entry, from its reference to the wire."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.runtime.adapters.secrets.dotenv import parse_dotenv
from mcphub_gitops.runtime.adapters.secrets.sources import SecretSources
from mcphub_gitops.runtime.adapters.secrets.vault import read_vault
from mcphub_gitops.runtime.apply.launch import remote_launch
from mcphub_gitops.runtime.engines.remote.engine import RemoteEngine
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway.prober import StdioProber
from mcphub_gitops.runtime.ports import RemoteSpec
from mcphub_gitops.runtime.wish import read_secrets, wish_for
from tests.support.gateway_hub import CLIENT, Http, gateway, generation_of, on_loop, tool_entry
from tests.support.hubs import hub_of, lock_of
from tests.support.remote_sdk import SCHEMA, Tokens, certify, serve

NAME = "docs.example"
TOKEN = "token-that-opens-the-docs"  # noqa: S105  (opens nothing)
ADDING = {"name": "add", "arguments": {"a": 1}}
CATALOG = """\
registry:
  docs:
    type: remote
    remote: {url: "https://docs.example:PORT/mcp", transport_type: streamable-http}
    oauth: {providers: [{provider: docs, secret: docs.personal_access_token, env: DOCS_PERSONAL_ACCESS_TOKEN}]}
"""
HUB = """\
apiVersion: mcphub/v1
name: acme
catalogs: {ours: {path: catalog.yaml}}
servers:
  docs: {from: ours/docs, secrets: {docs.personal_access_token: "env://DOCS_TOKEN"}}
"""


def spec_of(port: int, token: str, folder: Path) -> RemoteSpec:
    """Return how a hub reaches the entry on `port`, its token read from where the hub says that it is."""
    hub = hub_of(HUB, {"catalog.yaml": CATALOG.replace("PORT", str(port)).encode()})
    (server,) = build(hub, *lock_of(hub, {"docs": ("add",)}))[0].servers
    assert server.fields()["secrets.Authorization"] == "Bearer ${env://DOCS_TOKEN}"
    assert server.endpoint is not None
    launch = remote_launch(server, server.endpoint)
    assert TOKEN not in repr(launch)
    filled = launch.filled(read_secrets(sources(folder, DOCS_TOKEN=token), wish_for("docs", launch)))
    assert isinstance(filled, RemoteSpec)
    return replace(filled, private=True)  # The catalog's own address would have to be public.


def sources(folder: Path, **environ: str) -> SecretSources:
    return SecretSources(folder, environ, parse_dotenv=parse_dotenv, read_vault=read_vault)


async def resolve(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.mark.parametrize("legacy", [True, False])
def test_the_token_of_an_entry_opens_the_sdks_server(tmp_path: Path, *, legacy: bool) -> None:
    public, key, trust = certify(tmp_path, NAME)

    @on_loop
    async def scenario() -> None:
        tokens = Tokens({TOKEN}, "https://accounts.example/")
        async with serve(legacy=legacy, certificate=(public, key), tokens=tokens) as remote:
            spec = spec_of(remote.port, TOKEN, tmp_path)
            prober = StdioProber(RemoteEngine(tls=trust, resolve=resolve), client=CLIENT)
            answer = await prober.probe(spec, timeout=10)
            assert [tool["name"] for tool in answer.tools][:2] == ["add", "hang"]
            assert {seen.headers["authorization"] for seen in remote.seen} == {f"Bearer {TOKEN}"}
            assert TOKEN not in "".join(seen.path for seen in remote.seen)

    scenario()


def test_a_token_that_is_not_taken_is_told_without_it_and_taken_nowhere_else(tmp_path: Path) -> None:
    public, key, trust = certify(tmp_path, NAME)

    @on_loop
    async def scenario() -> None:
        async with serve() as accounts:
            tokens = Tokens(set(), accounts.url)
            async with serve(certificate=(public, key), tokens=tokens) as remote:
                prober = StdioProber(RemoteEngine(tls=trust, resolve=resolve), client=CLIENT)
                with pytest.raises(RuntimeFailure) as raised:
                    await prober.probe(spec_of(remote.port, TOKEN, tmp_path), timeout=10)
                assert "wants credentials (status 401)" in raised.value.detail
                assert TOKEN not in raised.value.detail
                assert remote.seen
                assert accounts.seen == []

    scenario()


@pytest.mark.parametrize("legacy", [True, False])
def test_a_token_that_ran_out_is_read_anew(tmp_path: Path, *, legacy: bool) -> None:
    file = tmp_path / "token"
    file.write_text("first-token", "utf-8")
    file.chmod(0o600)

    @on_loop
    async def scenario() -> None:
        tokens = Tokens({"first-token"}, "https://accounts.example/")
        async with serve(legacy=legacy, tokens=tokens) as remote:
            spec = {"server": "sums", "url": remote.url, "headers": {}, "private": True}
            tool = {"name": "add", "description": "For tests.", "inputSchema": SCHEMA}
            server = {"name": "sums", "kind": "remote", "spec": spec, "tools": [tool_entry(tool)]}
            served = generation_of({**server, "secrets": {"Authorization": f"Bearer ${{file://{file}}}"}})
            reading = sources(tmp_path)
            async with gateway(served, spawner=RemoteEngine(), secrets=reading) as running, running.client() as client:
                await running.ready()
                assert (await add(client))["result"]["content"][0]["text"] == "1"
                tokens.valid = {"second-token"}
                file.write_text("second-token", "utf-8")
                assert "wants credentials (status 401)" in (await add(client))["error"]["message"]
                # A call that comes before the gateway knows of the end is told that the server has ended.
                async with asyncio.timeout(10):
                    while "result" not in (found := await add(client)):
                        assert "ended" in found["error"]["message"]
                assert [seen.headers["authorization"] for seen in remote.seen][-1] == "Bearer second-token"

    scenario()


async def add(client: Http) -> dict[str, Any]:
    """Call the tool as a client does, and return what it got."""
    found: dict[str, Any] = (await client.modern("tools/call", ADDING, **{"mcp-param-first": "1"})).json
    return found
