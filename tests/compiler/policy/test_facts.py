from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer, build
from mcphub_gitops.compiler.plan.endpoint import Endpoint
from mcphub_gitops.compiler.plan.tool import Tool, Tools
from mcphub_gitops.compiler.policy.cost import estimate_tokens
from mcphub_gitops.compiler.policy.facts import facts_of_hub
from mcphub_gitops.compiler.policy.model import GivenServer
from mcphub_gitops.compiler.policy.vocabulary import KINDS, Kind, facts_of, flatten, seen_by, variables_of
from mcphub_gitops.compiler.resolve.model import Hub, Remote, SecretRef, Text
from mcphub_gitops.compiler.source import Source
from tests.support.hubs import hub_of, lock_of

HUB = """\
apiVersion: mcphub/v1
name: acme
owner: platform
defaults: {run: container, base: {python: "python:3.12-slim"}}
gateway: {publicUrl: "https://mcp.acme.example"}
servers:
  notes:
    image: registry.example/team/notes:3
    owner: notes-team
    args: [--fast]
    user: "0"
    network: bridge
    capabilities: [NET_ADMIN]
    privileged: true
    pid: host
    ipc: host
    readOnly: false
    mounts: ["./data:/data", "/etc/ssl:/etc/ssl", "cache:/cache:rw"]
    resources: {memory: 64Mi, pids: 16, cpus: 0.5}
    env: {LEVEL: info}
    secrets: {KEY: "env://NOTES_KEY", TOKEN: {ref: "file://token", as: file}}
    relax:
      reason: it is what it is
      network: bridge
      user: "0"
      capabilities: [NET_ADMIN]
      privileged: true
      pid: host
      ipc: host
      readOnly: false
      mounts: [/etc/ssl]
  time: {package: "pypi:mcp-server-time@1", prefix: t, tools: {deny: [hidden]}}
  local: {command: [python3, srv/local.py], run: process, paths: {read: [docs], write: [out]}}
  docs:
    remote:
      url: "https://Docs.Example:8443/mcp"
      headers: {Authorization: "Bearer ${secrets.A}$$ ${secrets.B}"}
    secrets: {A: "env://A", B: "file://b"}
  intern: {remote: {url: "http://[fd00::1]/mcp", private: it stands in our own network}}
  gone: {image: "notes:3", enabled: false}
"""
TOOLS = {"notes": ("a",), "time": ("now", "hidden"), "local": (), "docs": ("b",), "intern": ("c",), "gone": ()}
LOCKED_HUB = hub_of(HUB)


def facts(hub: Hub = LOCKED_HUB, desired: Desired | None = None) -> Mapping[str, GivenServer]:
    return {each.facts["name"]: each for each in facts_of_hub(hub, desired).servers}


def bound(hub: Hub = LOCKED_HUB) -> Desired:
    lock, definitions = lock_of(hub, TOOLS)
    return build(hub, Lock(servers=lock.servers), definitions)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_fact_has_a_type_and_a_default_of_it(kind: Kind) -> None:
    types = {"string": str, "integer": int, "number": float, "boolean": bool, "strings": list, "records": list}
    for name, fact in variables_of(kind, derived=True).items():
        assert fact.type is not None
        assert type(fact.default) is types[fact.type], name


def test_the_facts_of_a_hub_are_those_of_the_schema() -> None:
    given = facts_of_hub(LOCKED_HUB, bound())
    assert given.hub.keys() == {fact.name for fact in facts_of("hub")}
    for server in given.servers:
        assert server.facts.keys() == {fact.name for fact in facts_of("server")}
        assert dict(flatten("server", server.facts)).keys() == {
            name for name in variables_of("server", derived=True) if name.startswith("server.")
        }
        for thing, key in (("secret", "secrets"), ("mount", "mounts"), ("host", "hosts")):
            for each in server.facts[key]:
                assert each.keys() == {fact.name for fact in facts_of(thing)}
        for tool in server.tools:
            assert tool.keys() == {fact.name for fact in facts_of("tool")}
    assert seen_by("server") == ("hub", "server")


def test_a_hub_and_its_enabled_servers() -> None:
    given = facts_of_hub(LOCKED_HUB, None)
    assert [each.facts["name"] for each in given.servers] == ["docs", "intern", "local", "notes", "time"]
    hub = {key: value for key, value in given.hub.items() if value}
    assert hub == {
        "name": "acme",
        "owner": "platform",
        "listen": "127.0.0.1:8811",
        "publicUrl": "https://mcp.acme.example",
    }


