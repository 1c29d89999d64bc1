"""Tokens of a hub: whose each is, and which are none."""

import asyncio
import re
from collections.abc import Mapping

import pytest

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway.generation import Admission, Token
from mcphub_gitops.runtime.gateway.keys import Keys, Principal, read_keys
from tests.support.gateway_hub import TOKEN, Values

FIRST, SECOND = "first-0123456789-abcdefghij", "second-0123456789-abcdefgh"
CI = Principal("ci", frozenset({"platform"}))
DESK = Principal("desk", frozenset({"support"}))


class Missing:
    """Secrets that are not set, but for those that are `known`."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known

    def fetch(self, references: object, *, stores: object, programs: object) -> Mapping[str, str | RuntimeFailure]:
        assert isinstance(references, set)
        del stores, programs
        return {
            each: self._known.get(each) or RuntimeFailure(f"the secret {each} is not set", resolution="set it")
            for each in references
        }


def read(values: Mapping[str, str]) -> Keys:
    """Return the keys of tokens with `values`, each read from a variable of its name."""
    tokens = {name: Token(value=f"env://{name.upper()}", groups=frozenset({"all"})) for name in values}
    secrets = Values({f"env://{name.upper()}": value for name, value in values.items()})
    return asyncio.run(read_keys(Admission(tokens=tokens), operator=TOKEN, secrets=secrets))


def test_each_token_is_its_own_principals_and_no_other_is_anybodys() -> None:
    keys = Keys(TOKEN, [(CI, FIRST), (DESK, SECOND)])
    assert [keys.find(each.encode()) for each in (FIRST, SECOND)] == [CI, DESK]
    found = keys.find(TOKEN.encode())
    assert found is not None
    assert (found.is_operator, str(found), str(CI)) == (True, "the operator", "the token ci")
    for wrong in ("", FIRST[:-1], f"{FIRST}x", FIRST.upper(), f"{FIRST}{SECOND}"):
        assert keys.find(wrong.encode()) is None


def test_an_empty_token_opens_nothing() -> None:
    with pytest.raises(RuntimeFailure, match="has no token"):
        Keys("")


def test_keys_show_no_token() -> None:
    keys = Keys(TOKEN, [(CI, FIRST)])
    shown = f"{keys!r} {vars(keys)!r}"
    assert FIRST not in shown
    assert TOKEN not in shown


@pytest.mark.parametrize(
    "value",
    [
        "AbCdEfGhIjKlMnOpQrStUv",
        "0123456789abcdef0123456789abcdef",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "a-._~+/Zb1c2d3e4f5g6h7==",
    ],
)
def test_what_is_random_enough_is_taken(value: str) -> None:
    keys = read({"ci": value})
    assert keys.find(value.encode()) == Principal("ci", frozenset({"all"}))


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("AbCdEfGhIjKlMnOpQrStU", "shorter than 22 characters"),
        ("0123456789abcdef0123456789abcde", "shorter than 32 characters"),
        ("abcdefgabcdefgabcdefgabcdefgabcdefgabcdefg", "fewer than 8 different characters"),
        ("AbCdEfGhIjKl MnOpQrStUv", "characters that no bearer token has"),
        ("AbCdEfGhIjKlMnOpQrStUv\n", "characters that no bearer token has"),
        ("AbCdEfGhIjKl=MnOpQrStUv", "characters that no bearer token has"),
        ("AbCdEfGhIjKlMnOpQrStUv\u00e9", "characters that no bearer token has"),
        ("=AbCdEfGhIjKlMnOpQrStUv", "characters that no bearer token has"),
    ],
)
def test_what_could_be_guessed_or_sent_wrongly_is_refused_and_not_shown(value: str, why: str) -> None:
    with pytest.raises(RuntimeFailure, match="the token ci cannot be used") as raised:
        read({"ci": value})
    failure = raised.value
    assert why in failure.detail
    assert "env://CI" in failure.detail
    assert value not in f"{failure.brief} {failure.detail} {failure.resolution}"


@pytest.mark.parametrize(
    ("values", "brief"),
    [
        ({"ci": FIRST, "desk": FIRST}, "the token desk has the value of the token ci"),
        ({"ci": TOKEN}, "the token ci has the value of the gateway's own token"),
    ],
)
def test_one_value_is_not_two_principals(values: Mapping[str, str], brief: str) -> None:
    with pytest.raises(RuntimeFailure, match=re.escape(brief)) as raised:
        read(values)
    assert FIRST not in f"{raised.value.brief} {raised.value.detail}"


def test_a_token_that_cannot_be_read_is_named_with_its_reference() -> None:
    tokens = {name: Token(value=f"env://{name.upper()}", groups=frozenset()) for name in ("ci", "desk")}
    with pytest.raises(RuntimeFailure, match="the secret env://DESK is not set") as raised:
        asyncio.run(read_keys(Admission(tokens=tokens), operator=TOKEN, secrets=Missing({"env://CI": FIRST})))
    assert raised.value.detail == "The gateway needs the token desk (env://DESK)."
    assert raised.value.resolution == "set it"
