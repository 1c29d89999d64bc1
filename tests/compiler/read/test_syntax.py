import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.diagnostic import render, sort
from mcphub_gitops.compiler.read.syntax import MAX_DEPTH, parse, plain
from tests.support.shared import SHARED, needs_shared_data


def codes_of(text: str) -> list[str]:
    return [problem.code.name for problem in sort(parse("t.yaml", text.encode()).diagnostics)]


def value_of(text: str) -> object:
    parsed = parse("t.yaml", text.encode())
    assert parsed.root is not None
    assert not parsed.diagnostics
    return plain(parsed.root)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("22:22", "22:22"),
        ("017", 17),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1e3", 1000.0),
        ("1e400", "1e400"),
        (".inf", ".inf"),
        ("2026-10-19", "2026-10-19"),
        ("true", True),
        ("~", None),
        ("'1'", "1"),
        ('"null"', "null"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    assert value_of(f"k: {text}") == {"k": value}


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("a: 1\na: 2\n", ["MH105"]),
        ("a: &x 1\nb: *x\n", ["MH106", "MH106"]),
        ("a: !!python/name:os.system x\n", ["MH106"]),
        ("a: !!set {b, c}\n", ["MH106"]),
        ("a: {<<: {b: 1}}\n", ["MH106"]),
        ("a: *nowhere\n", ["MH106"]),
        ("[a]: 1\n", ["MH107"]),
        ("a: [1\n", ["MH104"]),
        ("", ["MH108"]),
        ("a: 1\n---\nb: 2\n", ["MH108"]),
        ("a: \x01\n", ["MH101"]),
        ("a: \u202eb\n", ["MH101"]),
        ("[" * 100_000, ["MH103"]),
        ("{a: " * 100_000, ["MH103"]),
        ("- " * 100_000, ["MH103"]),
        ("? " * 100_000, ["MH103"]),
        ("#\r" + "- " * 100_000 + "x", ["MH103"]),
        ("#\u2028" + "- " * 100_000 + "x", ["MH103"]),
        ("#\x85" + "- " * 100_000 + "x", ["MH103"]),
        ("\r".join(" " * depth + "a:" for depth in range(1500)), ["MH103"]),
        ("".join(" " * depth + "a:\n" for depth in range(MAX_DEPTH + 1)), ["MH103"]),
    ],
    ids=str,
)
def test_refusals(text: str, codes: list[str]) -> None:
    assert codes_of(text) == codes


def test_brackets_in_text_do_not_count_as_nesting() -> None:
    assert value_of("a: |\n" + "  see [ and {\n" * 200) == {"a": "see [ and {\n" * 200}


def test_not_utf8_and_too_large() -> None:
    assert [each.code.name for each in parse("t", b"a: \xff").diagnostics] == ["MH101"]
    assert [each.code.name for each in parse("t", b"a: bcd", max_bytes=5).diagnostics] == ["MH102"]


def test_a_duplicate_names_both_places() -> None:
    parsed = parse("hub.yaml", b"servers:\n  time: {}\n  time: {}\n")
    (problem,) = parsed.diagnostics
    assert render(problem, {"hub.yaml": parsed.source}) == (
        "hub.yaml:3:3: error[MH105]: a key is given twice\n"
        "  3 |   time: {}\n"
        "    |   ^^^^\n"
        "  `time` stands twice in one mapping.\n"
        "  note: hub.yaml:2:3: first given here\n"
        "  2 |   time: {}\n"
        "    |   ^^^^"
    )


@given(st.binary(max_size=200))
def test_any_bytes_give_a_tree_or_a_diagnostic(data: bytes) -> None:
    parsed = parse("t.yaml", data)
    assert parsed.root is not None or parsed.diagnostics


PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | PRINTABLE,
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_reads_as_itself(value: object) -> None:
    parsed = parse("t.yaml", json.dumps(value).encode())
    assert parsed.root is not None
    assert plain(parsed.root) == value


@needs_shared_data
def test_the_published_catalog_reads_whole() -> None:
    parsed = parse("catalog.yaml", (SHARED / "docker-mcp-catalog.yaml").read_bytes())
    assert parsed.diagnostics == ()
    tree = plain(parsed.root) if parsed.root else None
    assert isinstance(tree, dict)
    assert len(tree["registry"]) == 328
