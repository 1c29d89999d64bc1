"""Arguments as headers, held against the SDK's own reading of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared import inbound

from mcphub_gitops.runtime.engines.remote import mirrors
from mcphub_gitops.runtime.engines.remote.mirrors import Mirror
from tests.support.gateway_hub import UNHURRIED

SCHEMA = {
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "deep": {"properties": {"count": {"type": "integer", "x-mcp-header": "Count"}}},
        "on": {"type": "boolean", "x-mcp-header": "On"},
        "plain": {"type": "string"},
    }
}


def test_annotations_are_found_where_properties_lead() -> None:
    assert mirrors.find(SCHEMA) == (
        Mirror(path=("region",), header="Mcp-Param-Region"),
        Mirror(path=("deep", "count"), header="Mcp-Param-Count"),
        Mirror(path=("on",), header="Mcp-Param-On"),
    )


@pytest.mark.parametrize(
    "schema",
    [
        None,
        [],
        {"properties": []},
        {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": "a b"}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": "A\r\nB"}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": 1}}},
        {"properties": {"a": {"x-mcp-header": "A"}}},
        {
            "properties": {
                "a": {"type": "string", "x-mcp-header": "A"},
                "b": {"type": "string", "x-mcp-header": "a"},
            }
        },
    ],
)
def test_a_schema_with_a_wrong_annotation_mirrors_nothing(schema: object) -> None:
    assert mirrors.find(schema) == ()


def test_a_schema_that_is_nested_without_end_is_left() -> None:
    schema: dict[str, Any] = {"type": "string", "x-mcp-header": "A"}
    for _ in range(500):
        schema = {"properties": {"a": schema}}
    assert mirrors.find(schema) == ()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"region": "eu", "deep": {"count": 3}, "on": True}, {"Region": "eu", "Count": "3", "On": "true"}),
        ({"region": None, "deep": 1, "on": False}, {"On": "false"}),
        ({"region": "größe"}, {"Region": "=?base64?Z3LDtsOfZQ==?="}),
        ({"region": ["eu"]}, {}),
        (None, {}),
        ([], {}),
    ],
)
def test_arguments_are_repeated(arguments: object, expected: dict[str, str]) -> None:
    found = mirrors.headers_for(mirrors.find(SCHEMA), arguments)
    assert found == {f"Mcp-Param-{name}": value for name, value in expected.items()}
    if isinstance(arguments, dict):
        assert inbound.validate_mcp_param_headers(SCHEMA, arguments, found) is None


@UNHURRIED
@given(st.text() | st.sampled_from(["", " x", "x ", "=?base64?eA==?=", "a\r\nb", "\t", "x y"]))
def test_any_text_survives_as_a_header(text: str) -> None:
    sent = mirrors.encoded(text)
    assert sent.isascii()
    assert sent.strip() == sent
    assert inbound.decode_header_value(sent) == text
