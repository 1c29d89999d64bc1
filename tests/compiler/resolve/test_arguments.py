from collections.abc import Mapping
from typing import Any

import pytest

from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.policy.facts import facts_of_hub
from mcphub_gitops.compiler.resolve.catalog import read_catalog
from tests.support.hubs import hub_of, lock_of
from tests.support.shared import SHARED, needs_shared_data

ENTRY = "registry: {notes: {image: 'registry.example/notes@sha256:DIGEST', tools: [TOOL]}}".replace("DIGEST", "0f" * 32)


def definition_of(tool: str) -> Mapping[str, Any]:
    catalog, _, problems = read_catalog("catalog.yaml", ENTRY.replace("TOOL", tool).encode())
    assert catalog is not None, problems
    found = catalog.get("notes")
    assert found is not None
    return found.tools[0].definition


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ("{name: add}", {}),
        ("{name: add, arguments: null, annotations: null}", {}),
        ("{name: add, arguments: []}", {"inputSchema": {"type": "object", "properties": {}}}),
        (
            "{name: add, arguments: [{name: text, type: string, desc: What it says.}, {name: pin, optional: true}]}",
            {
                "inputSchema": {
                    "type": "object",
                    "properties": {"text": {"type": "string", "description": "What it says."}, "pin": {}},
                    "required": ["text"],
                }
            },
        ),
        (
            "{name: add, arguments: [{name: a, type: array, items: {type: number}}, {name: b, type: uuid, items: {}}]}",
            {
                "inputSchema": {
                    "type": "object",
                    "properties": {"a": {"type": "array", "items": {"type": "number"}}, "b": {}},
                    "required": ["a", "b"],
                }
            },
        ),
        (
            "{name: add, parameters: {type: object, properties: {a: {type: string}}}, arguments: [{name: b}]}",
            {"inputSchema": {"type": "object", "properties": {"a": {"type": "string"}}}},
        ),
        ("{name: add, annotations: {readOnlyHint: true}}", {"annotations": {"readOnlyHint": True}}),
    ],
)
def test_what_a_catalog_tells_of_a_tool_is_its_definition(tool: str, expected: Mapping[str, Any]) -> None:
    assert definition_of(tool) == {"name": "add", **expected}


def test_an_argument_stands_in_a_list_once() -> None:
    data = ENTRY.replace("TOOL", "{name: add, arguments: [{name: text}, {name: pin}, {name: text}]}").encode()
    _, source, (problem,) = read_catalog("catalog.yaml", data)
    assert problem.detail == "A tool of `notes` has an argument `text` twice."
    assert source.text[problem.span.start.column - 1 :].startswith("text}]")


def test_what_a_catalog_says_that_a_tool_does_is_no_fact_of_a_policy() -> None:
    tool = "{name: add, arguments: [{name: text}], annotations: {readOnlyHint: true, destructiveHint: false}}"
    text = """\
apiVersion: mcphub/v1
name: acme
catalogs: {ours: {path: catalog.yaml}}
servers: {notes: {from: ours/notes, definitions: {from: catalog, reason: nobody may start it}}}
"""
    hub = hub_of(text, {"catalog.yaml": ENTRY.replace("TOOL", tool).encode()})
    desired = build(hub, *lock_of(hub, {}))[0]
    (given,) = facts_of_hub(hub, desired).servers
    (facts,) = given.tools
    assert facts["arguments"] == ["text"]
    assert (facts["namesOnly"], facts["annotated"], facts["readOnly"], facts["destructive"]) == (
        False,
        False,
        False,
        True,
    )


@needs_shared_data
def test_the_published_catalog_lists_arguments_of_three_tools() -> None:
    catalog = read_catalog("c", (SHARED / "docker-mcp-catalog.yaml").read_bytes())[0]
    assert catalog is not None
    servers = [server for server in map(catalog.get, catalog.names) if server is not None]
    listed = [tool.definition for server in servers for tool in server.tools if tool.parameters and not tool.container]
    assert len(listed) == 3
    assert all(definition["inputSchema"]["required"] for definition in listed)
