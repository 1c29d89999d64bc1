"""Cases of a team held against a hub that is compiled in place."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.enforcement import Enforced
from mcphub_gitops.compiler.trial.document import read_tests
from mcphub_gitops.compiler.trial.judgement import judge
from mcphub_gitops.runtime.cli.enforcing import enforce_project
from mcphub_gitops.runtime.tree import Tree
from tests.support.trials import write_tried


def _enforce(root: Path, compiled: Compiled, tree: Tree, as_of: str) -> Compiled:
    return enforce_project(compiled, root, tree, as_of)


@pytest.fixture
def hub(tmp_path: Path) -> Enforced:
    project = write_tried(tmp_path)
    enforce = partial(_enforce, tmp_path)
    compiled = replace(project, enforce=enforce).compile(locked=True, as_of="2026-11-01")
    assert isinstance(compiled, Enforced)
    return compiled


def missed(hub: Enforced, expect: str) -> list[str]:
    text = f"apiVersion: mcphub/test/v1\ncases:\n  - name: it is\n    expect: {{{expect}}}\n"
    document, problems = read_tests("a.test.yaml", text.encode())
    assert problems == ()
    return [miss.said for case in document.cases for miss in judge(case, hub, hub.verdicts, hub.rules)]


@pytest.mark.parametrize(
    "expect",
    [
        "",
        "servers: {are: [notes, time]}",
        "servers: {have: ['n*'], lack: [github]}",
        "tools: {are: [notes/add, 'time/*'], lack: ['*/drop_*']}",
        "secrets: {are: [notes/NOTES_KEY]}",
        "profiles: {support: {are: [time/now, time/convert]}}",
        "policies: {no-python: waived, pinned: warned, remote: kept, tiny: warned}",
    ],
)
def test_a_hub_is_what_its_tests_say(hub: Enforced, expect: str) -> None:
    assert missed(hub, expect) == []


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("servers: {are: [notes]}", "servers have `time` beside these"),
        ("servers: {are: []}", "servers have `notes`, `time` beside these"),
        ("servers: {have: [tine]}", "servers lack `tine`: did you mean `time`?"),
        ("tools: {lack: ['time/*']}", "tools have `time/convert`, `time/now`, which `time/*` says they lack"),
        (
            "tools: {have: [notes/drop_all]}",
            "tools lack `notes/drop_all`: did you mean `notes/add`?",
        ),
        ("profiles: {suport: {have: [a]}}", "there is no profile `suport`: did you mean `support`?"),
        (
            "profiles: {support: {have: [notes/add]}}",
            "tools of the profile `support` lack `notes/add`: possible: `time/convert`, `time/now`",
        ),
        ("policies: {remote: denied}", "the rule `remote` was expected to be denied, and is kept"),
        ("policies: {no-python: kept}", "the rule `no-python` was expected to be kept, and is waived, for `notes`"),
        ("policies: {no-pythn: kept}", "no policy of the hub has a rule `no-pythn`: did you mean `no-python`?"),
        ("errors: [MH407]", "MH407 was expected, and the hub has no such error"),
    ],
)
def test_what_does_not_hold_is_told(hub: Enforced, expect: str, said: str) -> None:
    assert missed(hub, expect) == [said]


def test_with_an_unexpected_error_nothing_else_is_looked_at(hub: Enforced) -> None:
    broken = replace(hub, diagnostics=(*hub.diagnostics, *read_tests("x.yaml", b"a: [")[1] * 2))
    assert missed(broken, "servers: {are: []}") == [
        f"x.yaml:2:1: MH104, {broken.diagnostics[-1].code.summary}: {broken.diagnostics[-1].detail}"
    ]


def test_a_hub_that_came_to_nothing_has_no_names(hub: Enforced) -> None:
    nothing = replace(hub, hub=None, bound=None, diagnostics=())
    expect = "servers: {are: []}, tools: {are: []}, secrets: {are: []}, profiles: {support: {lack: [a]}}"
    assert missed(nothing, expect) == ["there is no profile `support`"]


def test_many_names_are_cut(hub: Enforced) -> None:
    assert hub.hub is not None
    server = hub.hub.servers[0]
    many = tuple(replace(server, name=f"s{number}") for number in range(8))
    found = missed(replace(hub, hub=replace(hub.hub, servers=many)), "servers: {lack: ['s*']}")
    assert found == ["servers have `s0`, `s1`, `s2`, `s3`, `s4` and 3 more, which `s*` says they lack"]


@pytest.mark.parametrize(
    "text",
    ["", "[", "a", "cases: {}", "cases: [a]", "cases: [{name: 1}]", "cases: [{name: a, expect: {policies: {x: y}}}]"],
)
def test_mistakes_are_told_and_the_rest_is_read(text: str) -> None:
    _, problems = read_tests("a.test.yaml", text.encode())
    assert problems


def test_the_cases_that_are_right_are_kept_beside_the_wrong_ones() -> None:
    text = b"apiVersion: mcphub/test/v1\ncases: [{name: 1}, {name: b, env: prod, asOf: 2026-01-01, expect: {}}]"
    document, problems = read_tests("a.test.yaml", text)
    assert [(case.name, case.environment, case.as_of) for case in document.cases] == [("b", "prod", "2026-01-01")]
    assert len(problems) == 2


def test_the_worst_that_a_rule_says_is_what_it_is(hub: Enforced) -> None:
    warned = next(each for each in hub.verdicts if each.rule.name == "tiny")
    denied = replace(warned, outcome="denied", subject="x")
    for verdicts in ((warned, denied), (denied, warned)):
        assert missed(replace(hub, verdicts=verdicts), "policies: {tiny: denied}") == []
