import json
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mcphub_gitops.compiler.read.change import Append, Change, Remove, RemoveItem, SetValue
from mcphub_gitops.compiler.read.edit import Refused, edit
from mcphub_gitops.compiler.read.syntax import MapNode, parse, plain
from mcphub_gitops.compiler.source import Position
from mcphub_gitops.templates import fill_template
from tests.support.catalog_hubs import catalog_hub
from tests.support.changes import cut, less, more, put
from tests.support.shared import SHARED, needs_shared_data
from tests.support.yaml_texts import DATA, WORDS, documents

ROOT = Path(__file__).parents[3]
WHOLE = settings(deadline=None, suppress_health_check=list(HealthCheck))


def read(text: str) -> Any:  # noqa: ANN401  (any JSON value)
    parsed = parse("t.yaml", text.encode())
    assert parsed.root is not None
    assert parsed.diagnostics == ()
    return plain(parsed.root)


def edited(text: str, *changes: Change) -> str:
    after = edit(text, *changes)
    assert isinstance(after, str), after
    return after


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        # scalars: the quotes of a string stay, comments and alignment stay
        ("a:   'x'   # c\nb: 1\n", put("a", "it's"), "a:   'it''s'   # c\nb: 1\n"),
        ('a: "x" # c\n', put("a", "\u00e9\n"), 'a: "é\\n" # c\n'),
        ("a: x\n", put("a", "2"), "a: '2'\n"),
        ("a: x\n", put("a", 2), "a: 2\n"),
        ("a:\nb: 1\n", put("a", None), "a:\nb: 1\n"),
        ("a: # c\nb: 1\n", put("a", 0.5), "a: 0.5 # c\nb: 1\n"),
        ("a: one\n  two # c\nb: 1\n", put("a", "x"), "a: x # c\nb: 1\n"),
        ("a: | # c\n  one\n  two\n\nb: 1\n", put("a", "x"), "a: x # c\n\nb: 1\n"),
        ("a: |+\n  one\n\nb: 1\n", put("a", "x"), "a: x\nb: 1\n"),
        ("a: {b: x, c}\n", put("a.c", [1]), "a: {b: x, c: [1]}\n"),
        ("a: {b: , c: 1}\n", put("a.b", "x, y"), "a: {b: 'x, y' , c: 1}\n"),
        # collections
        ("a: [x, y] # c\n", put("a", ["z", None]), "a: [z, null] # c\n"),
        ("a: # c\n  - x\n  # d\n  - y\nb: 1\n", put("a", ["z"]), "a: [z] # c\nb: 1\n"),
        # new entries: in the document's own indentation, below what belongs to the last one
        (
            "a:\n   b: 1\n      # of b\n\nc: 1\n",
            put("a.d.e", "x"),
            "a:\n   b: 1\n      # of b\n   d:\n      e: x\n\nc: 1\n",
        ),
        ("a:\r\n  b: 1\r\nc: 1\r\n", put("a.d", 1), "a:\r\n  b: 1\r\n  d: 1\r\nc: 1\r\n"),
        ("a:\n  b: 1", put("a.d", 1), "a:\n  b: 1\n  d: 1"),
        ("a:\n  b: |\n    x\n\nc: 1\n", put("a.d", 1), "a:\n  b: |\n    x\n  d: 1\n\nc: 1\n"),
        ("a:\n  b: |+\n    x\n\nc: 1\n", put("a.d", 1), "a:\n  b: |+\n    x\n\n  d: 1\nc: 1\n"),
        ("a:\n  b: {}\n\n  c: {}\n", put("a.d", {"x": 1}), "a:\n  b: {}\n\n  c: {}\n\n  d:\n    x: 1\n"),
        ("a: {} # c\nb: 1\n", put("a.x", {"y": []}), "a: # c\n  x:\n    y: []\nb: 1\n"),
        ("a: # c\nb: 1\n", put("a.x", 1), "a: # c\n  x: 1\nb: 1\n"),
        ("a: ~\n", put("a.x", 1), "a:\n  x: 1\n"),
        ("a: {b: 1} # c\n", put("a.x.y", 1), "a: {b: 1, x: {y: 1}} # c\n"),
        ("a: {b: {}, c: ~}\n", put("a.c.y", 1), "a: {b: {}, c: {y: 1}}\n"),
        ("a: {b: {}}\n", put("a.b.y", 1), "a: {b: {y: 1}}\n"),
        ("a: {\n  b: 1, # c\n}\n", put("a.x", 1), "a: {\n  b: 1, # c\n  x: 1,\n}\n"),
        ("a: {\n  b: 1 # c\n}\n", put("a.x", 1), "a: {\n  b: 1, # c\n  x: 1\n}\n"),
        ("a: {\n  b: 1\n}\n", put("a.x", 1), "a: {\n  b: 1,\n  x: 1\n}\n"),
        ("a: {b: 1,\n    c: 2}\n", put("a.x", 1), "a: {b: 1,\n    c: 2, x: 1}\n"),
        ("a: { # c\n}\n", put("a.x", 1), "a: {x: 1 # c\n}\n"),
        # removal: with the comments in it and right above it
        ("a:\n  # b\n  b: 1 # x\n    # in b\n  # c\n  c: 1\n", cut("a.b"), "a:\n  # c\n  c: 1\n"),
        ("a:\n  b: 1\n\n  # c\n\n  # d\n  d: 1\n\nx: 1\n", cut("a.d"), "a:\n  b: 1\n\n  # c\n\nx: 1\n"),
        ("a:\n  b: 1\n\n  c: 1\n", cut("a.b"), "a:\n  c: 1\n"),
        ("a:\n  b: 1\n  c: 1", cut("a.c"), "a:\n  b: 1"),
        ("a: # x\n  b: 1\nc: 1\n", cut("a.b"), "a: {} # x\nc: 1\n"),
        ("a:\n  b:\n    c: 1\n  d: 1\n", cut("a.b.c"), "a:\n  d: 1\n"),
        ("a: {b: 1, c: 2, d: 3}\n", cut("a.b"), "a: {c: 2, d: 3}\n"),
        ("a: {b: 1, c: 2, d: 3}\n", cut("a.d"), "a: {b: 1, c: 2}\n"),
        ("a: {b: 1, c: 2,}\n", cut("a.c"), "a: {b: 1,}\n"),
        ("a: {b: 1}\n", cut("a.b"), "a: {}\n"),
        ("a: {b: 1,}\n", cut("a.b"), "a: {}\n"),
        ("a: { # x\n  b: 1,\n}\n", cut("a.b"), "a: { # x\n  \n}\n"),
        ("a: {\n  b: 1, # b\n  c: 2, # c\n}\n", cut("a.b"), "a: {\n  c: 2, # c\n}\n"),
        ("a: {\n  b: 1, # b\n  c: 2, # c\n}\n", cut("a.c"), "a: {\n  b: 1, # b\n}\n"),
        ("a: {\n  b: 1, # b\n  c: 2 # c\n}\n", cut("a.c"), "a: {\n  b: 1 # b\n}\n"),
        ("a: {b: 1, # b\n  c: 2}\n", cut("a.c"), "a: {b: 1 # b\n  }\n"),
        # lists
        ("a:\n- x\n# y\n- y\n", more("a", "z", "1"), "a:\n- x\n# y\n- y\n- z\n- '1'\n"),
        ("a: [x] # c\n", more("a", "y", "*"), "a: [x, y, '*'] # c\n"),
        ("a: []\n", more("a", "y"), "a: [y]\n"),
        ("b: 1\n", more("a", "y"), "b: 1\na: [y]\n"),
        ("a:\nb: 1\n", more("a", "y"), "a: [y]\nb: 1\n"),
        ("a:\n  - x\n  # y\n  - y # c\n  - z\n", less("a", "y"), "a:\n  - x\n  - z\n"),
        ("a: [x, y, y]\n", less("a", "y"), "a: [x, y]\n"),
        ("b: 1\na:\n  c: [x]\n", less("a.c", "x", 0), "b: 1\n"),
        ("b: 1\na:\n  c: [x]\n", less("a.c", "x", 1), "b: 1\na: {}\n"),
    ],
)
def test_a_change_touches_its_own_lines_alone(before: str, change: Change, after: str) -> None:
    assert edited(before, change) == after


