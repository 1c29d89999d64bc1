import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcphub_gitops.compiler.resolve.location import Location, locate, locations_in, split, why_no_key

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
PARTS = WORDS.filter(lambda word: "/" not in word and word not in {".", ".."})
KEYS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
PROGRAMS = st.from_regex(r"/?[a-z?&%#${} ]{1,8}", fullmatch=True)


@settings(deadline=None)
@given(store=NAMES, key=KEYS, field=WORDS)
def test_what_names_a_key_of_a_store_is_written_and_read_again(store: str, key: str, field: str) -> None:
    for found in (
        Location(scheme="store", store=store, path=key, field=field),
        Location(scheme="vault", path=f"{store}/{key}", field=field),
    ):
        assert locate(str(found)) == found


@settings(deadline=None)
@given(program=PROGRAMS, arguments=st.lists(st.text(st.characters(codec="utf-8"), max_size=12)))
def test_a_program_with_its_arguments_is_written_and_read_again(program: str, arguments: list[str]) -> None:
    found = Location(scheme="exec", argv=(program, *arguments))
    read = locate(str(found))
    assert read == found or (isinstance(read, str) and "hub's folder" in read)


@settings(deadline=None)
@given(WORDS)
def test_no_text_crashes_it(text: str) -> None:
    for scheme in ("env", "file", "dotenv", "exec", "store", "vault", "other"):
        found = locate(f"{scheme}://{text}")
        assert isinstance(found, str) or str(found).startswith(f"{scheme}://")


@settings(deadline=None)
@given(key=KEYS, before=st.text(st.characters(exclude_characters="$", codec="utf-8")))
def test_references_are_found_in_what_is_composed(key: str, before: str) -> None:
    found = Location(scheme="store", store="corp", path=key, field="f")
    assert list(locations_in(f"{before}$$${{{found}}}$$")) == [found]


def test_the_forms_that_people_write() -> None:
    assert locate("env://A") == Location(scheme="env", path="A")
    assert locate("file:///run/secrets/a") == Location(scheme="file", path="/run/secrets/a")
    assert locate("dotenv:///etc/a#b.env#KEY") == Location(scheme="dotenv", path="/etc/a#b.env", field="KEY")
    assert locate("exec://op?read&op://vault/item/field") == Location(
        scheme="exec", argv=("op", "read", "op://vault/item/field")
    )
    assert locate("exec://tools/token") == Location(scheme="exec", argv=("tools/token",))
    assert locate("exec://tools/token?") == Location(scheme="exec", argv=("tools/token", ""))
    assert split("no reference") is None
    assert list(locations_in("nonsense")) == []


@pytest.mark.parametrize(
    "reference",
    [
        *("", "env://", "other://a", "env://a b", "file://../a", "file://a/../../b", "file://.mcphub/token"),
        *("dotenv://#A", "dotenv://.env#", "dotenv://.env#a b", "dotenv://../.env#A", "exec://?a", "exec://--help"),
        *("exec://../a", "exec://a?%ff", "exec://a?../b", "exec://.mcphub/x", "store://corp#f", "store://Corp/a#f"),
        *("store://corp/a#", "store://corp/a/../b#f", "store://corp//a#f", "store://corp/a/#f", "store://c/%ff#f"),
        *("vault://a#f", "vault://a/b#", "vault://a/./b#f", "file://a{b}"),
    ],
)
def test_what_leads_nowhere_is_told(reference: str) -> None:
    found = locate(reference)
    assert isinstance(found, str)
    assert found.endswith(".")


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", ".", "a/..", "a/./b"])
def test_a_key_does_not_climb(key: str) -> None:
    assert why_no_key(key)
