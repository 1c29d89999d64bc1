"""What is rendered from a generation, and the lock's verdict."""

import json

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.runtime.gateway import routing
from tests.support.gateway_echo import definition
from tests.support.gateway_hub import echo_entry, generation_of, tool_entry


def test_tools_keep_the_order_of_the_plan_and_lead_to_their_servers() -> None:
    served = generation_of(
        echo_entry("one", tools=[tool_entry("raw", name="z"), tool_entry("echo", name="a")]),
        echo_entry("two", tools=[tool_entry("said", name="m")]),
    )
    table = routing.build(served, version="1")[routing.WHOLE]
    for rendered in (table.tools_legacy, table.tools_modern):
        assert [tool["name"] for tool in json.loads(rendered)["tools"]] == ["z", "a", "m"]
    assert {name: (route.server, route.tool, route.token) for name, route in table.routes.items()} == {
        "z": ("one", "raw", b'"raw"'),
        "a": ("one", "echo", b'"echo"'),
        "m": ("two", "said", b'"said"'),
    }


def test_a_definition_is_shown_as_it_was_locked() -> None:
    odd = {"name": "t", "description": 'a\u2028\n"b"', "inputSchema": {"type": "object", "maximum": 1.50}, "x": 2**70}
    table = routing.build(generation_of(echo_entry(tools=[odd])), version="1")[routing.WHOLE]
    assert json.loads(table.tools_modern)["tools"] == [odd]
    assert b"\n" not in table.tools_modern


def test_a_tool_is_quarantined_for_what_is_wrong_with_it_alone() -> None:
    (server,) = generation_of(echo_entry(tools=["echo", "raw", "said", "hang"])).servers
    live = {
        "echo": fingerprint(definition("echo")),
        "raw": fingerprint(definition("raw", " Poisoned.")),
        "said": None,
        "new": fingerprint(definition("new")),
    }
    assert routing.quarantined(server, live) == {
        "raw": "its definition differs from the locked one",
        "said": "the server offers it twice, or in a form that cannot be compared",
        "hang": "the server no longer offers it",
    }


def test_a_tools_own_name_may_be_any_text() -> None:
    served = generation_of(echo_entry(tools=[tool_entry('say "hi"\n', name="hi")]))
    table = routing.build(served, version="1")[routing.WHOLE]
    assert json.loads(table.routes["hi"].token) == table.routes["hi"].tool == 'say "hi"\n'


def test_a_profile_has_its_own_tools_in_the_order_of_the_plan_and_no_others() -> None:
    served = generation_of(
        echo_entry("one", tools=[tool_entry("raw", name="z"), tool_entry("echo", name="a")]),
        echo_entry("two", tools=[tool_entry("said", name="m")]),
        profiles={"some": {"path": "/some/mcp", "tools": ["m", "z"]}, "none": {"path": "/none", "tools": []}},
    )
    tables = routing.build(served, version="1")
    assert {name: list(table.routes) for name, table in tables.items()} == {
        routing.WHOLE: ["z", "a", "m"],
        "some": ["z", "m"],
        "none": [],
    }
    assert {name: table.profile for name, table in tables.items()} == {name: name for name in tables}
    for rendered in (tables["some"].tools_legacy, tables["some"].tools_modern):
        assert [tool["name"] for tool in json.loads(rendered)["tools"]] == ["z", "m"]
    assert tables["none"] == routing.build_empty(served, "none", version="1")
    assert tables["some"].routes["m"] is tables[routing.WHOLE].routes["m"]
