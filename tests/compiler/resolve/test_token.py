import pytest

from mcphub_gitops.compiler.resolve.catalog import CatalogServer, read_catalog
from mcphub_gitops.compiler.resolve.needs import needs_of
from mcphub_gitops.compiler.resolve.token import with_token
from tests.support.shared import SHARED, needs_shared_data

BOARD = """\
registry:
  board:
    remote: {url: "https://board.example/mcp", transport_type: http, headers: {HEADERS}}
    oauth: {providers: [PROVIDERS]}
    secrets: [SECRETS]
"""
PROVIDER = "{provider: p, secret: board.token, env: BOARD_TOKEN}"


def entry(*, providers: str = PROVIDER, headers: str = "", secrets: str = "") -> CatalogServer:
    text = BOARD.replace("PROVIDERS", providers).replace("HEADERS", headers).replace("SECRETS", secrets)
    catalog = read_catalog("catalog.yaml", text.encode())[0]
    assert catalog is not None
    found = catalog.get("board")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("providers", "name", "variable"),
    [
        (PROVIDER, "board.token", "BOARD_TOKEN"),
        ("{provider: p, secret: board.token}", "board.token", "ACCESS_TOKEN"),
        ("{provider: p}", "p", "ACCESS_TOKEN"),
    ],
)
def test_what_oauth_alone_opens_takes_a_token(providers: str, name: str, variable: str) -> None:
    found = with_token(entry(providers=providers, headers="X-Team: acme"))
    (secret,) = found.secrets
    assert (secret.name, secret.variable, secret.required, secret.is_token) == (name, variable, True, True)
    assert found.remote is not None
    assert [(header, text.value) for header, text in found.remote.headers] == [
        ("X-Team", "acme"),
        ("Authorization", f"Bearer ${{{variable}}}"),
    ]
    assert [(need.name, need.required, need.detail) for need in needs_of(found).each] == [
        (name, True, "an access token, as OAuth gives it")
    ]


@pytest.mark.parametrize(
    ("providers", "headers", "secrets"),
    [
        ("", "", ""),
        (PROVIDER, "", "{name: board.key, env: KEY}"),
        (PROVIDER, "authorization: Basic eDp5", ""),
    ],
)
def test_what_says_itself_who_asks_is_left(providers: str, headers: str, secrets: str) -> None:
    before = entry(providers=providers, headers=headers, secrets=secrets)
    assert with_token(before) is before


def test_tokens_of_several_providers_are_refused() -> None:
    found = with_token(entry(providers="{provider: one}, {provider: other}"))
    (refusal,) = found.refusals
    assert refusal.detail == "It takes tokens of `one` and `other`, and does not say which."
    assert (refusal.span.start.line, found.secrets) == (4, ())


@needs_shared_data
def test_forty_servers_of_the_published_catalog_take_a_token() -> None:
    catalog = read_catalog("c", (SHARED / "docker-mcp-catalog.yaml").read_bytes())[0]
    assert catalog is not None
    servers = [with_token(each) for each in map(catalog.get, catalog.names) if each is not None]
    tokens = [secret for server in servers for secret in server.secrets if secret.is_token]
    assert len({secret.name for secret in tokens}) == len(tokens) == 40
