"""What is in a file of definitions is known by its digest, and never believed of another file or of another lock."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.canonical import digest, fingerprint
from mcphub_gitops.compiler.lock.definitions import read_definitions, write_definitions
from mcphub_gitops.compiler.lock.proven import Reader, preserve, revive

ADD = {"name": "add", "description": "Adds.\tcaf\u00e9\n\u2028"}
LIST = {"name": "list"}
FILE = write_definitions({"add": ADD, "list": LIST})
TOOLS = {"add": fingerprint(ADD), "list": fingerprint(LIST)}


def reread(reader: Reader) -> Reader:
    return Reader(known=revive(preserve(reader.found)))


def test_what_was_read_is_known_and_the_same() -> None:
    first = Reader(known={})
    assert first.read("s.json", FILE, TOOLS) == ({"add": ADD, "list": LIST}, ())
    assert first.new
    again = reread(first)
    definitions, problems = again.read("s.json", FILE, TOOLS)
    assert (definitions, problems) == ({"add": ADD, "list": LIST}, ())
    assert not again.new
    assert preserve(again.found) == preserve(first.found)


def test_it_is_not_read_again() -> None:
    reader = Reader(known={})
    reader.read("s.json", FILE, TOOLS)
    # Nothing but another content in its place tells where the answer comes from.
    (proven,) = reader.found.values()
    elsewhere = Reader(known={digest(b"{}"): proven})
    assert elsewhere.read("s.json", b"{}", TOOLS) == ({"add": ADD, "list": LIST}, ())


@pytest.mark.parametrize("tools", [{}, {"add": TOOLS["add"]}, {**TOOLS, "add": TOOLS["list"]}, {**TOOLS, "x": "y"}])
def test_what_is_known_is_held_against_the_lock_each_time(tools: dict[str, str]) -> None:
    reader = Reader(known={})
    reader.read("s.json", FILE, TOOLS)
    again = reread(reader)
    definitions, problems = again.read("s.json", FILE, tools)
    assert problems == read_definitions("s.json", FILE, tools)[1] != ()
    assert definitions == {"add": ADD, "list": LIST}
    assert again.found == {}
    assert not again.new


@pytest.mark.parametrize("data", [None, b"", b"[]", b'{"add": 1}', FILE.replace(b"Adds", b"Does"), FILE + b"}"])
def test_what_is_wrong_is_told_each_time_and_not_kept(data: bytes | None) -> None:
    reader = Reader(known={})
    reader.read("s.json", FILE, TOOLS)
    again = reread(reader)
    assert again.read("s.json", data, TOOLS) == read_definitions("s.json", data, TOOLS)
    assert again.found == {}


def test_a_server_without_tools() -> None:
    reader = Reader(known={})
    assert reader.read("s.json", b"{}\n", {}) == ({}, ())
    assert reread(reader).read("s.json", b"{}\n", {}) == ({}, ())


@pytest.mark.parametrize("change", [(b"sha256:", b"sha257:"), (b"add", b"abd"), (b"\n", b"")])
def test_what_is_damaged_is_nothing(change: tuple[bytes, bytes]) -> None:
    reader = Reader(known={})
    reader.read("s.json", FILE, TOOLS)
    kept = preserve(reader.found)
    assert revive(kept)
    assert revive(kept.replace(*change)) == {}
    assert revive(b"") == {}


@given(
    st.lists(
        st.dictionaries(st.text(max_size=4), st.dictionaries(st.text(max_size=3), st.text(max_size=5)), max_size=3),
        max_size=3,
    )
)
def test_all_that_is_kept_comes_back(files: list[dict[str, dict[str, Any]]]) -> None:
    reader = Reader(known={})
    read = []
    for each in files:
        data = json.dumps(each).encode()
        tools = {name: fingerprint(definition) for name, definition in each.items()}
        read.append((data, tools))
        assert reader.read("f", data, tools) == (each, ())
    again = reread(reader)
    assert [again.read("f", data, tools) for data, tools in read] == [(each, ()) for each in files]
    assert not again.new
