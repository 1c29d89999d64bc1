"""Who may ask, under which names: a table of what browsers, proxies and attackers send."""

import json

import pytest

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway.access import Access, refuse_repeated
from mcphub_gitops.runtime.gateway.keys import Keys, Principal
from tests.support.gateway_hub import TOKEN

LOOPBACK = Access.of(keys=Keys(TOKEN), listen="127.0.0.1:8811", address=("127.0.0.1", 8811))
IPV6 = Access.of(keys=Keys(TOKEN), listen="[::1]:8811", address=("::1", 8811))
NAMED = Access.of(keys=Keys(TOKEN), listen="Hub.acme.example:8811", address=("192.0.2.7", 8811))
ANY = "0.0.0.0"  # noqa: S104  (nothing is bound here)
ANYWHERE = Access.of(keys=Keys(TOKEN), listen=f"{ANY}:8811", address=(ANY, 8811), public_url="https://Mcp.acme.example")
ODD_PORT = Access.of(
    keys=Keys(TOKEN), listen="127.0.0.1:80", address=("127.0.0.1", 80), public_url="http://mcp.acme.example:8080"
)


def status_of(access: Access, host: bytes | None, origin: bytes | None = None) -> int:
    headers = {b"host": host, b"origin": origin}
    reply = access.refuse_place({name: value for name, value in headers.items() if value is not None})
    return 200 if reply is None else reply.status


@pytest.mark.parametrize(
    ("access", "host"),
    [
        (LOOPBACK, b"127.0.0.1:8811"),
        (LOOPBACK, b"localhost:8811"),
        (LOOPBACK, b"LocalHost:8811"),
        (LOOPBACK, b"[::1]:8811"),
        (IPV6, b"[::1]:8811"),
        (IPV6, b"localhost:8811"),
        (NAMED, b"hub.acme.example:8811"),
        (NAMED, b"192.0.2.7:8811"),
        (ANYWHERE, b"0.0.0.0:8811"),
        (ANYWHERE, b"localhost:8811"),
        (ANYWHERE, b"mcp.acme.example"),
        (ANYWHERE, b"MCP.acme.example:443"),
        (ODD_PORT, b"127.0.0.1"),
        (ODD_PORT, b"localhost:80"),
        (ODD_PORT, b"mcp.acme.example:8080"),
    ],
)
def test_the_gateways_own_names_are_accepted(access: Access, host: bytes) -> None:
    assert status_of(access, host) == 200


@pytest.mark.parametrize(
    "host",
    [
        None,
        b"",
        b"evil.example",
        b"evil.example:8811",
        b"127.0.0.1",
        b"localhost",
        b"127.0.0.1:80",
        b"127.0.0.1:88110",
        b"127.0.0.1:08811",
        b"127.0.0.1:8811.",
        b"127.0.0.1:8811.evil.example",
        b"localhost:8811@evil.example",
        b"evil.example@localhost:8811",
        b"user:pass@127.0.0.1:8811",
        b"localhost.:8811",
        b"localhost.evil.example:8811",
        b"xlocalhost:8811",
        b"127.0.0.1:8811,evil.example",
        b"127.0.0.1:8811 ",
        b"127.0.0.1:8811/",
        b"127.0.0.1:8811#",
        b"127.0.0.01:8811",
        b"127.1:8811",
        b"2130706433:8811",
        b"127.0.0.2:8811",
        b"[0:0:0:0:0:0:0:1]:8811",
        b"[::ffff:127.0.0.1]:8811",
        b"::1:8811",
        b"0.0.0.0:8811",
        "l\u00f6calhost:8811".encode(),
        "loca\u017fhost:8811".encode(),
        b"http://127.0.0.1:8811",
        b"*",
    ],
)
def test_any_other_host_is_misdirected(host: bytes | None) -> None:
    assert status_of(LOOPBACK, host) == 421


@pytest.mark.parametrize("host", [b"localhost:8811", b"127.0.0.1:8811", b"acme.example:8811", b"hub.acme.example"])
def test_a_gateway_on_a_real_address_has_no_loopback_names(host: bytes) -> None:
    assert status_of(NAMED, host) == 421


