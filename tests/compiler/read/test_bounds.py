import pytest

from mcphub_gitops.compiler.lock.file import read_lock
from mcphub_gitops.compiler.read import bounds
from mcphub_gitops.compiler.read.bounds import find_excess
from mcphub_gitops.compiler.read.syntax import MAX_BYTES, parse
from mcphub_gitops.compiler.resolve.catalog import read_catalog
from mcphub_gitops.compiler.sourcing import validate

LOCK = '{"format": "mcphub.lock/v1", "servers": {"a": {"era": "modern", "launch": "sha256:%s", "tools": {%s}}}}'


def places_of(text: str) -> list[str]:
    root = parse("t", text.encode()).root
    assert root is not None
    return [
        f"{each.code.name} {each.span.start.line}:{each.span.start.column}" for each in find_excess(root, "servers")
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("servers: {a: {}, b: {}}\n", []),
        ("servers: {a: {}, b: {}, c: {}}\n", ["MH110 1:25"]),
        ("servers: {a: {tools: [x, y]}, b: {tools: [z]}}\n", []),
        ("servers: {a: {tools: [x, y]}, b: {tools: [z, u]}}\n", ["MH110 1:46"]),
        ("servers: {a: {tools: {x: 1, y: 2, z: 3, u: 4}}}\n", ["MH110 1:44"]),
        ("servers: {a: {tools: 4}, b: 5}\n", []),
        ("servers: [a, b, c]\n", []),
        ("[servers]\n", []),
        ("other: {}\n", []),
    ],
)
def test_the_first_that_is_too_many_is_told(text: str, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_SERVERS", 2)
    monkeypatch.setattr(bounds, "MAX_TOOLS", 3)
    assert places_of(text) == found


def test_hub_catalog_and_lock_are_held_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_SERVERS", 1)
    monkeypatch.setattr(bounds, "MAX_TOOLS", 1)
    hub = "apiVersion: mcphub/v1\nname: acme\nservers:\n  a: {command: [a], run: process}\n  b: {}\n"
    assert [str(each.span) for each in validate("h", hub.encode()).diagnostics] == ["h:5:3"]
    catalog, _, problems = read_catalog("c", b"registry:\n  a: {image: a, tools: [{name: a}, {name: b}]}\n")
    assert (catalog, [str(each.span) for each in problems]) == (None, ["c:2:36"])
    tool = '"%s": "sha256:' + "0" * 64 + '"'
    lock, _, problems = read_lock("l", (LOCK % ("0" * 64, f"{tool % 'x'}, {tool % 'y'}")).encode())
    assert (lock, [each.code.name for each in problems]) == (None, ["MH110"])
    lock, _, problems = read_lock("l", (LOCK % ("0" * 64, tool % "x")).encode())
    assert problems == ()
    assert lock is not None


def test_the_published_limits() -> None:
    assert (MAX_BYTES, bounds.MAX_CATALOG_BYTES) == (4 << 20, 32 << 20)
    assert (bounds.MAX_SERVERS, bounds.MAX_TOOLS) == (10_000, 100_000)


def test_a_catalog_may_be_larger_than_a_hub_but_not_than_its_own_limit() -> None:
    assert [each.code.name for each in validate("h", b"#" * (MAX_BYTES + 1)).diagnostics] == ["MH102"]
    comment = b"#" * MAX_BYTES
    assert read_catalog("c", comment + b"\nregistry: {}\n")[2] == ()
    assert [each.code.name for each in read_catalog("c", b"#" * (bounds.MAX_CATALOG_BYTES + 1))[2]] == ["MH102"]
