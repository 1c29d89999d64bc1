import unicodedata

import pytest

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.hidden import CATALOG, MOST, OWN, find_in_text, find_in_values
from mcphub_gitops.compiler.read.syntax import parse
from mcphub_gitops.compiler.source import Source, printable
from mcphub_gitops.compiler.sourcing import validate

HIDDEN = [
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u180b\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2064\u2066\u2069",
    "\u206f\u3164\ufe00\ufe0f\ufeff\uffa0\ufff9\ufffb\U0001d173\U000e0001\U000e0041\U000e007f\U000e0100\U000e01ef",
]
EACH = [char for chars in HIDDEN for char in chars]
PICTURES = [
    "\N{HEAVY BLACK HEART}\ufe0f",
    "\N{MAN}\u200d\N{PERSONAL COMPUTER}",
    "\N{RAINBOW}",
    "\N{WAVING WHITE FLAG}\ufe0f\u200d\N{RAINBOW}",
    "1\ufe0f\N{COMBINING ENCLOSING KEYCAP}",
    "\N{COPYRIGHT SIGN}\ufe0f",
    "\N{MAN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}\u200d\N{HEAVY BLACK HEART}\ufe0f\u200d\N{MAN}",
]


def names(found: tuple[Diagnostic, ...]) -> list[str]:
    return [f"{each.code.name} {each.span.start.line}:{each.span.start.column}" for each in found]


def in_values(text: str) -> list[str]:
    parsed = parse("c", text.encode())
    assert parsed.root is not None
    return names(find_in_values(parsed.source, parsed.root, CATALOG))


@pytest.mark.parametrize("char", EACH, ids=lambda char: f"{ord(char):04X}")
def test_each_is_refused_in_a_hub_and_in_what_decides_in_a_catalog_and_shown_escaped(char: str) -> None:
    assert names(find_in_text(Source("h", f"a: b{char}c\n"))) == ["MH109 1:5"]
    assert names(find_in_text(Source("h", f"a: b\n# c{char}\n"))) == ["MH109 2:4"]
    assert in_values(f"image: a{char}b\n") == ["MH109 1:8"]
    assert in_values(f'"image{char}": a\n') == ["MH109 1:1"]
    assert in_values(f"description: a{char}b\n") == []
    assert printable(f"a{char}b") == f"a<U+{ord(char):04X}>b"


@pytest.mark.parametrize("picture", PICTURES)
def test_pictures_are_no_secret(picture: str) -> None:
    assert find_in_text(Source("h", f"# {picture}!\na: {picture}\n")) == ()
    assert in_values(f"value: {picture}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "a\ufe0f",
        "\N{HEAVY BLACK HEART}\ufe0f\ufe0f",
        "\N{MAN}\u200db",
        "b\u200d\N{MAN}",
        "\N{WAVING BLACK FLAG}\U000e0067\U000e0062\U000e007f",
    ],
)
def test_what_only_begins_like_a_picture_is_refused(text: str) -> None:
    assert len(find_in_text(Source("h", text))) == 1


def test_a_run_is_one_problem_and_no_more_than_so_many_are_told() -> None:
    assert len(find_in_text(Source("h", "a" + "\u200b" * 1000))) == 1
    assert len(find_in_text(Source("h", "a\u200b" * 1000))) == MOST


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 'plain'\n", []),
        ('command: ["\\u200b"]\n', ["MH109 1:11"]),
        ('command: ["\\e[2J"]\n', ["MH109 1:11"]),
        ('command: ["\\0"]\n', ["MH109 1:11"]),
        ('command: ["a\\tb\\nc"]\n', []),
        ('description: "\\e"\n', []),
        ("tags: [a\u200bb]\n", []),
        ("headers: {title: a\u200bb}\n", ["MH109 1:18"]),
        ("properties: {title: a\u200bb}\n", ["MH109 1:21"]),
        ("properties: {title: {title: a\u200bb}}\n", []),
        ("properties: {title: {default: a\u200bb}}\n", ["MH109 1:31"]),
        ("title: {image: a\u200bb}\n", ["MH109 1:16"]),
        ("registry: {title: {description: a\u200bb}}\n", []),
        ('properties: {properties: {title: {default: "a\u200bb", title: "\u200b"}}}\n', ["MH109 1:44"]),
    ],
)
def test_what_decides_in_a_catalog_hides_nothing(text: str, found: list[str]) -> None:
    assert in_values(text) == found


def test_an_escape_in_a_value_of_ones_own_is_seen() -> None:
    parsed = parse("h", b'a: "\\u200b"\n"b\\u200b": c\n')
    assert parsed.root is not None
    assert names(find_in_values(parsed.source, parsed.root, OWN)) == ["MH109 2:1"]


def test_whatever_unicode_calls_a_format_character_is_refused_in_a_hub_or_shown() -> None:
    formats = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"]
    # Signs of Arabic, Kaithi and Egyptian numbers and joins, which are seen.
    seen = {char for char in formats if not find_in_text(Source("h", char))}
    assert {ord(char) for char in seen} <= {
        *range(0x0600, 0x0606),
        *(0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD),
        *range(0x13430, 0x13440),
    }
    assert all(printable(char) != char for char in formats)


def test_a_hub_tells_all_its_mistakes_at_once() -> None:
    hub = "apiVersion: mcphub/v1\nname: a\u200bb\nserver: {}\n"
    found = [each.code.name for each in validate("h", hub.encode()).diagnostics]
    assert found == ["MH203", "MH204", "MH109", "MH201"]