@pytest.mark.parametrize(
    ("access", "origin"),
    [
        (LOOPBACK, None),
        (LOOPBACK, b"http://127.0.0.1:8811"),
        (LOOPBACK, b"http://localhost:8811"),
        (LOOPBACK, b"http://[::1]:8811"),
        (ANYWHERE, b"https://mcp.acme.example"),
        (ODD_PORT, b"http://localhost"),
        (ODD_PORT, b"http://mcp.acme.example:8080"),
    ],
)
def test_the_gateways_own_origins_are_accepted(access: Access, origin: bytes | None) -> None:
    host = {LOOPBACK: b"127.0.0.1:8811", ANYWHERE: b"mcp.acme.example", ODD_PORT: b"localhost"}[access]
    assert status_of(access, host, origin) == 200


@pytest.mark.parametrize(
    "origin",
    [
        b"",
        b"null",
        b"Null",
        b"http://evil.example",
        b"http://localhost",
        b"http://localhost:80",
        b"https://localhost:8811",
        b"http://localhost:8811/",
        b"http://localhost:8811@evil.example",
        b"http://evil.example@localhost:8811",
        b"http://localhost:88110",
        b"http://localhost:8811.evil.example",
        b"http://localhost.:8811",
        b"http://localhost.evil.example:8811",
        b"HTTP://LOCALHOST:8811",
        b"http://localhost:8811 http://evil.example",
        b"http://localhost:8811,http://evil.example",
        b"localhost:8811",
        b"//localhost:8811",
        b"file://",
        b"chrome-extension://abcdef",
        b"http://127.0.0.1:8811\x00",
        b"*",
    ],
)
def test_any_other_origin_is_forbidden(origin: bytes) -> None:
    assert status_of(LOOPBACK, b"127.0.0.1:8811", origin) == 403


@pytest.mark.parametrize(
    "origin",
    [
        b"http://mcp.acme.example",
        b"https://mcp.acme.example:443",
        b"https://mcp.acme.example:8811",
        b"https://acme.example",
    ],
)
def test_the_public_origin_is_exact_as_well(origin: bytes) -> None:
    assert status_of(ANYWHERE, b"mcp.acme.example", origin) == 403


def challenge_of(authorization: bytes | None, query: bytes = b"") -> tuple[int, bytes]:
    headers = {} if authorization is None else {b"authorization": authorization}
    reply = LOOPBACK.identify(headers, query)
    if isinstance(reply, Principal):
        assert reply.is_operator
        return 200, b""
    assert json.loads(reply.body)["id"] is None
    assert TOKEN.encode() not in reply.body
    return reply.status, dict(reply.headers).get(b"www-authenticate", b"")


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer  "])
def test_the_token_is_accepted_as_a_bearer_token(scheme: str) -> None:
    assert challenge_of((scheme + TOKEN).encode()) == (200, b"")


def test_an_empty_token_opens_nothing() -> None:
    with pytest.raises(RuntimeFailure, match="has no token"):
        Keys("")


@pytest.mark.parametrize(
    "authorization", [None, b"", b"Bearer", TOKEN.encode(), b"Basic " + TOKEN.encode(), b"Bearer\t" + TOKEN.encode()]
)
def test_without_a_bearer_token_the_challenge_names_the_scheme(authorization: bytes | None) -> None:
    assert challenge_of(authorization) == (401, b"Bearer")


@pytest.mark.parametrize(
    "token",
    ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), f"{TOKEN} {TOKEN}", f"{TOKEN},", "\xff" * 31, f"Bearer {TOKEN}"],
)
def test_a_wrong_token_is_refused_as_such(token: str) -> None:
    assert challenge_of(b"Bearer " + token.encode("latin-1")) == (401, b'Bearer error="invalid_token"')


@pytest.mark.parametrize("query", [f"access_token={TOKEN}", f"x=1&token={TOKEN}"])
def test_a_token_in_the_url_is_refused_even_beside_the_right_header(query: str) -> None:
    assert challenge_of(b"Bearer " + TOKEN.encode(), query.encode()) == (400, b"")
    assert challenge_of(None, query.encode()) == (400, b"")


@pytest.mark.parametrize(
    "name",
    [
        "host",
        "origin",
        "authorization",
        "mcp-protocol-version",
        "mcp-session-id",
        "mcp-method",
        "mcp-name",
        "mcp-param-x",
    ],
)
def test_a_header_that_decides_something_may_stand_there_once(name: str) -> None:
    pairs = [(name.encode(), b"a"), (b"accept", b"x"), (name.encode(), b"a")]
    reply = refuse_repeated(pairs)
    assert reply is not None
    assert reply.status == 400
    assert refuse_repeated(pairs[:2]) is None


def test_other_headers_may_be_repeated() -> None:
    assert refuse_repeated([(b"accept", b"a"), (b"accept", b"b"), (b"x-forwarded-for", b"c")]) is None
