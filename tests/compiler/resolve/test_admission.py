"""Tokens and groups of a hub; what is told of them stands in tests/cases/diagnostics/MH355-MH359."""

import pytest

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.layering import Environment, open_layers
from mcphub_gitops.compiler.validation import open_document, understand
from tests.support.hubs import hub_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, notes.py]}
profiles:
  readers: {groups: [support], servers: [notes]}
gateway:
  auth:
    tokens:
      desk: {value: "dotenv://.env#DESK", groups: [support]}
      ci: {value: {exec: [pass, show, ci]}, groups: [support]}
"""


def told(text: str) -> list[tuple[str, int]]:
    found = understand(open_document("mcp-hub.yaml", text.encode())).diagnostics
    return [(each.code.name, each.span.line) for each in found]


def test_tokens_are_in_the_order_of_their_names_with_their_groups_and_references() -> None:
    gateway = hub_of(HUB).gateway
    assert [(token.name, str(token.value), [group.value for group in token.groups]) for token in gateway.tokens] == [
        ("ci", "exec://pass?show&ci", ["support"]),
        ("desk", "dotenv://.env#DESK", ["support"]),
    ]
    assert gateway.groups == ()


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("      ci:", "      desk:", "MH105"),
        ("{exec: [pass, show, ci]}", "hunter2", "MH303"),
        ("{exec: [pass, show, ci]}", "ftp://ci", "MH304"),
        ("{exec: [pass, show, ci]}", "{store: corp, key: a, field: b}", "MH302"),
        ("{exec: [pass, show, ci]}", "7", "MH202"),
        ("      ci:", "      Ci:", "MH204"),
        ("{value: {exec: [pass, show, ci]}, groups: [support]}", "{value: 'env://CI'}", "MH203"),
        ("{value: {exec: [pass, show, ci]}, groups: [support]}", "{groups: [support]}", "MH203"),
        ("show, ci]}, groups: [support]", "show, ci]}, groups: []", "MH204"),
        ("show, ci]}, groups: [support]", "show, ci]}, groups: [a b]", "MH204"),
        ("show, ci]}, groups: [support]", "show, ci]}, groups: [support], scopes: [x]", "MH201"),
    ],
)
def test_what_is_no_token_is_told(before: str, after: str, code: str) -> None:
    assert before in HUB
    assert code in [name for name, _ in told(HUB.replace(before, after))]


def test_a_file_that_only_a_server_of_the_hubs_root_stands_beside_is_not_seen_by_it() -> None:
    assert told(HUB) == []
    assert told(HUB.replace("notes.py", "srv/notes.py").replace("dotenv://.env#", "dotenv://srv/.env#")) == [
        ("MH359", 11)
    ]


def test_an_environment_may_take_a_token_away_and_what_was_for_it() -> None:
    overlay = b"gateway: {auth: null}\nprofiles: {readers: {groups: null}}\n"
    document = open_layers(
        "mcp-hub.yaml", HUB.encode(), lambda _pattern: {}, Environment(name="dev", file="dev.yaml", data=overlay)
    )
    found = understand(document)
    assert not has_errors(found.diagnostics)
    assert found.hub is not None
    assert (found.hub.gateway.tokens, found.hub.profiles[0].groups) == ((), ())
