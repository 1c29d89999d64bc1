"""Encoded header values."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.runtime.gateway.headers import decoded
from tests.support.gateway_hub import UNHURRIED


@UNHURRIED
@given(st.binary(max_size=40))
def test_an_encoded_value_is_decoded(value: bytes) -> None:
    assert decoded(b"=?base64?" + base64.b64encode(value) + b"?=") == value


@pytest.mark.parametrize("value", [None, b"", b"plain", b"=?base64?", b"?=", b"=?BASE64?ZWNobw==?="])
def test_a_plain_value_is_kept(value: bytes | None) -> None:
    assert decoded(value) == value


@pytest.mark.parametrize("value", [b"ZWNobw", b"ZWNobx==", b"ZWNobw== ", b"*", b"\xff", b"ZW==Nobw=="])
def test_a_malformed_encoding_is_nothing(value: bytes) -> None:
    assert decoded(b"=?base64?" + value + b"?=") is None


def test_space_around_a_value_is_no_part_of_it() -> None:
    assert decoded(b" \t echo \t") == b"echo"
    assert decoded(b"=?base64?ZWNobw==?= ") == b"echo"
