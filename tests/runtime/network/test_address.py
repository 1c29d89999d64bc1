"""Where a remote server may be."""

from ipaddress import ip_address

import pytest

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.network.address import Place, is_public, place_of


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


PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0"),
    *("192.0.1.0", "198.17.255.255", "198.20.0.0", "169.253.255.255", "11.0.0.0", "9.255.255.255", "126.255.255.255"),
    *("223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "2001:200::1", "2001:4860:4860::8888"),
    *("3fff:1000::", "2003::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


NOT_PUBLIC_4 = [
    "0.0.0.0",  # noqa: S104  (to be refused)
    *("0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.100.100.200", "100.127.255.255"),
    *("127.0.0.1", "127.255.255.255", "168.63.129.16", "169.254.0.0", "169.254.169.254", "172.16.0.0"),
    *("172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.0", "192.168.255.255"),
    *("198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    "255.255.255.255",
]
NOT_PUBLIC_6 = [
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::7f00:1", "100::1", "100:0:0:1::1", "2001::1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1"),
    *("2001:db8::1", "2002:7f00:1::1", "2002:808:808::1", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "fc00::1"),
    *("fd00:ec2::254", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "ff0e::1", "1fff::1"),
    "2606:4700:4700::1111%eth0",
]


@pytest.mark.parametrize("address", [*NOT_PUBLIC_4, *NOT_PUBLIC_6])
def test_addresses_of_any_other_kind_are_not(address: str) -> None:
    assert not is_public(ip_address(address))


def test_plain_http_goes_to_addresses_that_are_not_public_alone() -> None:
    place = spec("http://docs.example/", private=True)
    assert place.refusal(ip_address("10.0.0.1")) == ""
    assert "plain HTTP" in place.refusal(ip_address("8.8.8.8"))


def test_tls_goes_to_public_addresses_unless_more_is_allowed() -> None:
    assert spec("https://docs.example/").refusal(ip_address("8.8.8.8")) == ""
    assert "not a public address" in spec("https://docs.example/").refusal(ip_address("10.0.0.1"))
    assert spec("https://docs.example/", private=True).refusal(ip_address("10.0.0.1")) == ""
