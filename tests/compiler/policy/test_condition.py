import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.policy import condition as condition_module
from mcphub_gitops.compiler.policy.condition import Undecided, compile_condition
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.source import Source
from tests.support.policies import compiled, decided

WORDS = st.sampled_from(
    [
        *(
            "server.name",
            "server.mounts",
            "server.ownr",
            "server",
            "hub.tools",
            "hub.tokens",
            "each",
            "true",
            "'a'",
            "1",
        ),
        *("==", "!=", "&&", "||", "!", "+", "-", "<", "in", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}"),
        *(
            ".exists(each, ",
            ".map(each, ",
            ".filter(each, ",
            ".matches('",
            "size(",
            "\n",
            "//",
            '"',
            "\\",
            "é😀",
            "1e9",
        ),
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.lists(WORDS, max_size=8).map("".join) | st.text(max_size=40))
def test_any_text_is_a_condition_or_has_a_place(text: str) -> None:
    # A plain scalar cannot begin with what begins a block.
    text = f" {text}"
    condition, problems = compiled(text)
    assert (condition is None) == bool(problems)
    for each in problems:
        assert each.code in {codes.CONDITION, codes.UNBOUNDED}
        assert each.span.start <= Source("policy.yaml", text).position(len(text))
        assert each.detail


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("server.kind == 'container' && server.owner == ''", True),
        ("server.image.registry in ['docker.io', 'ghcr.io']", False),
        ("server.cpus > 0.5", True),
        ("server.pids + 1 > 128", True),
        ("server.mounts.filter(each, each.writable).map(each, each.source).size() == 1", True),
        ("server.mounts.exists_one(each, each.target == '/a')", True),
        ("server.mounts[1].writable", True),
        ("server.mounts.all(each, has(each.source))", True),
        ("[1, 2, 3].exists(each, each == server.pids)", False),
        ("server.mounts.exists(each, server.mounts.exists(each, each.target == '/b'))", True),
        ("[[1], [2]].exists(each, 2 in each)", True),
        ("server.name.matches('^[a-z]+$')", True),
        ("server.locked ? true : false", True),
    ],
)
def test_conditions_speak_of_facts(text: str, *, holds: bool) -> None:
    mounts = [
        {"source": "a", "target": "/a", "writable": False},
        {"source": "b", "target": "/b", "writable": True},
    ]
    assert decided(text, server_mounts=mounts) is holds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("server.mounts[3].writable", "index"),
        ("1 / server.memory == 1", "divide by zero"),
        ("server.mounts[0].source", "neither true nor false"),
        ("hub.servers.all(a, hub.servers.all(b, hub.servers.all(c, a.name == b.name)))", "Iteration budget exceeded"),
    ],
)
def test_what_cannot_be_decided_says_why(text: str, reason: str) -> None:
    servers = [{"name": "a"}] * 100
    found = decided(text, server_memory=0, server_mounts=[{"source": "a"}], hub_servers=servers)
    assert isinstance(found, Undecided)
    assert reason.lower() in found.reason.lower()


@pytest.mark.parametrize("text", ["", " ", "// nothing"])
def test_nothing_is_no_condition(text: str) -> None:
    assert compiled(text)[0] is None


def test_a_kind_sees_its_own_facts_and_those_above() -> None:
    assert decided("tool.destructive && server.name == 'server' && hub.name == 'hub'", kind="tool") is True
    assert decided("host.tls && host.port == 443", kind="host") is True
    assert compiled("host.tls", kind="tool")[0] is None


def test_a_tree_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_tree(_data: bytes) -> None:
        raise ValueError("an expression is of one kind")

    monkeypatch.setattr(condition_module, "read_tree", read_tree)
    condition, (problem,) = compiled("true")
    assert condition is None
    assert problem.code is codes.UNBOUNDED


@pytest.mark.parametrize(
    ("text", "column", "detail", "help_"),
    [
        ("server.ownr == ''", 7, "There is no `server.ownr` here.", "did you mean `server.owner`?"),
        ("true && nothing", 9, "There is no `nothing` here.", "possible: `hub`, `server`"),
        ("true && server.name == 1", 21, "`==` does not go with (string, int).", ""),
        ("server.name.matches('(')", 21, "Invalid regular expression: missing ): (.", ""),
        ("server.name", 1, "It comes to string; a condition is true or false.", ""),
        ("(" * 40 + "true" + ")" * 40, 1, "Expression recursion limit exceeded. limit: 32.", ""),
        ("1" + " - 1" * 200 + " == 1", 1, "Exceeded max recursion depth of 32 when parsing.", ""),
        ("server.name = 'a'", 13, "Syntax error: token recognition error at: '= '.", ""),
    ],
)
def test_what_is_not_understood_is_told_at_its_column(text: str, column: int, detail: str, help_: str) -> None:
    condition, problems = compiled(text)
    assert condition is None
    assert (problems[0].span.start.column, problems[0].detail, problems[0].help) == (column, detail, help_)
    assert problems[0].code is codes.CONDITION


def test_a_tag_does_not_see_what_is_worked_out_from_tags() -> None:
    source = Source("policy.yaml", "server.tokens > 1")
    text = Text(value=source.text, span=source.span(0, len(source.text)))
    condition, (problem,) = compile_condition(text, source, "server", derived=False)
    assert condition is None
    assert "tags are given before this is worked out" in problem.help
