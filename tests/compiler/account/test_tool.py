from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler.account.server import account_of_server
from mcphub_gitops.compiler.account.statement import Asked, Statement
from mcphub_gitops.compiler.account.text import render_account
from mcphub_gitops.compiler.account.tool import account_of_tool, exposed_names, find_exposed, find_tool, names_of
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.read.syntax import parse
from mcphub_gitops.compiler.resolve.model import Server
from tests.support.hubs import hub_of, lock_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py], prefix: n}
  time: {package: "pypi:time", tools: {deny: [hidden]}}
"""
TOOLS = {"notes": ("add",), "time": ("now", "hidden")}


def asked(text: str = HUB, tools: Mapping[str, tuple[str, ...]] = TOOLS) -> Asked:
    hub = hub_of(text)
    lock, definitions = lock_of(hub, tools)
    root = parse("mcp-hub.yaml", text.encode()).root
    assert root is not None
    desired, _ = build(hub, lock, definitions)
    return Asked(root=root, layers=(root,), hub=hub, lock=lock, lock_name="mcp-hub.lock", bound=desired)


def server_of(about: Asked, name: str) -> Server:
    found = about.server(name)
    assert found is not None
    return found


def told(about: Asked, server: str, tool: str, topic: str) -> list[str]:
    return [each.text for each in account_of_tool(about, server_of(about, server), tool) if each.topic == topic]


def test_a_tool_is_found_by_its_own_name_and_by_that_of_clients() -> None:
    about = asked()
    notes = server_of(about, "notes")
    assert find_tool(about, notes, "add") == find_tool(about, notes, "n_add") == "add"
    assert find_tool(about, notes, "now") is None
    assert find_exposed(about, "n_add") == (notes, "add")
    assert find_exposed(about, "add") is None
    assert exposed_names(about) == ("n_add", "now")
    assert names_of(about, server_of(about, "time")) == ("hidden", "now")


def test_what_is_known_of_a_definition_is_told() -> None:
    whole = {"name": "now", "description": "The tool now.", "inputSchema": {}}
    silent = {"name": "now", "inputSchema": {}}
    found: list[tuple[Mapping[str, Any], str]] = [
        ({}, "none: its name and fingerprint are all that is known, the readable definition is not there"),
        ({"now": whole}, "whole, and as it was locked: The tool now."),
        ({"now": silent}, "not the one that was locked: the readable definition has another fingerprint"),
    ]
    for definitions, text in found:
        about = replace(asked(), definitions=MappingProxyType(dict(definitions)))
        assert told(about, "time", "now", "definition") == [text]


def test_what_cannot_be_told_of_what_is_applied_is_no_no() -> None:
    about = replace(asked(), trouble="the record of what is applied is damaged")
    expected = "unknown: the record of what is applied is damaged"
    assert told(about, "time", "now", "applied") == [expected]
    assert account_of_server(about, server_of(about, "time"))[-1].text == expected


def test_a_tool_that_is_not_served_is_not_applied_either() -> None:
    about = asked()
    about = replace(about, applied=about.bound)
    assert told(about, "time", "now", "applied") == ["yes, as now"]
    assert told(about, "time", "hidden", "applied") == ["no: what is applied does not serve it"]


def test_a_server_that_is_yet_to_be_renamed_is_applied_under_its_old_name() -> None:
    before = asked()
    renamed = HUB.replace("  time: {", "  clock: {").replace("servers:", "moved: [{from: time, to: clock}]\nservers:")
    about = replace(asked(renamed, {"notes": TOOLS["notes"], "clock": TOOLS["time"]}), applied=before.bound)
    account = account_of_server(about, server_of(about, "clock"))
    assert account[-1].text == "not under this name: what is applied calls it time"
    assert Statement(topic="renamed", text="from time", span=account[1].span) in account


def test_no_text_of_others_steers_a_terminal_or_forges_a_line() -> None:
    statement = Statement(topic="definition", text="fine\n  served  yes\x1b[2J")
    assert render_account("a\nb", "acme", [statement]).splitlines() == [
        "a<U+000A>b, of the hub acme",
        "",
        "  definition  fine<U+000A>  served  yes<U+001B>[2J",
    ]


def test_where_nothing_is_bound_no_profile_is_told() -> None:
    about = replace(asked(), bound=None)
    assert told(about, "notes", "add", "reached") == []