def test_a_container_with_all_that_it_was_given() -> None:
    found = facts(desired=bound())["notes"].facts
    locked = found["image"].pop("locked")
    assert locked.startswith("sha256:")
    assert found["image"] == {"registry": "registry.example", "repository": "team/notes", "tag": "3", "digest": ""}
    assert (found["kind"], found["origin"], found["owner"], found["user"]) == ("container", "image", "notes-team", "0")
    flags = ("privileged", "hostPid", "hostIpc", "writableRoot", "root", "locked")
    assert [found[name] for name in flags] == [True] * 6
    assert (found["network"], found["capabilities"]) == ("bridge", ["NET_ADMIN"])
    assert (found["memory"], found["pids"], found["cpus"]) == (64, 16, 0.5)
    assert found["command"] == ["--fast"]
    assert (found["env"], found["reason"]) == (["LEVEL"], "it is what it is")
    assert [(each["source"], each["kind"], each["writable"], each["sensitive"]) for each in found["mounts"]] == [
        ("data", "bind", False, False),
        ("/etc/ssl", "bind", False, True),
        ("cache", "volume", True, False),
    ]
    assert [(each["variable"], each["store"], each["reference"], each["file"]) for each in found["secrets"]] == [
        ("KEY", "env", "env://NOTES_KEY", False),
        ("TOKEN", "file", "file://token", True),
    ]


def test_a_package_in_a_container() -> None:
    found = facts(desired=bound())["time"]
    assert found.facts["package"] == {
        "ecosystem": "pypi",
        "name": "mcp-server-time",
        "version": "1",
        "locked": "mcp-server-time==1",
    }
    assert found.facts["image"]["repository"] == "library/python"
    assert found.facts["owner"] == "platform"
    assert (found.facts["user"], found.facts["root"]) == ("65532:65532", False)
    assert [(tool["name"], tool["exposed"]) for tool in found.tools] == [("now", "t_now")]


def test_what_is_not_locked_is_unknown() -> None:
    found = facts()["time"]
    assert found.facts["locked"] is False
    assert found.facts["package"]["locked"] == ""
    assert found.facts["image"]["locked"] == ""
    assert found.facts["user"] == "65532:65532"
    assert found.tools == ()
    (time,) = (each for each in LOCKED_HUB.servers if each.name == "time")
    newest = replace(time, origin=replace(time.origin, version=None))  # type: ignore[arg-type]
    assert facts(replace(LOCKED_HUB, servers=(newest,)))["time"].facts["package"]["version"] == ""


def test_a_process_has_a_network_that_nothing_limits() -> None:
    found = facts(desired=bound())["local"].facts
    assert (found["kind"], found["origin"], found["network"]) == ("process", "command", "host")
    assert (found["memory"], found["pids"], found["cpus"], found["user"], found["root"]) == (0, 0, 0.0, "", False)
    assert (found["read"], found["write"]) == (["docs"], ["out"])
    assert found["command"] == ["python3", "srv/local.py"]
    assert found["image"]["repository"] == ""


def test_a_remote_server_names_its_host() -> None:
    found = facts(desired=bound())
    assert found["docs"].facts["hosts"] == [{"name": "docs.example", "port": 8443, "tls": True, "private": False}]
    assert found["intern"].facts["hosts"] == [{"name": "fd00::1", "port": 80, "tls": False, "private": True}]
    assert found["intern"].facts["reason"] == "it stands in our own network"
    assert (found["docs"].facts["kind"], found["docs"].facts["network"]) == ("remote", "remote")


def test_a_composed_secret_is_each_of_its_references() -> None:
    found = facts()["docs"].facts["secrets"]
    assert [(each["variable"], each["reference"]) for each in found] == [
        ("Authorization", "env://A"),
        ("Authorization", "file://b"),
    ]


def test_a_secret_of_a_declared_store_names_the_store() -> None:
    (docs,) = (each for each in LOCKED_HUB.servers if each.name == "docs")
    span = Source("x", "").span(0, 0)
    ref = SecretRef(variable="KEY", scheme="store", location="corp/mcp/docs#key", span=span)
    (found,) = facts(replace(LOCKED_HUB, servers=(replace(docs, secrets=(ref,)),)))["docs"].facts["secrets"]
    assert (found["store"], found["reference"]) == ("corp", "store://corp/mcp/docs#key")


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example/mcp", {"name": "a.example", "port": 443, "tls": True, "private": False}),
        ("http://a.example", {"name": "a.example", "port": 80, "tls": False, "private": False}),
        ("ftp://a b", {"name": "", "port": 0, "tls": False, "private": False}),
    ],
)
def test_a_host_is_what_a_url_names(url: str, host: Mapping[str, Any]) -> None:
    (docs,) = (each for each in LOCKED_HUB.servers if each.name == "docs")
    span = Source("x", "").span(0, 0)
    other = replace(docs, origin=Remote(url=Text(value=url, span=span), span=span))
    assert facts(replace(LOCKED_HUB, servers=(other,)))["docs"].facts["hosts"] == [host]


