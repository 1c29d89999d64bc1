import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.adapters.registry_words import is_this_machine, read_challenges, read_codes, read_token


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.0.3", "::1"])
def test_this_machine_is_known_by_its_name_and_its_addresses(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["", "localhost.example", "127.0.0.1.example", "128.0.0.1", "127.1", "0.0.0.0", "::2"])  # noqa: S104  (nothing listens)
def test_no_other_host_is_this_machine(host: str) -> None:
    assert not is_this_machine(host)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {}),
        ("Basic", {"basic": {}}),
        ('Basic realm="a b"', {"basic": {"realm": "a b"}}),
        ('BEARER Realm="https://x/t?a=b,c",service=s', {"bearer": {"realm": "https://x/t?a=b,c", "service": "s"}}),
        ('Bearer realm="a", scope = "b" ,error="c"', {"bearer": {"realm": "a", "scope": "b", "error": "c"}}),
        (r'Bearer realm="a\"b\\"', {"bearer": {"realm": 'a"b\\'}}),
        ('Basic realm="x", Bearer realm="y"', {"basic": {"realm": "x"}, "bearer": {"realm": "y"}}),
        ('Bearer realm="x", realm="y"', {"bearer": {"realm": "x"}}),
        ("Bearer realm=x" + " " * 5000, {}),
    ],
)
def test_a_challenge_is_read_as_http_writes_it(header: str, found: dict[str, dict[str, str]]) -> None:
    assert read_challenges([header]) == found


def test_challenges_may_stand_in_several_headers_and_the_first_of_a_scheme_counts() -> None:
    headers = ['Bearer realm="x"', "Basic realm=y", 'Bearer realm="z", service="s"']
    assert read_challenges(headers) == {"bearer": {"realm": "x", "service": "s"}, "basic": {"realm": "y"}}


@given(st.dictionaries(st.sampled_from(["realm", "service", "scope"]), st.text(st.characters(codec="latin-1"))))
def test_any_value_comes_back_as_it_was_quoted(values: dict[str, str]) -> None:
    quoted = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in values.items()}
    header = "Bearer " + ", ".join(f'{name}="{value}"' for name, value in quoted.items())
    # A line break cannot stand in a header.
    if "\n" not in header:
        assert read_challenges([header])["bearer"] == values


@given(st.lists(st.text(), max_size=3))
def test_no_header_is_too_strange_to_be_read(headers: list[str]) -> None:
    for parameters in read_challenges(headers).values():
        assert all(name == name.lower() for name in parameters)


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        ({"errors": [{"code": "DENIED"}, {"code": "NAME_UNKNOWN", "message": "x"}]}, {"DENIED", "NAME_UNKNOWN"}),
        ({"errors": [{"code": "a secret"}, {"code": 1}, "x", {}]}, set()),
        ({"errors": [{"code": "A" * 41}]}, set()),
        ({"errors": "DENIED"}, set()),
        ({}, set()),
        ([], set()),
    ],
)
def test_of_an_error_only_the_codes_are_taken(content: object, codes: set[str]) -> None:
    assert read_codes(json.dumps(content).encode()) == codes


@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff", b"[" * 100_000, b"1" * 10_000])
def test_what_is_no_json_has_neither_codes_nor_a_token(data: bytes) -> None:
    assert read_codes(data) == frozenset()
    assert read_token(data) == ""


@pytest.mark.parametrize(
    ("content", "token"),
    [
        ({"token": "a.b-c"}, "a.b-c"),
        ({"access_token": "a"}, "a"),
        ({"token": "a", "access_token": "b"}, "a"),
        ({"token": ""}, ""),
        ({"token": "a b"}, ""),
        ({"token": "a\r\nb"}, ""),
        ({"token": ["a"]}, ""),
        (["a"], ""),
    ],
)
def test_a_token_is_what_a_header_can_hold(content: object, token: str) -> None:
    assert read_token(json.dumps(content).encode()) == token
