import pytest

from mcphub_gitops.compiler.resolve.exposure import KnownTools, expose
from mcphub_gitops.compiler.resolve.profile import select
from mcphub_gitops.compiler.source import Span
from mcphub_gitops.compiler.validation import open_document, understand
from tests.support.hubs import hub_of

NOWHERE = Span("", 1, 1, 1, 1)
HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
gateway: {onConflict: first}
servers:
  a: {command: [python3], prefix: p}
  b: {command: [python3]}
  c: {command: [python3], enabled: false}
profiles:
"""


def chosen(profile: str, **tools: str) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the tools of `profile`, the only one of the hub, and the beginnings of what is told."""
    hub = hub_of(f"{HUB}  some: {profile}\n")
    known = {name: KnownTools(names.split(), (NOWHERE,)) for name, names in tools.items()}
    (selection,), problems = select(hub, expose(hub, known)[0], known)
    return dict(selection.tools), [each.detail for each in problems]


@pytest.mark.parametrize(
    ("profile", "tools"),
    [
        ("{servers: [b, a]}", {"a": ("p_x", "p_y"), "b": ("z",)}),
        ("{servers: [a]}", {"a": ("p_x", "p_y")}),
        ("{servers: [a, b], tools: {allow: ['a/p_x', 'b/*']}}", {"a": ("p_x",), "b": ("z",)}),
        ("{servers: [a, b], tools: {allow: ['*/*'], deny: ['?/*_x']}}", {"a": ("p_y",), "b": ("z",)}),
        ("{servers: [a], tools: {deny: ['a/p_[!y]']}}", {"a": ("p_y",)}),
        ("{servers: [c]}", {}),
    ],
)
def test_tools_are_chosen_by_the_names_that_clients_see(profile: str, tools: dict[str, tuple[str, ...]]) -> None:
    assert chosen(profile, a="x y", b="z") == (tools, [])


def test_a_servers_own_names_are_none_of_clients() -> None:
    _, told = chosen("{servers: [a], tools: {deny: ['a/x']}}", a="x y")
    assert told == ["`a/x` matches none of the 2 tools that clients see of `a`."]


def test_what_is_not_known_is_not_judged() -> None:
    profile = "{servers: [a, b, c], tools: {allow: ['a/p_x', '*/w', 'c/v'], deny: ['b/u']}}"
    assert chosen(profile, a="x y") == ({"a": ("p_x",)}, [])


def test_a_server_of_which_nothing_is_left_is_told_unless_it_serves_nothing() -> None:
    profile = "{servers: [a, b], tools: {deny: ['a/*']}}"
    assert chosen(profile, a="x y", b="z")[1] == ["`some` would have none of the 2 tools of `a`."]
    assert chosen("{servers: [a, b]}", a="x", b="p_x") == ({"a": ("p_x",), "b": ()}, [])


def test_what_has_not_the_shape_of_a_profile_is_told_once() -> None:
    text = f"{HUB}  one: [a]\n  two: {{servers: b}}\n  three: {{servers: [1], path: 2, tools: [x]}}\n"
    found = understand(open_document("mcp-hub.yaml", text.encode())).diagnostics
    assert {each.code.name for each in found} <= {"MH202", "MH204"}
    assert [each.span.line for each in found if each.span is not None] == [10, 11, 12, 12, 12]


@pytest.mark.parametrize("path", ["/logs", "/logs/a", "/ready/mcp", "/status", "/health", "/mcp"])
def test_what_the_gateway_answers_itself_is_no_profiles(path: str) -> None:
    text = f"{HUB}  one: {{path: {path}, servers: [b]}}\n"
    (found,) = understand(open_document("mcp-hub.yaml", text.encode())).diagnostics
    assert found.code.name == "MH345"


@pytest.mark.parametrize("path", ["/logsmith", "/mcp/one", "/a.b/c_d-e", "/one/health"])
def test_other_paths_are(path: str) -> None:
    text = f"{HUB}  one: {{path: {path}, servers: [b]}}\n"
    assert understand(open_document("mcp-hub.yaml", text.encode())).diagnostics == ()
