import random
import string
from collections.abc import Iterator
from time import process_time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mcphub_gitops.compiler.read.randomness import irregular_words
from tests.support.shared import SHARED, needs_shared_data

ALPHABETS = {
    "base62": string.ascii_letters + string.digits,
    "base64url": string.ascii_letters + string.digits + "-_",
    "base36": string.ascii_lowercase + string.digits,
}


def is_irregular(text: str) -> bool:
    return next(irregular_words(text), None) is not None


@pytest.mark.parametrize(("name", "least"), [("base62", 0.95), ("base64url", 0.94), ("base36", 0.84)])
def test_most_keys_of_32_characters_are_found(name: str, least: float) -> None:
    chance = random.Random(1)  # noqa: S311  (the same keys in each run)
    keys = ["".join(chance.choice(ALPHABETS[name]) for _ in range(32)) for _ in range(1000)]
    assert sum(map(is_irregular, keys)) / len(keys) >= least


KEY = "q7Vd02LmXw9TzR4bKc1N"


@pytest.mark.parametrize(
    "text",
    [
        *("", "a" * 40, "claude-3-5-sonnet-20241022", "getUserByNameOrEmailAddress2", "2026-11-28T00:00:00.000000000Z"),
        *("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "0" * 64),
        *(
            f"sha512-{KEY}{KEY}==",
            f"sha256:{KEY}{KEY}",
            f"data:image/png;base64,{KEY}{KEY}",
            f"https://host/{KEY}?a={KEY}",
        ),
        *("mcphub-acme-server-1-2-3-4-5-6-7", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    ],
)
def test_what_is_regular_or_public_by_nature_is_left_alone(text: str) -> None:
    assert not is_irregular(text)


@pytest.mark.parametrize("text", [KEY, f"--key={KEY}", f"key_{KEY}", f"{KEY}==", f"a {KEY} b", f"https://h/x {KEY}"])
def test_a_key_is_found_in_what_stands_around_it(text: str) -> None:
    found = list(irregular_words(text))
    assert len(found) == 1
    assert KEY in text[slice(*found[0])]


@settings(deadline=None)
@given(st.text())
def test_places_are_in_the_text_and_in_order(text: str) -> None:
    places = list(irregular_words(text * 3))
    assert places == sorted(places)
    assert all(0 <= start < end <= len(text) * 3 for start, end in places)


@pytest.mark.parametrize("text", ["0f" * 100_000 + "z", "a1-" * 100_000, "://" + "a1B" * 100_000, f"{KEY} " * 10_000])
def test_long_text_takes_no_longer_than_its_length(text: str) -> None:
    began = process_time()
    list(irregular_words(text))
    assert process_time() - began < 2


def texts_in(node: object, way: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from texts_in(value, f"{way}.{key}")
    elif isinstance(node, list):
        for value in node:
            yield from texts_in(value, way)
    elif isinstance(node, str):
        yield way, node


@needs_shared_data
def test_real_catalogs_raise_no_false_alarm() -> None:
    """Of all texts in real catalogs, descriptions included, only examples of keys look like keys."""
    count, found = 0, set()
    for file in SHARED.glob("*catalog*.yaml"):
        for way, text in texts_in(yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader)):  # noqa: TID251
            count += 1
            found |= {way.rpartition(".")[2]} if is_irregular(text) else set()
    assert count > 30_000
    assert found == {"example"}
