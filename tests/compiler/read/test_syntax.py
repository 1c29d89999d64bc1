import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.diagnostic import render, sort
from mcphub_gitops.compiler.read.syntax import MAX_DEPTH, MAX_INT, MIN_INT, parse, plain
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
        ("on", "on"),
        ("y", "y"),
        ("True", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("~", None),
        ("NULL", None),
        ("nil", "nil"),
        ("'1'", "1"),
        ('"null"', "null"),
        ("0", 0),
        ("-0", 0),
        ("+7", 7),
        ("-12", -12),
        ("00", "00"),
        ("017", "017"),
        ("-017", "-017"),
        ("0o17", "0o17"),
        ("0O17", "0O17"),
        ("0x1F", "0x1F"),
        ("0b11", "0b11"),
        ("0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe", "0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe"),
        ("1_000", "1_000"),
        ("1,000", "1,000"),
        ("22:22", "22:22"),
        ("190:20:30", "190:20:30"),
        ("190:20:30.15", "190:20:30.15"),
        ("2026-10-19", "2026-10-19"),
        ("2026-10-19T01:02:03Z", "2026-10-19T01:02:03Z"),
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", "18446744073709551616"),
        ("-9223372036854775808", -9223372036854775808),
        ("-9223372036854775809", "-9223372036854775809"),
        pytest.param("9" * 5000, "9" * 5000, id="5000 digits"),
        pytest.param("0." + "3" * 5000, "0." + "3" * 5000, id="5000 decimals"),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("0.5", 0.5),
        ("00.5", "00.5"),
        ("1.2.3", "1.2.3"),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        ("1e", "1e"),
        ("e3", "e3"),
        ("1e400", "1e400"),
        ("-1e400", "-1e400"),
        ("1e-400", 0.0),
        (".inf", ".inf"),
        ("-.INF", "-.INF"),
        ("inf", "inf"),
        ("Infinity", "Infinity"),
        (".nan", ".nan"),
        ("NaN", "NaN"),
        ("1d", "1d"),
        ("1.0f", "1.0f"),
        ("\u0661\u0662", "\u0661\u0662"),
        ("\uff11", "\uff11"),
        ("=", "="),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    found = value_of(f"k: {text}")
    assert found == {"k": value}
    assert isinstance(found, dict)
    assert type(found["k"]) is type(value)


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
        ("\ufeffa: b\n", ["MH101"]),
        ("a: b\rc: d\n", ["MH101"]),
        ("a: b # c\x85d: e\n", ["MH101"]),
        ("a: b # c\u2028d: e\n", ["MH101"]),
        ("# c\u2029d: e\n", ["MH101"]),
        ("%YAML 1.2\n---\na: b\n", ["MH106"]),
        ("# c\n\n%TAG ! tag:a.example,2026:\n---\na: b\n", ["MH106"]),
        ("[" * 100_000, ["MH103"]),
        ("{a: " * 100_000, ["MH103"]),
        ("- " * 100_000, ["MH103"]),
        ("? " * 100_000, ["MH103"]),
        ("".join(" " * depth + "a:\n" for depth in range(MAX_DEPTH + 1)), ["MH103"]),
    ],
    ids=lambda value: repr(value)[:40],
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
    st.none() | st.booleans() | st.integers(MIN_INT, MAX_INT) | PRINTABLE,
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