@pytest.mark.parametrize(
    ("text", "change", "reason"),
    [
        ("a: 1\n", put("a.b", 1), "`a` is not a mapping"),
        ("[a]\n", put("a", 1), "it is not a mapping"),
        ("a: {b: 1}\n", more("a.b", "x"), "`a.b` is not a list"),
        ("a: [x]\n", less("a", "y"), "`a` has no `y`"),
        ("a: {b: 1}\n", cut("a.c"), "it has no `a.c`"),
        ("a: 1\n", cut("a", 0), "nothing would be left of it"),
        ("a: 1\na: 2\n", put("a", 1), "it has mistakes of its own"),
        ("? [a]\n: 1\n", put("a", 1), "it has mistakes of its own"),
        ("?\n: 1\nb: 2\n", put("b", 1), "an entry has no key, or no scalar as its key"),
        ("a: 1\t\nb: 2\n", put("b", 1), "not all readers of YAML take it as it is (line 1: "),
        ("a: |\n  x", put("b", 1), "its text cannot be changed at that place without changing something else"),
        ("- a: 1\n", put("a", 1), "it is not a mapping"),
        ("? a\n: - x\n  - y\n", less("a", "x"), "it begins on the line of something else"),
    ],
)
def test_what_cannot_be_changed_is_refused_with_its_reason(text: str, change: Change, reason: str) -> None:
    found = edit(text, change)
    assert isinstance(found, Refused)
    assert found.reason.startswith(reason)


