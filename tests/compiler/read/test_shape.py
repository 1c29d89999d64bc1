import pytest

from mcphub_gitops.compiler.diagnostic import sort
from mcphub_gitops.compiler.read.shape import check
from mcphub_gitops.compiler.read.syntax import parse
from mcphub_gitops.schemas import load_schema

PACKAGE = (
    "A published package, as pypi:NAME or npm:NAME, with @VERSION for a certain one: as PEP 440 writes it, "
    "such as 1.2.3 or 2.0rc1, or as npm does."
)
GOOD = 'apiVersion: mcphub/v1\nname: acme\nservers:\n  time: {package: "pypi:mcp-server-time@1", run: process}\n'


def problems_of(text: str) -> list[tuple[str, str, str]]:
    parsed = parse("mcp-hub.yaml", text.encode())
    assert parsed.root is not None
    found = sort(check(parsed.root, load_schema("hub.v1")))
    return [(each.code.name, str(each.span).removeprefix("mcp-hub.yaml:"), each.help) for each in found]


def test_a_right_hub_has_no_problems() -> None:
    assert problems_of(GOOD) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("servers:", "server:"), [("MH203", "1:1", ""), ("MH201", "3:1", "did you mean `servers`?")]),
        (("name: acme", "name: 7"), [("MH202", "2:7", "put it in quotes to make it a string")]),
        (("mcphub/v1", "mcphub/v2"), [("MH204", "1:13", "did you mean `mcphub/v1`?")]),
        (("run: process", "run: proces"), [("MH204", "4:50", "did you mean `process`?")]),
        (("package:", "comand:"), [("MH205", "4:3", ""), ("MH201", "4:10", "did you mean `command`?")]),
        (("run: process", "command: [x]"), [("MH205", "4:3", "")]),
        (
            ("  time:", "  Time:"),
            [("MH204", "4:3", "a name has up to 63 lower-case letters, digits and hyphens, and begins with a letter")],
        ),
        (
            ("pypi:", "npmm:"),
            [("MH204", "4:19", PACKAGE)],
        ),
    ],
)
def test_each_mistake_is_at_its_place(change: tuple[str, str], expected: list[tuple[str, str, str]]) -> None:
    assert problems_of(GOOD.replace(*change)) == expected


def test_all_mistakes_at_once() -> None:
    text = "apiVersion: mcphub/v1\nnam: acme\nservers:\n  a: {args: x}\n  b: 3\n"
    assert [code for code, _, _ in problems_of(text)] == ["MH203", "MH201", "MH205", "MH202", "MH202"]
