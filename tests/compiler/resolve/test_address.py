import pytest

from mcphub_gitops.compiler.resolve.address import why_no_endpoint, why_no_place

FORM = "An endpoint is `https://HOST[:PORT]/PATH`, without user, spaces or fragment."
LABEL = "a" * 63
LONGEST = ".".join([LABEL, LABEL, LABEL, "a" * 61])


@pytest.mark.parametrize(
    ("place", "least", "why"),
    [
        ("a.example", 1, ""),
        ("a.example:1", 1, ""),
        ("a.example:0", 0, ""),
        ("a.example:0", 1, "A port is a number from 1 to 65535."),
        ("a.example:65535", 1, ""),
        ("a.example:65536", 0, "A port is a number from 0 to 65535."),
        ("a.example:", 1, "A port is a number from 1 to 65535."),
        ("127.0.0.1:80", 1, ""),
        ("127.0.0.256", 1, "`127.0.0.256` is no IPv4 address."),
        ("127.1", 1, "`127.1` is no IPv4 address."),
        ("2130706433", 1, "`2130706433` is no IPv4 address."),
        ("0177.0.0.1", 1, "`0177.0.0.1` is no IPv4 address."),
        ("[::1]:80", 1, ""),
        ("[::ffff:127.0.0.1]", 1, ""),
        ("[::g]", 1, "`::g` is no IPv6 address."),
        ("[]", 1, "`` is no IPv6 address."),
        ("-a.example", 1, "`-a.example` is no host name."),
        ("a-.example", 1, "`a-.example` is no host name."),
        ("a..example", 1, "`a..example` is no host name."),
        ("a_b.example", 1, "`a_b.example` is no host name."),
        ("\u2460.example", 1, "`\u2460.example` is no host name."),
        ("", 1, "`` is no host name."),
        (LABEL, 1, ""),
        (f"{LABEL}a", 1, f"`{LABEL}a` is no host name."),
        (LONGEST, 1, ""),
        (f"{LONGEST}a", 1, f"`{LONGEST}a` is no host name."),
        ("a:b", 1, ""),
    ],
)
def test_places(place: str, least: int, why: str) -> None:
    assert why_no_place(place, least=least) == why


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://a.example", ""),
        ("https://a.example:8443/mcp?x=1", ""),
        ("https://[2606:4700::1]/", ""),
        ("https://93.184.216.34:8443/", ""),
        ("https://mylocalhost.example/", ""),
        ("https://[::1]/", "`::1` is no public address; it is reached with a reason under `private` alone."),
        ("https://10.0.0.1/", "`10.0.0.1` is no public address; it is reached with a reason under `private` alone."),
        ("https://LOCALHOST/", "`LOCALHOST` is no public address; it is reached with a reason under `private` alone."),
        (
            "https://a.localhost:1/",
            "`a.localhost` is no public address; it is reached with a reason under `private` alone.",
        ),
        ("https://a.example?x", ""),
        ("https://a:b/", FORM),
        ("https://[::1/", FORM),
        ("https://[::1]x/", FORM),
        ("https://a:1:2/", FORM),
        ("https://user@a.example/", FORM),
        ("https://good.example\\@127.0.0.1/", FORM),
        ("https://a.example/#x", FORM),
        ("https://a.example/a b", FORM),
        ("ftp://a.example/", FORM),
        ("HTTPS://a.example/", FORM),
        ("https://", FORM),
        ("https://good.example\\x/", "`good.example\\x` is no host name."),
        ("https://a.example:0/", "A port is a number from 1 to 65535."),
        ("http://a.example/", "An endpoint is reached over https; with a reason under `private`, also over http."),
    ],
)
def test_endpoints(url: str, why: str) -> None:
    assert why_no_endpoint(url, private=False) == why


def test_a_private_endpoint_may_be_http() -> None:
    assert why_no_endpoint("http://a.example/", private=True) == ""
    assert why_no_endpoint("https://[::1]/", private=True) == ""
    assert why_no_endpoint("http://localhost:3001/mcp", private=True) == ""
    assert why_no_endpoint("http://a:b/", private=True) == FORM
