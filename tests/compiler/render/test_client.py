import json
import tomllib

import pytest

from mcphub_gitops.compiler.render.client import CLIENTS, VARIABLE, Endpoint, variable_of
from mcphub_gitops.compiler.render.client_file import Unreadable, put_part, write_part

ENDPOINT = Endpoint(name="acme-ops", url="https://mcp.acme.example/ops", argv=("/bin/mcphub", "gateway", "run"))


@pytest.mark.parametrize("name", CLIENTS)
def test_a_part_is_well_formed_has_the_name_and_either_the_url_or_the_program(name: str) -> None:
    text = write_part(CLIENTS[name].part(ENDPOINT), CLIENTS[name].form)
    found = tomllib.loads(text) if name == "codex" else json.loads(text)
    (servers,) = (part for key, part in found.items() if key != "inputs")
    assert list(servers) == ["acme-ops"]
    assert (ENDPOINT.url in text) is not CLIENTS[name].starts_it
    assert ("/bin/mcphub" in text) is CLIENTS[name].starts_it
    assert text.endswith("\n")


@pytest.mark.parametrize("name", [name for name, client in CLIENTS.items() if client.reads_variable])
def test_the_token_comes_from_the_variable_that_the_words_name(name: str) -> None:
    assert CLIENTS[name].describe_handover(VARIABLE).endswith(f" {VARIABLE}")
    assert VARIABLE in write_part(CLIENTS[name].part(ENDPOINT), CLIENTS[name].form)


def test_each_token_of_a_hub_has_a_variable_of_its_own() -> None:
    assert variable_of("ci-runner") == "MCPHUB_TOKEN_CI_RUNNER"


def put(text: str, name: str) -> str | Unreadable:
    return put_part(text, CLIENTS[name].part(ENDPOINT), CLIENTS[name].form)


@pytest.mark.parametrize("name", CLIENTS)
def test_a_part_is_put_beside_what_is_there_once(name: str) -> None:
    alone = put("", name)
    assert alone == put(" \n", name) == write_part(CLIENTS[name].part(ENDPOINT), CLIENTS[name].form)
    assert put(alone, name) == alone


def test_what_else_stands_in_a_file_is_kept_with_its_indentation() -> None:
    text = (
        '{\n\t"inputs": [{"id": "x"}, {"id": "acme-ops-token"}, 1],\n'
        '\t"servers": {"b": {"type": "stdio"}},\n\t"z": 1.5\n}\n'
    )
    found = put(text, "vscode")
    assert isinstance(found, str)
    assert found.startswith('{\n\t"inputs": [\n\t\t{\n\t\t\t"id": "x"')
    document = json.loads(found)
    assert list(document) == ["inputs", "servers", "z"]
    assert [each["id"] for each in document["inputs"][:2]] == ["x", "acme-ops-token"]
    assert document["inputs"][1]["password"] is True
    assert list(document["servers"]) == ["b", "acme-ops"]
    assert put(found, "vscode") == found


def test_what_is_asked_for_is_asked_for_beside_other_things() -> None:
    found = put('{"inputs": [{"id": "x"}]}', "vscode")
    assert isinstance(found, str)
    assert [each["id"] for each in json.loads(found)["inputs"]] == ["x", "acme-ops-token"]


def test_of_toml_every_comment_is_kept() -> None:
    text = (
        '# mine\nmodel = "m" # this one\n\n[mcp_servers.acme-ops]\nurl = "https://old.example"\n\n'
        '[mcp_servers.b]\nurl = "c"\n'
    )
    found = put(text, "codex")
    assert isinstance(found, str)
    assert found.startswith('# mine\nmodel = "m" # this one\n\n[mcp_servers.acme-ops]\n')
    assert tomllib.loads(found)["mcp_servers"] == {
        "acme-ops": {"url": ENDPOINT.url, "bearer_token_env_var": VARIABLE},
        "b": {"url": "c"},
    }


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("vscode", "// mine\n{}", "It is no JSON without comments, line 1."),
        ("cursor", '{"mcpServers": {"a": 1, "a": 2}}', "It cannot be kept as it is: a key is given twice."),
        ("cursor", "[]", "It is no object."),
        ("cursor", "[" * 100_000, "It is nested deeper than a configuration is."),
        ("cursor", '{"mcpServers": []}', "Its `mcpServers` is something else than such a file has there."),
        ("vscode", '{"inputs": {}}', "Its `inputs` is something else than such a file has there."),
        ("codex", "a = ", "It is no TOML."),
    ],
)
def test_what_has_no_room_for_a_part_is_told(name: str, text: str, why: str) -> None:
    assert put(text, name) == Unreadable(why)
