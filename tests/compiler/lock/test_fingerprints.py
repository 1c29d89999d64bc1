"""Everything that a server says of a tool is covered by the tool's fingerprint, and nothing but that."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from mcphub_gitops.compiler.canonical import fingerprint

TOOL: dict[str, Any] = {
    "name": "add",
    "title": "Add",
    "description": "Adds.",
    "inputSchema": {"type": "object", "properties": {"a": {"type": "integer", "minimum": 0}}, "required": ["a"]},
    "outputSchema": {"type": "object", "properties": {"sum": {"type": "integer"}}},
    "annotations": {"title": "Add", "readOnlyHint": True, "openWorldHint": False},
    "icons": [{"src": "https://icons.example/add.png", "mimeType": "image/png", "sizes": ["48x48"]}],
    "_meta": {"example.com/kind": "sum", "example.com/n": [1, 2]},
    "execution": {"taskSupport": "optional"},
}


def leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inner: Iterator[tuple[str | int, object]] = iter(())
    if isinstance(value, dict):
        inner = iter(value.items())
    elif isinstance(value, list):
        inner = iter(enumerate(value))
    else:
        yield path
    for key, each in inner:
        yield from leaves(each, (*path, key))


def holder(tool: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401  (any JSON value)
    for step in path[:-1]:
        tool = tool[step]
    return tool


@pytest.mark.parametrize("path", list(leaves(TOOL)), ids=str)
def test_each_leaf_counts_whether_it_changes_or_goes(path: tuple[str | int, ...]) -> None:
    changed, shorter = copy.deepcopy(TOOL), copy.deepcopy(TOOL)
    holder(changed, path)[path[-1]] = "other"
    del holder(shorter, path)[path[-1]]
    assert len({fingerprint(TOOL), fingerprint(changed), fingerprint(shorter)}) == 3


@pytest.mark.parametrize("key", list(TOOL))
def test_each_member_counts(key: str) -> None:
    assert fingerprint({name: value for name, value in TOOL.items() if name != key}) != fingerprint(TOOL)


def test_order_of_keys_and_space_between_them_do_not_count() -> None:
    turned = json.loads(json.dumps(dict(reversed(TOOL.items())), indent=3))
    assert fingerprint(turned) == fingerprint(TOOL)
