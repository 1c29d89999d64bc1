"""Arguments repeated as headers say the same twice, or the request is refused."""

import json
from typing import Any

import pytest

from mcphub_gitops.runtime.gateway import mirrors, wire
from mcphub_gitops.runtime.gateway.wire import Fault, Raw

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "deep": {"type": "object", "properties": {"dry": {"type": "boolean", "x-mcp-header": "Dry-Run"}}},
        "plain": {"type": "string"},
    },
}
FOUND = mirrors.find(SCHEMA)


def fits(arguments: object, **headers: str) -> bool:
    fields = {f"mcp-param-{name.replace('_', '-')}".encode(): value.encode() for name, value in headers.items()}
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
    try:
        mirrors.check(FOUND, fields, Raw(raw.encode()))
    except Fault as reason:
        assert reason.code == wire.HEADER_MISMATCH  # noqa: PT017  (the only fault there is)
        return False
    return True


def test_annotations_are_found_along_properties_alone() -> None:
    assert {mirror.header: mirror.path for mirror in FOUND} == {
        b"mcp-param-region": ("region",),
        b"mcp-param-count": ("count",),
        b"mcp-param-dry-run": ("deep", "dry"),
    }
    assert mirrors.find({"items": SCHEMA, "anyOf": [SCHEMA]}) == ()
    assert mirrors.find(None) == ()
    assert mirrors.find({"properties": [1]}) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"region": {"type": "number", "x-mcp-header": "R"}},
        {"region": {"x-mcp-header": "R"}},
        {"region": {"type": "string", "x-mcp-header": "two words"}},
        {"region": {"type": "string", "x-mcp-header": ""}},
        {"region": {"type": "string", "x-mcp-header": 7}},
        {"region": {"type": "string", "x-mcp-header": "count"}},
    ],
)
def test_a_schema_with_an_annotation_that_is_not_valid_asks_for_nothing(changes: dict[str, Any]) -> None:
    assert mirrors.find({"properties": {**SCHEMA["properties"], **changes}}) == ()


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({}, {}),
        ({"plain": "x", "region": None}, {}),
        ({"region": "eu"}, {"region": "eu"}),
        ({"region": "bü"}, {"region": "=?base64?YsO8?="}),
        ({"region": "=?base64?"}, {"region": "=?base64?"}),
        ({"region": ""}, {"region": ""}),
        ({"count": 42}, {"count": "42"}),
        ({"count": 42}, {"count": "42.0"}),
        ('{"count":42.0}', {"count": "42"}),
        ({"count": 2**80}, {"count": str(2**80)}),
        ({"deep": {"dry": True}}, {"dry_run": "true"}),
        ({"deep": 7}, {}),
        ({"region": ["eu"]}, {}),
    ],
)
def test_what_is_said_twice_alike_is_accepted(arguments: object, headers: dict[str, str]) -> None:
    assert fits(arguments, **headers)


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"region": "eu"}, {}),
        ({}, {"region": "eu"}),
        ({"region": None}, {"region": "null"}),
        ({"region": "eu"}, {"region": "us"}),
        ({"region": "eu"}, {"region": "EU"}),
        ({"region": "eu"}, {"region": "=?base64?ZXV=?="}),
        ({"region": "1"}, {"region": "1.0"}),
        ({"count": 42}, {"count": "43"}),
        ({"count": 42}, {"count": "4.2e1"}),
        ({"count": 42}, {"count": ""}),
        ({"count": 2**80}, {"count": str(2**80 + 1)}),
        ({"deep": {"dry": True}}, {"dry_run": "True"}),
        ({"deep": {"dry": True}}, {"dry_run": "1"}),
        ({"deep": 7}, {"dry_run": "7"}),
        ({"region": ["eu"]}, {"region": "eu"}),
    ],
)
def test_what_is_said_once_or_differently_is_refused(arguments: object, headers: dict[str, str]) -> None:
    assert not fits(arguments, **headers)


def test_an_argument_that_is_given_twice_is_refused() -> None:
    with pytest.raises(Fault):
        mirrors.check(FOUND, {b"mcp-param-region": b"eu"}, Raw(b'{"region":"us","region":"eu"}'))
