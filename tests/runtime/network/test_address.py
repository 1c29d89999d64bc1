"""Where a remote server may be."""

from ipaddress import ip_address

import pytest

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.network.address import Place, place_of


def spec(url: str, *, private: bool = False) -> Place:
    return place_of(url, whose="server 'docs'", private=private)


@pytest.mark.parametrize(
    ("url", "shown", "expected", "authority"),
    [
        ("https://docs.example/mcp", "https://docs.example", ("docs.example", 443, "/mcp"), None),
        ("HTTPS://Docs.Example:443", "https://docs.example", ("docs.example", 443, "/"), None),
        (
            "https://docs.example:8443?k=s",
            "https://docs.example:8443",
            ("docs.example", 8443, "/?k=s"),
            "docs.example:8443",
        ),
        ("https://[2606:4700:0::1]/a/", "https://[2606:4700::1]", ("2606:4700::1", 443, "/a/"), "[2606:4700::1]"),
        ("https://93.184.216.34:80/", "https://93.184.216.34:80", ("93.184.216.34", 80, "/"), "93.184.216.34:80"),
        (
            "https://xn--bcher-kva.example/%C3",
            "https://xn--bcher-kva.example",
            ("xn--bcher-kva.example", 443, "/%C3"),
            None,
        ),
        ("https://1and1.com/", "https://1and1.com", ("1and1.com", 443, "/"), None),
    ],
)
def test_a_url_says_where_requests_go(
    url: str, shown: str, expected: tuple[str, int, str], authority: str | None
) -> None:
    place = spec(url)
    assert (place.shown, (place.host, place.port, place.target)) == (shown, expected)
    assert place.authority == (authority or place.host)
    assert place.secure


def test_a_private_place_may_use_plain_http_and_the_names_of_containers() -> None:
    place = spec("http://my_server:3001/mcp?key=secret", private=True)
    assert (place.secure, place.host, place.port) == (False, "my_server", 3001)
    assert place.shown == "http://my_server:3001"


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "no URL"),
        ("docs.example/mcp", "no URL"),
        ("https:docs.example", "no URL"),
        ("https:///mcp", "no host"),
        ("https://:443/", "no host"),
        ("https://docs.example:/", "no host"),
        ("https://docs.example:x/", "no host"),
        ("https://docs.example:0/", "port is not between"),
        ("https://docs.example:65536/", "port is not between"),
        ("https://docs.example:443:443/", "no host"),
        ("ftp://docs.example/", "neither https nor http"),
        ("file:///etc/passwd", "neither https nor http"),
        ("https://user:pass@docs.example/", "user name or password"),
        ("https://docs.example@127.0.0.1/", "user name or password"),
        ("https://docs.example/#part", "fragment"),
        ("https://docs.example/#", "fragment"),
        ("https://docs.example\\@127.0.0.1/", "no URL"),
        ("https://docs.example/a b", "no URL"),
        ("https://docs.example/\r\nX: y", "no URL"),
        ("https://bücher.example/", "no URL"),
        ("https://127。0。0。1/", "no URL"),
        ("https://①②⑦.⓪.⓪.①/", "no URL"),
        ("https://127.0.0.1%2f.docs.example/", "neither a name"),
        ("https://docs.example./", "neither a name"),
        ("https://-docs.example/", "neither a name"),
        ("https://docs..example/", "neither a name"),
        (f"https://{'a' * 64}.example/", "neither a name"),
        (f"https://{'a.' * 127}example/", "neither a name"),
        ("https://[::1/", "no host"),
        ("https://[fe80::1%25eth0]/", "no host"),
        ("https://[1::2::3]/", "no IPv6 address"),
        ("https://[v1.a]/", "no host"),
        ("https://2130706433/", "ends in a number"),
        ("https://0x7f000001/", "ends in a number"),
        ("https://0x7f.1/", "ends in a number"),
        ("https://017700000001/", "ends in a number"),
        ("https://0177.0.0.1/", "ends in a number"),
        ("https://127.1/", "ends in a number"),
        ("https://127.0.0.01/", "ends in a number"),
        ("https://127.0.0.1.1/", "ends in a number"),
        ("https://127.0.0.0x1/", "ends in a number"),
        ("https://127.0.0.256/", "ends in a number"),
        ("https://docs.example.1/", "ends in a number"),
        ("https://0x/", "ends in a number"),
    ],
)
def test_what_is_no_clear_url_is_refused(url: str, reason: str, *, private: bool) -> None:
    with pytest.raises(RuntimeFailure) as raised:
        spec(url, private=private)
    assert raised.value.brief == "The URL of server 'docs' cannot be used"
    assert reason in raised.value.detail
    assert raised.value.resolution
    assert "pass" not in raised.value.detail.replace("password", "")


def test_plain_http_needs_a_private_place() -> None:
    with pytest.raises(RuntimeFailure) as raised:
        spec("http://docs.example/mcp")
    assert "Plain HTTP" in raised.value.detail


def test_plain_http_goes_to_addresses_that_are_not_public_alone() -> None:
    place = spec("http://docs.example/", private=True)
    assert place.refusal(ip_address("10.0.0.1")) == ""
    assert "plain HTTP" in place.refusal(ip_address("8.8.8.8"))


def test_tls_goes_to_public_addresses_unless_more_is_allowed() -> None:
    assert spec("https://docs.example/").refusal(ip_address("8.8.8.8")) == ""
    assert "not a public address" in spec("https://docs.example/").refusal(ip_address("10.0.0.1"))
    assert spec("https://docs.example/", private=True).refusal(ip_address("10.0.0.1")) == ""
