"""A condition makes no values: whatever it holds stands in the facts or in its text."""

import pytest

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.policy.bounds import Bounds, find_bounds
from mcphub_gitops.compiler.policy.condition import Undecided
from mcphub_gitops.compiler.policy.tree import Tree
from tests.support.policies import compiled, decided

BOMBS = [
    "[1]" + ".map(a, [a, a])" * 9 + " == []",
    "[['x', 'x']].exists(a, [[a, a]].exists(b, [[b, b]].exists(c, c == c)))",
    "server.mounts.map(a, server.mounts).map(b, b.map(c, b)).map(d, d.map(e, d)).size() > 1",
    "[server.mounts].exists(a, a == a)",
    "server.env + server.env == server.env",
    "server.env.exists(a, a + a == a)",
    "server.mounts.map(a, a.source + a.source).size() > 1",
    "server.mounts.map(a, true, a.writable ? [a] : [a, a]).size() > 1",
    "{'a': server.env}.a == []",
    "server.env.exists(a, server.name.matches(a))",
    "server.name.matches('" + "(a{1000})" * 30 + "')",
    "server.name.matches('a{101}')",
    "server.name.matches('(a{1,11}){10,}')",
    "server.name.matches('a{1,11}b{10}')",
    "timestamp(server.name) < timestamp(server.owner)",
    "bytes(server.name) == b'a'",
    "type(server.name) == string",
    "dyn(server.env) == []",
]


@pytest.mark.parametrize("text", BOMBS)
def test_what_could_double_is_refused(text: str) -> None:
    condition, problems = compiled(text)
    assert condition is None
    assert codes.UNBOUNDED in {each.code for each in problems}


def test_the_engine_itself_would_take_the_bombs_on() -> None:
    # Why the check is needed: 12 doublings of a list of one hold 4096 ones, for as many again to be compared with.
    environment = pytest.importorskip("cel_expr_python.cel").NewEnv(variables={})
    made = "[1]" + ".map(a, [a, a])" * 12
    assert environment.compile(f"{made} == {made}").eval().value() is True


def test_an_evaluation_ends() -> None:
    servers = [{"name": f"s{number}", "tags": []} for number in range(101)]
    text = "hub.servers.all(a, hub.servers.all(b, a.name != b.name || a.name == b.name))"
    assert isinstance(decided(text, hub_servers=servers), Undecided)
    assert decided(text, hub_servers=servers[:90]) is True


@pytest.mark.parametrize(
    "text",
    [
        "server.mounts.map(a, a).all(a, a.writable)",
        "server.mounts.map(a, a.writable, a.source).size() > 1",
        "server.mounts.filter(a, a.writable).filter(b, b.sensitive).exists(c, c.kind == 'bind')",
        "server.mounts.map(a, 'x').size() == 1",
        "server.pids + server.memory - 1 * 2 / 3 % 4 > -5",
        "server.cpus + 1.5 > 2.0",
        "size(server.name) > 1 || server.name.contains('a') || server.name.startsWith('a')",
        "server.name.endsWith('a')",
        "string(server.pids) == '1' || int(server.name) == 1 || double(server.pids) > 1.0",
        "server.name.matches('(a+)+$') || server.name.matches('^[a-z]{1,64}$') || server.name.matches('a{0}b{100,}')",
    ],
)
def test_what_stays_within_bounds_is_taken(text: str) -> None:
    condition, problems = compiled(text)
    assert problems == ()
    assert condition is not None


@pytest.mark.parametrize(
    "text",
    [
        "server.mounts.exists(each, each.nothing == '')",
        "server.mounts[0].nothing == ''",
        "server.mounts.filter(each, each.writable).exists(other, other.nothing == '')",
        "server.mounts.filter(each, each.writable)[0].nothing == ''",
        "server.mounts.exists(each, has(each.nothing))",
        "server.mounts.exists(a, server.secrets.exists(b, a.variable == b.variable))",
    ],
)
def test_a_fact_that_no_record_has_is_found_before_there_is_a_record(text: str) -> None:
    condition, (problem,) = compiled(text)
    assert condition is None
    assert problem.code is codes.CONDITION
    assert "possible" in problem.help or "did you mean" in problem.help


def test_what_is_made_by_map_is_known_when_it_is_there() -> None:
    # What `map` gives back may be anything, so a name in it cannot be checked beforehand.
    text = "server.mounts.map(each, each.source).exists(other, other.nothing == '')"
    assert isinstance(decided(text, server_mounts=[{"source": "a"}]), Undecided)


def test_a_call_of_two_that_is_no_list_of_macros_is_looked_into() -> None:
    result = Tree(kind="name", offset=0, name="@result")
    added = Tree(kind="call", offset=0, name="_+_", parts=(result, result), overloads=frozenset({"add_list"}))
    loop = Tree(kind="comprehension", offset=0, name="a", parts=(result, result, result, added, result))
    assert len(find_bounds(loop, {}).breaches) == 1
    assert find_bounds(result, {}) == Bounds(breaches=(), patterns=(), names=frozenset())
