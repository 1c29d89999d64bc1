from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.resolve.binding import Bound, BoundMount, bind
from mcphub_gitops.compiler.resolve.catalog import CatalogServer, read_catalog
from mcphub_gitops.compiler.resolve.template import SecretValue
from tests.support.shared import SHARED, needs_shared_data
from tests.support.values import JSON

HEAD = "registry:\n  io.acme:\n    image: acme/mcp\n"
SETTINGS = """\
    config:
      - name: io.acme
        type: object
        properties:
          url: {type: string, pattern: "^https://"}
          level: {type: string, enum: [low, high], default: low}
          port: {type: integer}
          paths: {type: array, items: {type: string}}
          jira:
            type: object
            properties: {user: {type: string}, retries: {type: integer, default: 3}}
            required: [user]
          extra: {type: object}
        required: [url]
"""
USES = """\
    env:
      - {name: URL, value: "{{io_acme.url}}"}
      - {name: LEVEL, value: "{{io_acme.level}}"}
      - {name: PORT, value: "{{io_acme.port}}"}
      - {name: RETRIES, value: "{{io_acme.jira.retries}}"}
      - {name: HEADERS, value: "Bearer $ACME_KEY"}
    command: [--url, "{{io_acme.url}}", "{{io_acme.paths|volume-target|into}}", "--key=$ACME_KEY", $LEVEL]
    volumes: ["{{io_acme.paths|volume|into}}", "{{io_acme.paths|first|mount_as:/first:ro}}", "cache:/cache:rw"]
    user: "{{io_acme.port}}"
    secrets: [{name: io.acme.key, env: ACME_KEY}, {name: io.acme.key, env: ACME_KEY_2}]
"""

REMOTE = """\
    remote: {url: "https://{{d.zone}}.example/mcp", headers: {Authorization: "Bearer ${KEY}", X-Plain: a}}
    secrets: [{name: d.k, env: KEY}]
    config: [{name: d, properties: {zone: {type: string}}}]
"""


def server_of(body: str, *, head: str = HEAD) -> CatalogServer:
    catalog, _, diagnostics = read_catalog("catalog.yaml", (head + body).encode())
    assert diagnostics == ()
    assert catalog is not None
    (name,) = catalog.names
    server = catalog.get(name)
    assert server is not None
    return server


def bound(server: CatalogServer, config: Mapping[str, Any]) -> Bound:
    found, problems = bind(server, config)
    assert problems == ()
    assert found is not None
    return found


