from dataclasses import replace

from mcphub_gitops.compiler.plan.desired import build
from tests.support.hubs import hub_of, lock_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py], secrets: {KEY: "env://KEY"}, paths: {write: [data]}}
  time: {package: "pypi:mcp-server-time@1", args: [-v], tools: {allow: ["get_*"], deny: [get_secret]}, prefix: t}
"""
TOOLS = {"notes": ("add", "list"), "time": ("get_time", "get_secret", "convert")}


def test_servers_are_bound_and_their_tools_chosen() -> None:
    hub = hub_of(HUB)
    desired, problems = build(hub, *lock_of(hub, TOOLS))
    assert problems == ()
    notes, time = desired.servers
    assert [tool.name for tool in notes.tools] == ["add", "list"]
    assert (notes.read, notes.write) == (("srv",), ("data",))
    assert [(tool.name, tool.upstream, tool.exposed["name"]) for tool in time.tools] == [
        ("t_get_time", "get_time", "t_get_time")
    ]
    assert time.environment is not None
    assert time.environment.package == "mcp-server-time==1"


def test_a_filter_that_matches_nothing() -> None:
    hub = hub_of(HUB.replace("get_secret", "get_secrets"))
    _, problems = build(hub, *lock_of(hub, TOOLS))
    assert [(each.code.name, str(each.span), each.help) for each in problems] == [
        ("MH306", "mcp-hub.yaml:6:90", "did you mean `get_secret`?")
    ]


def test_two_servers_with_one_tool_name() -> None:
    hub = hub_of(HUB)
    _, problems = build(hub, *lock_of(hub, TOOLS | {"notes": ("t_get_time",)}))
    assert [(each.code.name, str(each.span), str(each.notes[0].span)) for each in problems] == [
        ("MH307", "mcp-hub.yaml:6:3", "mcp-hub.yaml:5:3")
    ]


def test_the_review_digest_sees_every_field() -> None:
    hub = hub_of(HUB)
    one, _ = build(hub, *lock_of(hub, TOOLS))
    two, _ = build(hub_of(HUB.replace("-v", "-q")), *lock_of(hub, TOOLS))
    assert one.review_digest() != two.review_digest()


def test_a_tool_that_the_lock_has_as_hidden_is_not_served_whatever_the_filters_leave() -> None:
    hub = hub_of(
        "apiVersion: mcphub/v1\nname: acme\ndefaults: {run: process}\n"
        "servers: {notes: {command: [notes], tools: {allow: [add]}}}\n"
    )
    lock, definitions = lock_of(hub, {"notes": ("add", "drop")})
    assert lock.servers["notes"].hidden == {"drop"}
    wider = replace(hub, servers=(replace(hub.servers[0], allow=()),))
    (server,) = build(wider, lock, definitions)[0].servers
    assert [tool.name for tool in server.tools] == ["add"]
    assert server.hidden.keys() == {"drop"}
