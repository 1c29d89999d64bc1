import json
import tomllib

import pytest

from mcphub_gitops.compiler.render.client import CLIENTS, VARIABLE, Endpoint

ENDPOINT = Endpoint(name="acme-ops", url="https://mcp.acme.example/ops", argv=("/bin/mcphub", "gateway", "run"))


@pytest.mark.parametrize("name", CLIENTS)
def test_a_part_is_well_formed_has_the_name_and_either_the_url_or_the_program(name: str) -> None:
    text = CLIENTS[name].render(ENDPOINT)
    found = tomllib.loads(text) if name == "codex" else json.loads(text)
    (servers,) = (part for key, part in found.items() if key != "inputs")
    assert list(servers) == ["acme-ops"]
    assert (ENDPOINT.url in text) is not CLIENTS[name].starts_it
    assert ("/bin/mcphub" in text) is CLIENTS[name].starts_it
    assert text.endswith("\n")


@pytest.mark.parametrize("name", [name for name, client in CLIENTS.items() if VARIABLE in client.handover])
def test_the_token_comes_from_the_variable_that_the_words_name(name: str) -> None:
    assert VARIABLE in CLIENTS[name].render(ENDPOINT)
