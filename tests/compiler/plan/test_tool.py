import pytest

from mcphub_gitops.compiler.canonical import encode, fingerprint
from mcphub_gitops.compiler.lock.definitions import Defined
from mcphub_gitops.compiler.plan.tool import Tool, Tools, serve
from mcphub_gitops.compiler.resolve.exposure import KnownTools, expose
from mcphub_gitops.compiler.source import Span
from tests.support.hubs import hub_of

DEFINITIONS = {"add": {"name": "add", "description": "Adds."}, "list": {"name": "list"}}
HASHES = {name: fingerprint(each) for name, each in DEFINITIONS.items()}
NOWHERE = Span("", 1, 1, 1, 1)


def served(declared: str) -> Tools:
    hub = hub_of(
        f"apiVersion: mcphub/v1\nname: a\ndefaults: {{run: process}}\nservers: {{s: {{command: [x]{declared}}}}}\n"
    )
    (exposure,), _ = expose(hub, {"s": KnownTools(["add", "list"], (NOWHERE,))})
    return serve(exposure, HASHES, DEFINITIONS)


def test_tools_that_clients_see_as_they_are() -> None:
    tools = served("")
    assert tools.definitions is DEFINITIONS
    assert tools.hashes is HASHES
    assert tools.facts == HASHES
    assert len(tools) == 2
    assert tools.others(HASHES) == {}
    assert [(tool.name, tool.upstream, tool.definition) for tool in tools] == [
        (name, name, each) for name, each in DEFINITIONS.items()
    ]
    assert tools.are_locked


@pytest.mark.parametrize(
    ("declared", "facts", "hidden"),
    [
        (", prefix: p", {"p_add": f"add {HASHES['add']}", "p_list": f"list {HASHES['list']}"}, set()),
        (", tools: {deny: [list]}", {"add": HASHES["add"]}, {"list"}),
        (", tools: {describe: {add: Sums.}}", HASHES, set()),
    ],
)
def test_what_a_hub_says_of_tools_is_said_of_each(declared: str, facts: dict[str, str], hidden: set[str]) -> None:
    tools = served(declared)
    assert tools.definitions is DEFINITIONS
    assert tools.facts == facts == {tool.name: tool.fact for tool in tools}
    assert tools.others(HASHES).keys() == hidden
    assert tools.descriptions == ({"add": "Sums."} if "describe" in declared else {})


def test_a_tool_without_a_definition_is_known_by_its_name() -> None:
    (tool,) = Tools({"add": "add"}, {"add": HASHES["add"]}, {})
    assert tool.definition == {"name": "add"}
    assert not tool.is_locked


def test_definitions_that_were_not_locked_are_found() -> None:
    other = {"add": {"name": "add", "description": "Removes."}}
    assert not Tools({"add": "add"}, {"add": HASHES["add"]}, Defined.of(other)).are_locked
    assert not Tools.of([Tool(name="a", upstream="add", hash=HASHES["add"], definition=other["add"])]).are_locked


def test_definitions_in_canonical_form_are_what_they_were() -> None:
    defined = Defined.of(DEFINITIONS)
    assert defined == DEFINITIONS
    assert len(defined) == 2
    assert [text.encode() for text in defined.texts.values()] == [encode(each) for each in DEFINITIONS.values()]