def paths_of(data: object, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    inner = data.items() if isinstance(data, dict) else ()
    return [(path, data), *(found for key, each in inner for found in paths_of(each, (*path, key)))]


@st.composite
def changes(draw: Any, data: object) -> Change:  # noqa: ANN401  (hypothesis' own)
    found = paths_of(data)
    lists = [(path, each) for path, each in found if isinstance(each, list) and all(isinstance(x, str) for x in each)]
    kinds = ["put", "new", "cut", *(["more"] if lists else []), *(["less"] if any(each for _, each in lists) else [])]
    kind = draw(st.sampled_from(kinds))
    if kind == "put":
        return SetValue(path=draw(st.sampled_from([path for path, _ in found if path])), value=draw(DATA))
    if kind == "new":
        open_ = [path for path, each in found if isinstance(each, dict) or each is None]
        return SetValue(path=(*draw(st.sampled_from(open_)), "new", "er"), value=draw(DATA))
    if kind == "cut":
        path = draw(st.sampled_from([path for path, _ in found if path]))
        return Remove(path=path, keep=draw(st.integers(0, len(path))))
    if kind == "more":
        return Append(path=draw(st.sampled_from(lists))[0], values=tuple(draw(st.lists(WORDS, min_size=1, max_size=2))))
    path, items = draw(st.sampled_from([(path, each) for path, each in lists if each]))
    return RemoveItem(path=path, value=draw(st.sampled_from(items)), keep=draw(st.integers(0, len(path))))


def changed_lines(before: str, after: str) -> tuple[int, int]:
    """Return the first line of `before` that changed, counted from 0, and the first one after all that did."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    head = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    rest = zip(reversed(old[head:]), reversed(new[head:]), strict=False)
    return head, len(old) - sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], rest))


def own_lines(text: str, path: tuple[str, ...]) -> tuple[int, int]:
    """Return the lines that may belong to the entry at `path`: to the next one, and from the end of the one before."""
    node = parse("t.yaml", text.encode()).root
    first, last = 0, text.count("\n") + 1
    for key in path:
        place = node.span.start if node is not None else Position(line=1, column=1)
        if not isinstance(node, MapNode) or text.splitlines()[place.line - 1][place.column - 1] == "{":
            break
        starts = [entry.key_span.start.line - 1 for entry in node.entries]
        at = next((n for n, entry in enumerate(node.entries) if entry.key == key), len(node.entries))
        first = starts[at - 1] if at > 0 else first
        last = starts[at + 1] if at + 1 < len(starts) else last
        if at == len(node.entries):
            break
        node = node.entries[at].value
    return first, last


@WHOLE
@given(documents(), st.data())
def test_any_change_of_any_document_says_what_it_should_and_touches_its_own_lines(
    text: str, data: st.DataObject
) -> None:
    before = read(text)
    change = data.draw(changes(before))
    after = edit(text, change)
    if isinstance(after, Refused):
        assert isinstance(change, Remove | RemoveItem) or not text.endswith("\n")
        return
    if after == text:
        return
    first, last = changed_lines(text, after)
    low, high = own_lines(text, change.path[:-1] if isinstance(change, Remove | RemoveItem) else change.path)
    assert low <= first
    assert last <= max(high, low + 1)
    if isinstance(change, SetValue):
        found = read(after)
        for key in change.path:
            found = found[key]
        assert json.dumps(found, sort_keys=True) == json.dumps(change.value, sort_keys=True)


@WHOLE
@given(documents(), st.data())
def test_what_was_added_can_be_taken_back_to_the_byte(text: str, data: st.DataObject) -> None:
    found = paths_of(read(text))
    maps = [path for path, each in found if isinstance(each, dict) and each]
    path = (*data.draw(st.sampled_from(maps)), "new")
    new = edit(text, SetValue(path=path, value=data.draw(DATA)))
    assume(isinstance(new, str))
    assert isinstance(new, str)
    assert edited(new, Remove(path=path, keep=len(path) - 1)) == text
    lists = [(path, each) for path, each in found if isinstance(each, list) and each]
    assume(lists)
    items, _ = data.draw(st.sampled_from(lists))
    more_items = edit(text, Append(path=items, values=("new",)))
    assume(isinstance(more_items, str))
    assert isinstance(more_items, str)
    assert edited(more_items, RemoveItem(path=items, value="new", keep=len(items))) == text


def right_hubs() -> list[str]:
    cases = sorted(ROOT.glob("tests/cases/*/*/mcp-hub.yaml"))
    first = fill_template("mcp-hub.yaml", name="walk", schema="mcp-hub.schema.json")
    hubs = [(ROOT / "mcp-hub.yaml").read_text("utf-8"), first, first + "    tools: {deny: [convert_time]}\n"]
    for case in cases:
        parsed = parse("hub", case.read_bytes())
        data = plain(parsed.root) if parsed.root is not None and not parsed.diagnostics else None
        if isinstance(data, dict) and isinstance(data.get("servers"), dict) and data["servers"]:
            hubs.append(case.read_text("utf-8"))
    return [hub for hub in hubs if all(isinstance(each, dict) for each in read(hub)["servers"].values())]


HUBS = right_hubs()


def check_hub(text: str, data: st.DataObject) -> None:
    servers = read(text)["servers"]
    name = data.draw(st.sampled_from(sorted(servers)))
    server = ("servers", name)
    low, high = own_lines(text, server)
    steps: list[tuple[Change, Change]] = []
    if "enabled" not in servers[name]:
        enabled = (*server, "enabled")
        steps.append((SetValue(path=enabled, value=False), Remove(path=enabled, keep=2)))
    for key in ("allow", "deny"):
        globs = (*server, "tools", key)
        if isinstance(servers[name].get("tools", {}), dict) and servers[name].get("tools") != {}:
            steps.append((Append(path=globs, values=("new_*",)), RemoveItem(path=globs, value="new_*", keep=2)))
    steps.append((put("servers.brand-new", {"package": "pypi:x", "env": {"A": "1"}}), cut("servers.brand-new")))
    change, inverse = data.draw(st.sampled_from(steps))
    after = edited(text, change)
    first, last = changed_lines(text, after)
    if change.path[1] == name:
        assert low <= first
        assert last <= high
    assert edited(after, inverse) == text
    without = edited(text, Remove(path=server, keep=1))
    assert read(without) == {**read(text), "servers": {key: each for key, each in servers.items() if key != name}}


@WHOLE
@given(hub=st.sampled_from(HUBS), newline=st.sampled_from(["\n", "\r\n"]), ends=st.booleans(), data=st.data())
def test_edits_of_hubs_and_their_inverses(hub: str, newline: str, *, ends: bool, data: st.DataObject) -> None:
    text = (hub if ends else hub.rstrip("\n")).replace("\n", newline)
    check_hub(text, data)


@cache
def whole_catalog() -> str:
    return catalog_hub((SHARED / "docker-mcp-catalog.yaml").read_bytes())


@needs_shared_data
@settings(WHOLE, max_examples=4)
@given(st.data())
def test_edits_of_a_hub_with_the_whole_catalog(data: st.DataObject) -> None:
    hub = whole_catalog()
    assert len(read(hub)["servers"]) == 328
    check_hub(hub, data)