def tool_facts(**definition: Any) -> Mapping[str, Any]:  # noqa: ANN401  (any JSON)
    tool = Tool(name="x_purge", upstream="purge", hash="", definition={"name": "x_purge", **definition})
    server = DesiredServer(
        name="docs",
        environment=None,
        endpoint=Endpoint(url="", headers={}),
        argv=(),
        env={},
        secrets={},
        read=(),
        write=(),
        files={},
        code="",
        tools=Tools.of([tool]),
        hidden={},
    )
    desired = Desired(hub="acme", listen="", public_url="", servers=(server,))
    (found,) = facts(desired=desired)["docs"].tools
    return found


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        (None, (False, False, True, False, True)),
        ({}, (False, False, True, False, True)),
        ("read only", (False, False, True, False, True)),
        ({"readOnlyHint": True}, (True, True, False, False, True)),
        ({"readOnlyHint": "true"}, (True, False, True, False, True)),
        ({"readOnlyHint": True, "destructiveHint": True}, (True, True, True, False, True)),
        ({"destructiveHint": False}, (True, False, False, False, True)),
        ({"destructiveHint": 0}, (True, False, True, False, True)),
        ({"openWorldHint": False, "idempotentHint": True}, (True, False, True, True, False)),
    ],
)
def test_what_annotations_do_not_say_counts_as_the_worse(annotations: object, expected: tuple[bool, ...]) -> None:
    found = tool_facts(**({} if annotations is None else {"annotations": annotations}))
    names = ("annotated", "readOnly", "destructive", "idempotent", "openWorld")
    assert tuple(found[name] for name in names) == expected


def test_words_and_arguments_of_a_tool() -> None:
    found = tool_facts(
        annotations={"title": "Purge"}, description="All of it.", inputSchema={"properties": {"b": {}, "a": {}}}
    )
    assert (found["name"], found["exposed"], found["title"]) == ("purge", "x_purge", "Purge")
    assert (found["description"], found["arguments"]) == ("All of it.", ["a", "b"])
    odd = tool_facts(title="Own", description=3, inputSchema=[])
    assert (odd["title"], odd["description"], odd["arguments"]) == ("Own", "", [])
    assert tool_facts(inputSchema={"properties": 3})["arguments"] == []


def test_tokens_are_a_quarter_of_the_bytes() -> None:
    assert estimate_tokens({"name": "é"}) == 4
    assert tool_facts()["tokens"] == estimate_tokens({"name": "x_purge"})


def test_tokens_are_of_what_clients_tell_a_model() -> None:
    told = {"description": "All of it.", "inputSchema": {"type": "object"}}
    untold = {"title": "Purge", "annotations": {"readOnlyHint": True}, "outputSchema": {}, "icons": [], "_meta": {}}
    assert tool_facts(**told, **untold)["tokens"] == estimate_tokens({"name": "x_purge", **told})


def test_how_the_tools_were_read_is_a_fact() -> None:
    catalog = b"""\
version: 3
name: all
displayName: All
registry:
  notes:
    title: Notes
    description: Notes.
    type: server
    image: registry.example/notes@sha256:%s
    tools: [{name: add}, {name: drop, description: Drops.}]
""" % (b"a" * 64)
    text = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
catalogs: {all: {path: catalog.yaml}}
servers:
  named: {from: all/notes, definitions: {from: catalog, reason: no account}}
  prompts: {command: [python3, srv/prompts.py], tools: {none: for its prompts}}
"""
    hub = hub_of(text, {"catalog.yaml": catalog})
    desired, _ = build(hub, *lock_of(hub, {"prompts": ()}))
    named, prompts = facts_of_hub(hub, desired).servers
    assert (named.facts["definitions"], named.facts["noTools"]) == ("catalog", "")
    assert [tool["namesOnly"] for tool in named.tools] == [True, False]
    assert (prompts.facts["definitions"], prompts.facts["noTools"]) == ("live", "for its prompts")
    assert tool_facts()["namesOnly"] is False


def test_how_a_server_is_spoken_to_and_which_profiles_select_it_and_have_its_tools() -> None:
    hub = hub_of(
        """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  new: {remote: {url: "https://new.example/mcp"}}
  notes: {command: [python3, srv/notes.py]}
  old: {remote: {url: "https://old.example/sse", transport: sse}}
profiles:
  all: {servers: [notes, old]}
  few: {servers: [notes, new], tools: {deny: [notes/drop]}}
"""
    )
    lock, definitions = lock_of(hub, {"new": ("ask",), "notes": ("add", "drop"), "old": ("tell",)})
    desired, problems = build(hub, lock, definitions)
    assert problems == ()
    found = {each.facts["name"]: each for each in facts_of_hub(hub, desired).servers}
    assert {name: (each.facts["transport"], each.facts["profiles"]) for name, each in found.items()} == {
        "new": ("streamable-http", ["few"]),
        "notes": ("stdio", ["all", "few"]),
        "old": ("sse", ["all"]),
    }
    assert {tool["name"]: tool["profiles"] for tool in found["notes"].tools} == {"add": ["all", "few"], "drop": ["all"]}
    unlocked = {each.facts["name"]: each for each in facts_of_hub(hub, None).servers}
    assert unlocked["notes"].facts["profiles"] == ["all", "few"]