def problems_of(server: CatalogServer, config: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return code, place (in the hub, or the catalog) and text of each problem."""
    found, problems = bind(server, config)
    assert (found is None) == bool(problems)
    return [
        (
            each.code.name,
            ".".join(str(step) for step in each.path) or str(each.span).removeprefix("catalog.yaml:"),
            f"{each.detail} {each.help}".strip(),
        )
        for each in problems
    ]


def test_all_settings_are_filled_in() -> None:
    found = bound(
        server_of(SETTINGS + USES),
        {"url": "https://x", "port": 8443, "paths": ["/a", "/b"], "jira": {"user": "me"}, "extra": {"any": 1}},
    )
    assert found.image == "acme/mcp"
    assert dict(found.env) == {"URL": "https://x", "LEVEL": "low", "PORT": "8443", "RETRIES": "3"}
    assert {name: word.parts for name, word in found.composed.items()} == {
        "HEADERS": ("Bearer ", SecretValue("ACME_KEY"))
    }
    assert [word.parts for word in found.args] == [
        ("--url",),
        ("https://x",),
        ("/a",),
        ("/b",),
        ("--key=", SecretValue("ACME_KEY")),
        ("low",),
    ]
    assert found.mounts == (
        BoundMount(source="/a", target="/a"),
        BoundMount(source="/b", target="/b"),
        BoundMount(source="/a", target="/first", mode="ro"),
        BoundMount(source="cache", target="/cache", mode="rw"),
    )
    assert dict(found.secrets) == {"io.acme.key": ("ACME_KEY", "ACME_KEY_2")}
    assert (found.user, found.url, dict(found.headers)) == ("8443", "", {})


def test_what_is_not_given_is_left_out() -> None:
    found = bound(server_of(SETTINGS + USES), {"url": "https://x", "level": "high"})
    assert dict(found.env) == {"URL": "https://x", "LEVEL": "high"}
    assert [word.text for word in found.args] == ["--url", "https://x", None, "high"]
    assert [mount.source for mount in found.mounts] == ["cache"]
    assert found.user == ""


def test_a_remote_gets_its_headers_with_secrets_left_open() -> None:
    server = server_of(REMOTE, head="registry:\n  d:\n")
    found = bound(server, {"zone": "eu"})
    assert (found.image, found.url) == ("", "https://eu.example/mcp")
    assert {name: word.parts for name, word in found.headers.items()} == {
        "Authorization": ("Bearer ", SecretValue("KEY")),
        "X-Plain": ("a",),
    }


def test_the_network_that_a_server_wishes_for() -> None:
    body = "    disableNetwork: true\n    allowHosts: ['a.example:443']\n    extraHosts: ['b:10.0.0.1']\n"
    found = bound(server_of(body), {})
    assert found.extra_hosts == ("b:10.0.0.1",)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, ("MH203", "config", "`config` needs `url`.")),
        (
            {"url": "https://x", "ulr": 1},
            ("MH201", "config.ulr", "`ulr` is not a key of `config`. did you mean `url`?"),
        ),
        ({"url": "https://x", "port": "8"}, ("MH202", "config.port", "`config.port` is `8`; expected a whole number.")),
        (
            {"url": "https://x", "port": True},
            ("MH202", "config.port", "`config.port` is true; expected a whole number."),
        ),
        ({"url": None}, ("MH202", "config.url", "`config.url` is empty; expected a string.")),
        ({"url": "http://x"}, ("MH204", "config.url", "`config.url` does not match ^https://.")),
        (
            {"url": "https://x", "level": "hig"},
            ("MH204", "config.level", "`config.level` is `hig`. did you mean `high`?"),
        ),
        (
            {"url": "https://x", "paths": ["a", 1]},
            (
                "MH202",
                "config.paths.1",
                "`config.paths[1]` is the number 1; expected a string. put it in quotes to make it a string",
            ),
        ),
        ({"url": "https://x", "jira": {}}, ("MH203", "config.jira", "`config.jira` needs `user`.")),
        (
            {"url": "https://x", "jira": {"user": "u", "usr": 1}},
            ("MH201", "config.jira.usr", "`usr` is not a key of `config.jira`. did you mean `user`?"),
        ),
        (
            {"url": "https://x\0"},
            ("MH204", "config.url", "No program can be told a text with U+0000 in it."),
        ),
    ],
)
def test_a_wrong_setting_is_told_with_its_path(config: Mapping[str, Any], expected: tuple[str, str, str]) -> None:
    assert problems_of(server_of(SETTINGS + USES), config) == [expected]


def test_all_mistakes_of_hub_and_catalog_at_once() -> None:
    server = server_of(SETTINGS + '    env: [{name: A, value: "{{io_acme.prot}}"}, {name: B, value: $KEY}]\n')
    assert problems_of(server, {"url": 1, "a": 2}) == [
        (
            "MH202",
            "config.url",
            "`config.url` is the number 1; expected a string. put it in quotes to make it a string",
        ),
        (
            "MH201",
            "config.a",
            "`a` is not a key of `config`. possible: `extra`, `jira`, `level`, `paths`, `port`, `url`",
        ),
        ("MH301", "18:28", "`io_acme.prot` is no setting of the server. did you mean `io_acme.port`?"),
        ("MH301", "18:66", "`$KEY` is no secret or variable that is known here."),
    ]


def test_a_wrong_setting_is_told_once_and_not_again_where_it_is_used() -> None:
    body = "    volumes: ['/data:{{io_acme.url}}']\n    command: ['--url={{io_acme.url}}']\n"
    assert [code for code, _, _ in problems_of(server_of(SETTINGS + body), {"url": ["https://x"]})] == ["MH202"]


def test_settings_in_a_list_are_closed_as_well() -> None:
    hosts = "hosts: {type: array, items: {type: object, properties: {name: {type: string, default: a}}}}"
    server = server_of(f"    config: [{{name: io_acme, properties: {{{hosts}}}}}]\n")
    assert problems_of(server, {"hosts": [{}, {"nam": "x"}]}) == [
        ("MH201", "config.hosts.1.nam", "`nam` is not a key of `config.hosts[1]`. did you mean `name`?")
    ]


def test_a_server_without_settings_takes_none() -> None:
    assert problems_of(server_of(""), {"url": "x"}) == [("MH201", "config.url", "`url` is not a key of `config`.")]


@pytest.mark.parametrize(
    ("config", "count"),
    [({}, 1), ({"a": "x"}, 0), ({"b": "x"}, 1), ({"b": "x", "c": "y"}, 0), ({"a": "x", "c": "y"}, 0)],
)
def test_one_of_several_settings_is_needed(config: Mapping[str, Any], count: int) -> None:
    some = "properties: {a: {type: string}, b: {type: string}, c: {type: string}}"
    server = server_of(f"    config: [{{name: io.acme, {some}, anyOf: [{{required: [a]}}, {{required: [b, c]}}]}}]\n")
    assert problems_of(server, config) == [("MH203", "config", "`config` needs `a` or `b` with `c`.")] * count


def test_alternatives_that_say_more_are_checked_too() -> None:
    choices = "anyOf: [{required: [a], properties: {a: {const: x}}}, {properties: {b: {type: string}}, required: [b]}]"
    server = server_of(f"    config: [{{name: io.acme, properties: {{}}, {choices}}}]\n")
    assert problems_of(server, {"a": "x"}) == []
    assert problems_of(server, {"b": "y"}) == []
    assert [code for code, _, _ in problems_of(server, {"a": "z"})] == ["MH204"]


def test_a_setting_that_is_required_without_being_declared_may_be_given_unless_it_is_a_secret() -> None:
    body = "    config: [{name: io.acme, properties: {}, required: [lost, token]}]\n"
    server = server_of(body + "    secrets: [{name: io.acme.token, env: TOKEN}]\n")
    assert problems_of(server, {"lost": 1}) == []
    assert problems_of(server, {}) == [("MH203", "config", "`config` needs `lost`.")]
    assert [place for _, place, _ in problems_of(server, {"lost": 1, "token": "x"})] == ["config.token"]


@pytest.mark.parametrize("pattern", ["(", "(?=a)a", r"(a)\1", "(a{1,1000}){1,1000}"])
def test_a_pattern_that_is_not_matched_in_linear_time_is_the_catalogs_fault(pattern: str) -> None:
    server = server_of(f"    config: [{{name: io.acme, properties: {{a: {{type: string, pattern: '{pattern}'}}}}}}]\n")
    ((code, place, detail),) = problems_of(server, {})
    assert (code, place) == ("MH111", "2:3")
    assert "regular expression" in detail


@pytest.mark.parametrize(
    ("volume", "value", "mount"),
    [
        ("{{io_acme.p}}:/app", "/data", ("/data", "/app", "")),
        ("{{io_acme.p}}:/app:ro", "/data", ("/data", "/app", "ro")),
        ("{{io_acme.p}}:/app", "data", ("data", "/app", "")),
        ("{{io_acme.p}}:/app", "C:\\data", ("C:\\data", "/app", "")),
        ("{{io_acme.p|volume}}", "C:\\data", ("C:\\data", "/C/data", "")),
        ("{{io_acme.p}}:/app", "C:/data", ("C:/data", "/app", "")),
        ("{{io_acme.p}}:/app", "c", ("c", "/app", "")),
        ("{{io_acme.p}}:/app", "", None),
        ("{{io_acme.p}}:{{io_acme.p}}", "", None),
    ],
)
def test_mounts(volume: str, value: str, mount: tuple[str, str, str] | None) -> None:
    server = server_of(
        f"    volumes: ['{volume}']\n    config: [{{name: io.acme, properties: {{p: {{type: string}}}}}}]\n"
    )
    found = [(each.source, each.target, each.mode) for each in bound(server, {"p": value}).mounts]
    assert found == ([mount] if mount else [])


@pytest.mark.parametrize(
    ("volume", "value"),
    [
        ("{{io_acme.p}}:/app", "/data:/etc"),
        ("{{io_acme.p}}:/app:ro", "/data:/etc"),
        ("{{io_acme.p|volume}}", "/data:/etc"),
        ("{{io_acme.p|mount_as:/app}}", "/data:/etc:rw"),
        ("{{io_acme.p}}:{{io_acme.p}}", "/data:/etc"),
        ("{{io_acme.p|volume}}", "relative"),
        ("{{io_acme.p}}:/app:z", "/data"),
        ("/data:{{io_acme.p}}", ""),
    ],
)
def test_a_setting_cannot_move_where_it_is_mounted(volume: str, value: str) -> None:
    server = server_of(
        f"    volumes: ['{volume}']\n    config: [{{name: io.acme, properties: {{p: {{type: string}}}}}}]\n"
    )
    ((code, place, _),) = problems_of(server, {"p": value})
    assert (code, place) == ("MH204", "config")


def test_a_setting_cannot_name_a_secret() -> None:
    body = "    command: ['{{io_acme.p}}', 'a{{io_acme.p}}']\n    secrets: [{name: io.acme.k, env: KEY}]\n"
    server = server_of(body + "    config: [{name: io.acme, properties: {p: {type: string}}}]\n")
    assert [word.text for word in bound(server, {"p": "$KEY"}).args] == ["$KEY", "a$KEY"]


@pytest.mark.parametrize(
    "body",
    [
        "    env: [{name: A, value: x}, {name: A, value: y}]\n",
        "    env: [{name: A, value: x}]\n    secrets: [{name: s, env: A}]\n",
        "    secrets: [{name: s, env: A}, {name: t, env: A}]\n",
    ],
)
def test_a_variable_that_the_catalog_sets_twice(body: str) -> None:
    assert [code for code, _, _ in problems_of(server_of(body), {})] == ["MH305"]


NAMES = st.sampled_from(["url", "level", "port", "paths", "jira", "extra"]) | st.text(max_size=5)


@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_any_settings_give_something_to_run_or_a_reason(config: dict[str, Any]) -> None:
    found, problems = bind(server_of(SETTINGS + USES), config)
    assert (found is None) == bool(problems)


@pytest.fixture(scope="module")
def published() -> dict[str, CatalogServer]:
    catalog, _, _ = read_catalog("catalog.yaml", (SHARED / "docker-mcp-catalog.yaml").read_bytes())
    assert catalog is not None
    return {name: server for name in catalog.names if (server := catalog.get(name)) is not None}


def sample(schema: Mapping[str, Any], *, least: bool) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a value that fits `schema`: the smallest mappings with what is required, or all there is."""
    kind = schema.get("type", "object")
    if kind != "object":
        text = "https://x.example" if "pattern" in schema else "/srv/data"
        return {"string": text, "integer": 3, "number": 0.5, "boolean": True, "array": ["/srv/a", "/srv/b"]}[kind]
    needed = {*schema.get("required", ()), *(name for each in schema.get("anyOf", ())[:1] for name in each["required"])}
    declared = schema.get("properties", {})
    names = needed if least else needed | declared.keys()
    return {name: sample(declared.get(name, {"type": "string"}), least=least) for name in sorted(names)}


DEFECTIVE = {"kgrag-mcp-server": 13, "mcp-github-pr-issue-analyser": 1, "vectra-ai-rux-mcp-server": 1}
"""Servers of the published catalog with templates that name no setting, and how many."""


@needs_shared_data
@pytest.mark.parametrize("least", [True, False])
def test_every_published_server_binds_but_for_those_with_known_mistakes(
    published: dict[str, CatalogServer], *, least: bool
) -> None:
    found = {}
    for server in published.values():
        own = {secret.name.removeprefix(f"{server.name}.") for secret in server.secrets}
        config = sample(server.config, least=least)
        undeclared = set(config) - set(server.config.get("properties", {}))
        _, problems = bind(server, {name: value for name, value in config.items() if name not in undeclared & own})
        found[server.name] = [problem.code.name for problem in problems]
    assert {name: problems for name, problems in found.items() if problems} == {
        name: ["MH301"] * count for name, count in DEFECTIVE.items()
    }


@needs_shared_data
def test_published_servers_come_out_as_the_reference_runs_them(published: dict[str, CatalogServer]) -> None:
    files = bound(published["filesystem"], {"paths": ["/srv/a", "/srv/b"]})
    assert [word.text for word in files.args] == ["/srv/a", "/srv/b"]
    assert [(mount.source, mount.target) for mount in files.mounts] == [("/srv/a", "/srv/a"), ("/srv/b", "/srv/b")]
    notion = bound(published["notion"], {})
    assert notion.composed["OPENAPI_MCP_HEADERS"].parts == (
        '{"Authorization": "Bearer ',
        SecretValue("INTERNAL_INTEGRATION_TOKEN"),
        '", "Notion-Version": "2022-06-28"}',
    )
    assert [word.parts for word in bound(published["sentry"], {}).args] == [
        ("--auth-token",),
        (SecretValue("SENTRY_AUTH_TOKEN"),),
    ]
    apify = bound(published["apify"], {})
    assert apify.headers["Authorization"].parts == ("Bearer ", SecretValue("APIFY_API_KEY"))
    jira = bound(published["atlassian"], {"jira": {"url": "https://x", "username": "me"}})
    assert (jira.env["JIRA_URL"], jira.env["JIRA_USERNAME"]) == ("https://x", "me")
    _, problems = bind(published["atlassian"], {})
    assert [problem.detail for problem in problems] == ["`config` needs `confluence` or `jira`."]
