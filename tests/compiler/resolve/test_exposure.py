from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.resolve.exposure import KnownTools, expose, unmatched_filters
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.source import Span
from tests.support.hubs import hub_of

NOWHERE = Span("", 1, 1, 1, 1)


def hub(servers: dict[str, str], gateway: str = "{}") -> Hub:
    lines = "".join(f"  {name}: {{command: [python3]{more}}}\n" for name, more in servers.items())
    return hub_of(f"apiVersion: mcphub/v1\nname: a\ndefaults: {{run: process}}\ngateway: {gateway}\nservers:\n{lines}")


def known(**tools: str) -> dict[str, KnownTools]:
    return {name: KnownTools(names.split(), (NOWHERE,)) for name, names in tools.items()}


def names(hub: Hub, **tools: str) -> dict[str, list[str]]:
    exposed, problems = expose(hub, known(**tools))
    assert problems == ()
    return {each.server.name: list(each.names) for each in exposed if each.names}


def test_filters_prefix_and_names_of_ones_own() -> None:
    found = hub({"a": ", prefix: p, tools: {allow: ['*_x', y], deny: [b_x], rename: {y: why}}"})
    assert names(found, a="a_x b_x y z") == {"a": ["p_a_x", "why"]}


def test_the_first_server_keeps_a_name_that_several_have() -> None:
    found = hub({"b": "", "a": "", "c": ""}, "{onConflict: first}")
    assert names(found, b="x y", a="x", c="y z") == {"a": ["x"], "b": ["y"], "c": ["z"]}


def test_servers_names_tell_tools_apart_where_they_must() -> None:
    found = hub({"b": ", prefix: q", "a": "", "c": ", tools: {rename: {z: x}}"}, "{onConflict: prefix}")
    assert names(found, b="x y", a="x q_y", c="z") == {"a": ["a_x", "a_q_y"], "b": ["q_x", "b_y"], "c": ["x"]}


def test_what_is_not_known_has_no_names_and_what_is_not_enabled_takes_none() -> None:
    found = hub({"a": ", enabled: false", "b": "", "c": ""})
    assert names(found, a="x", b="x") == {"b": ["x"]}


def test_names_for_tools_that_there_are_not_are_told() -> None:
    found = hub({"a": ", tools: {rename: {x: y, w: v}, describe: {u: t, w: s}}"})
    problems = unmatched_filters(found.servers[0], ["x"], "there are")
    assert [each.detail.split()[0] for each in problems] == ["`w`", "`u`"]


TOOLS = st.dictionaries(st.sampled_from("abcd"), st.sets(st.sampled_from(["x", "y", "a_x", "b_x", "b_y"]), min_size=1))


@given(TOOLS, st.sampled_from(["error", "first", "prefix"]), st.dictionaries(st.sampled_from("abcd"), st.just("p")))
def test_no_name_is_given_twice_without_a_word(tools: dict[str, set[str]], how: str, prefixes: dict[str, str]) -> None:
    found = hub(
        {name: f", prefix: {prefixes[name]}" if name in prefixes else "" for name in "abcd"}, f"{{onConflict: {how}}}"
    )
    given = {name: " ".join(sorted(each)) for name, each in tools.items()}
    exposures, problems = expose(found, known(**given))
    exposed = [each for exposure in exposures for each in exposure]
    repeated = len(exposed) - len({each.name for each in exposed})
    assert bool(repeated) is any(each.code.name == "MH307" for each in problems)
    assert how != "first" or not problems
    assert {(each.server.name, each.tool) for each in exposed} <= {
        (name, tool) for name in tools for tool in tools[name]
    }
    assert (exposures, problems) == expose(found, known(**given))


def test_of_many_servers_with_one_name_the_first_are_told() -> None:
    found = hub({f"s{number:02}": "" for number in range(20)})
    _, problems = expose(found, known(**{f"s{number:02}": "x" for number in range(20)}))
    (problem,) = problems
    assert problem.detail.endswith("`s11` and 8 more would all serve `x`.")
    assert len(problem.notes) == 12
