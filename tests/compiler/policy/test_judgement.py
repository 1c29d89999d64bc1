from collections.abc import Sequence

from mcphub_gitops.compiler.policy.judgement import Breach, find_breaches
from mcphub_gitops.compiler.policy.model import Facts, Given, GivenServer
from mcphub_gitops.compiler.policy.vocabulary import completed
from tests.support.policies import policy_of


def given(*servers: tuple[Facts, Sequence[Facts]], **hub: object) -> Given:
    return Given(
        hub=completed("hub", hub),
        servers=tuple(
            GivenServer(facts=completed("server", facts), tools=tuple(completed("tool", tool) for tool in tools))
            for facts, tools in servers
        ),
    )


def breaches(text: str, what: Given) -> list[tuple[str, str]]:
    policy = policy_of(text)
    return [(each.rule.name, each.subject) for each in find_breaches(what, policy.rules, policy.tags)]


def rule(kind: str, deny: str, name: str = "r", when: str = "true") -> str:
    match = f'{{kind: {kind}, when: "{when}"}}'
    return f'  - {{name: {name}, level: deny, match: {match}, deny: "{deny}", message: m}}\n'


def test_each_kind_is_looked_at_by_itself_and_named() -> None:
    what = given(
        (
            {
                "name": "notes",
                "image": {"repository": "team/notes"},
                "secrets": [{"variable": "KEY", "reference": "env://KEY"}],
                "mounts": [{"target": "/data"}],
                "hosts": [{"name": "a.example"}],
            },
            [{"name": "add"}, {"name": "del"}],
        ),
        ({"name": "bare", "kind": "process"}, []),
    )
    kinds = ("hub", "server", "tool", "image", "secret", "mount", "host")
    text = "rules:\n" + "".join(rule(kind, "true", f"every-{kind}") for kind in kinds)
    assert breaches(text, what) == [
        ("every-hub", "hub"),
        ("every-server", "notes"),
        ("every-server", "bare"),
        ("every-tool", "notes/add"),
        ("every-tool", "notes/del"),
        ("every-image", "notes/team/notes"),
        ("every-secret", "notes/KEY"),
        ("every-mount", "notes//data"),
        ("every-host", "notes/a.example"),
    ]


def test_a_rule_looks_at_what_it_matches() -> None:
    what = given(({"name": "a", "kind": "process"}, []), ({"name": "b"}, []))
    assert breaches("rules:\n" + rule("server", "true", when="server.kind == 'process'"), what) == [("r", "a")]
    assert breaches("rules:\n  - {name: r, level: deny, match: {kind: server}, deny: 'true', message: m}\n", what) == [
        ("r", "a"),
        ("r", "b"),
    ]


def test_breaches_stand_in_the_order_of_the_rules() -> None:
    what = given(({"name": "a"}, [{"name": "t"}]))
    text = "rules:\n" + rule("tool", "true", "one") + rule("server", "true", "two") + rule("tool", "true", "three")
    assert [name for name, _ in breaches(text, what)] == ["one", "two", "three"]


def test_what_cannot_be_decided_is_a_breach_that_says_so() -> None:
    what = given(({"name": "a"}, []))
    policy = policy_of(
        "rules:\n" + rule("server", "server.env[0] == ''") + rule("server", "true", "s", "server.env[1] == ''")
    )
    found = find_breaches(what, policy.rules, ())
    assert [(each.rule.name, bool(each.undecided)) for each in found] == [("r", True), ("s", True)]
    assert isinstance(found[0], Breach)


def test_tags_go_from_servers_to_their_tools_and_from_tools_to_their_server_and_no_further() -> None:
    what = given(
        ({"name": "a", "network": "bridge"}, [{"name": "fetch"}, {"name": "now", "tags": ["own"]}]),
        ({"name": "b", "tags": ["given"]}, [{"name": "c"}]),
    )
    tags = (
        "tags:\n"
        "  - {tag: network, kind: server, when: \"server.network != 'none'\"}\n"
        "  - {tag: untrusted, kind: tool, when: \"tool.name == 'fetch'\"}\n"
        "  - {tag: undecided, kind: server, when: \"server.name == 'b' && server.env[0] == 'x'\"}\n"
    )

    def tagged(kind: str, tag: str) -> list[str]:
        return [subject for _, subject in breaches(tags + "rules:\n" + rule(kind, f"'{tag}' in {kind}.tags"), what)]

    assert tagged("tool", "network") == ["a/fetch", "a/now"]
    assert tagged("tool", "untrusted") == ["a/fetch"]
    assert tagged("tool", "own") == ["a/now"]
    assert tagged("server", "untrusted") == ["a"]
    assert tagged("server", "own") == ["a"]
    assert tagged("tool", "given") == ["b/c"]
    # What cannot be decided counts as the worse.
    assert tagged("server", "undecided") == ["b"]
    all_of_them = (
        "['network', 'untrusted', 'own', 'given', 'undecided'].all(each, each in hub.tags) && size(hub.tags) == 5"
    )
    assert breaches(tags + "rules:\n" + rule("hub", all_of_them), what) == [("r", "hub")]


def test_the_hub_knows_its_servers_and_tools() -> None:
    what = given(
        (
            {"name": "a", "owner": "x", "secrets": [{"variable": "K", "store": "env", "reference": "env://K"}]},
            [{"name": "t", "tokens": 7}, {"name": "u", "tokens": 5, "readOnly": True}],
        ),
        ({"name": "b"}, [{"name": "v", "tokens": 1}]),
        name="acme",
    )
    holds = (
        "hub.name == 'acme' && hub.tokens == 13 && hub.toolCount == 3 && hub.serverCount == 2 && hub.stores == ['env']"
        " && hub.servers.exists(each, each.name == 'a' && each.tokens == 12 && each.toolCount == 2)"
        " && hub.servers.exists(each, each.owner == 'x')"
        " && hub.tools.exists(each, each.server == 'a' && each.name == 'u' && each.readOnly && each.tokens == 5)"
    )
    assert breaches("rules:\n" + rule("hub", holds), what) == [("r", "hub")]
    assert breaches("rules:\n" + rule("server", "server.tokens == 12 && server.toolCount == 2"), what) == [("r", "a")]


def test_a_secret_knows_who_else_has_it() -> None:
    secret = {"variable": "K", "reference": "env://K"}
    what = given(
        ({"name": "a", "secrets": [secret, {"variable": "L", "reference": "env://K"}]}, []),
        ({"name": "b", "secrets": [secret, {"variable": "OWN", "reference": "env://OWN"}]}, []),
    )
    shared = breaches("rules:\n" + rule("secret", "secret.servers == ['a', 'b']"), what)
    assert shared == [("r", "a/K"), ("r", "a/L"), ("r", "b/K")]
    assert breaches("rules:\n" + rule("secret", "secret.servers == ['b']"), what) == [("r", "b/OWN")]
    assert secret == {"variable": "K", "reference": "env://K"}
