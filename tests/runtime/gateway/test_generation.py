"""The file that apply writes is read whole or refused with what is wrong."""

import json
from typing import Any

import pytest

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import generation
from mcphub_gitops.runtime.ports import ChildSpec
from tests.support.gateway_hub import echo_entry, generation_of, tool_entry

ENTRY = echo_entry("notes", tools=["echo"], env={"A": "1"}, secrets={"KEY": "env://KEY"}, hidden=["/secret"])


def document(**changes: object) -> dict[str, Any]:
    return {
        "format": "mcphub.generation/v1",
        "hub": "acme",
        "plan": "sha256:" + "0" * 64,
        "listen": "127.0.0.1:8811",
        "publicUrl": "",
        "servers": [ENTRY],
        **changes,
    }


def problem_of(data: object) -> str:
    with pytest.raises(RuntimeFailure) as raised:
        generation.decode(data if isinstance(data, bytes) else json.dumps(data).encode())
    assert raised.value.brief == "the applied generation cannot be read"
    return raised.value.detail


def test_a_generation_is_read_with_all_its_parts() -> None:
    found = generation.decode(json.dumps(document(publicUrl="https://mcp.acme.example")).encode())
    assert (found.hub, found.listen, found.public_url) == ("acme", "127.0.0.1:8811", "https://mcp.acme.example")
    (server,) = found.servers
    assert server.name == "notes"
    assert [tool.name for tool in server.tools] == ["echo"]


def test_a_server_is_started_as_it_stands_there_with_its_secrets_masked() -> None:
    server = generation_of(ENTRY).servers[0]
    spec = server.launch.filled({"KEY": "value"})
    assert isinstance(spec, ChildSpec)
    assert spec.env == {"A": "1", "KEY": "value"}
    assert spec.secrets == ("KEY",)
    assert spec.hidden == ("/secret",)
    assert "value" not in repr(spec)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "mcphub.generation/v2"},
        {"hub": ""},
        {"plan": "sha256:0"},
        {"plan": "sha256:" + "0" * 64 + "\n"},
        {"listen": "8811"},
        {"listen": "127.0.0.1:8811\n"},
        {"publicUrl": "https://acme.example/path"},
        {"publicUrl": "ftp://acme.example"},
        {"servers": None},
        {"servers": [{**ENTRY, "kind": "other"}]},
        {"servers": [{**ENTRY, "unknown": 1}]},
        {"servers": [{**ENTRY, "spec": {**ENTRY["spec"], "env": {"A": 1}}}]},
        {"servers": [{**ENTRY, "kind": "remote"}]},
        {"unknown": 1},
    ],
)
def test_what_is_not_of_the_format_is_refused(change: dict[str, Any]) -> None:
    assert problem_of(document(**change))


def test_two_servers_or_tools_of_one_name_are_refused() -> None:
    assert "'notes' stands there twice" in problem_of(document(servers=[ENTRY, ENTRY]))
    other = {**ENTRY, "name": "other"}
    assert "the tool 'echo' stands there twice" in problem_of(document(servers=[ENTRY, other]))


def test_a_definition_must_carry_the_name_that_clients_see() -> None:
    tool = {**tool_entry("echo"), "name": "renamed"}
    assert "has another name" in problem_of(document(servers=[{**ENTRY, "tools": [tool]}]))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"format":"\xff"}'])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    assert problem_of(data)


def test_a_definition_that_is_not_utf8_is_refused() -> None:
    data = json.dumps(document()).encode().replace(b"Does echo.", b"Does \xff.")
    assert problem_of(data)


def test_a_definition_nested_without_end_is_refused() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    data = json.dumps(document()).encode().replace(b'"Does echo."', deep)
    assert problem_of(data)


@pytest.mark.parametrize(
    "change",
    [
        {"argv": ["/bin/other"]},
        {"cwd": "/"},
        {"env": {"A": "2"}},
        {"secrets": {}},
        {"readable": []},
        {"writable": ["/srv/x"]},
        {"hidden": []},
    ],
)
def test_a_server_that_starts_otherwise_is_another_one(change: dict[str, Any]) -> None:
    spec = {**ENTRY["spec"], **{key: value for key, value in change.items() if key != "secrets"}}
    changed = {**ENTRY, "spec": spec, "secrets": change.get("secrets", ENTRY["secrets"])}
    before, after = generation_of(ENTRY).servers[0], generation_of(changed).servers[0]
    assert not before.starts_like(after)


def test_other_tools_alone_keep_a_server_the_same() -> None:
    before = generation_of(ENTRY).servers[0]
    after = generation_of({**ENTRY, "tools": [tool_entry("raw")], "optional": True}).servers[0]
    assert before.starts_like(after)


def test_a_generation_can_be_served_elsewhere_and_is_otherwise_the_same() -> None:
    here = generation_of(ENTRY)
    there = generation.listening_on(here, "127.0.0.1:9")
    assert there.listen == "127.0.0.1:9"
    assert generation.listening_on(there, here.listen) == here


@pytest.mark.parametrize(
    "path", ["", "/", "support", "/support/", "//support", "/a/../b", "/.hidden", "/a b", "/a%2Fb", "/a\n", "/a?b"]
)
def test_a_profiles_path_is_plain(path: str) -> None:
    assert problem_of(document(profiles={"support": {"path": path, "tools": ["echo"]}}))


def test_a_profile_has_a_name_a_path_of_its_own_and_tools_that_are_served() -> None:
    found = generation.decode(json.dumps(document(profiles={"a": {"path": "/a/mcp", "tools": ["echo"]}})).encode())
    assert {name: (each.path, set(each.tools)) for name, each in found.profiles.items()} == {"a": ("/a/mcp", {"echo"})}
    one = {"path": "/a", "tools": ["echo"]}
    assert "the path '/a' stands there twice" in problem_of(document(profiles={"a": one, "b": one}))
    assert "the tool 'hidden', which is not there" in problem_of(
        document(profiles={"a": {"path": "/a", "tools": ["echo", "hidden"]}})
    )
    assert problem_of(document(profiles={"": one}))
