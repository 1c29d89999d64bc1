from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcphub_gitops.compiler.diagnostic import Diagnostic, render
from mcphub_gitops.compiler.resolve.catalog import (
    Catalog,
    CatalogProvider,
    CatalogServer,
    canonical,
    read_catalog,
)
from mcphub_gitops.schemas import load_schema
from tests.support.shared import SHARED, needs_shared_data

UNION = "docker-mcp-catalog.yaml"
PUBLISHED = {UNION: 328, "catalog-2025-11-20.yaml": 271, "catalog-2026-02-10.yaml": 312}

GRAFANA = """\
version: 3
name: mine
displayName: Mine
registry:
  grafana:
    title: Grafana
    description: Dashboards.
    type: server
    image: grafana/mcp@sha256:0f
    dateAdded: "2026-01-01T00:00:00Z"
    ref: ""
    command: [--transport=stdio, "{{grafana.paths|into}}"]
    volumes: ["{{grafana.paths|volume|into}}"]
    env:
      - {name: GRAFANA_URL, value: "{{grafana.url}}"}
    secrets:
      - {name: grafana.api_key, env: GRAFANA_API_KEY, example: "<KEY>"}
      - {name: grafana.spare, env: SPARE, required: false}
    config:
      - name: grafana
        description: Where it is
        type: object
        properties: {url: {type: string}, paths: {type: array, items: {type: string}}}
        required: [url]
    user: "1000"
    disableNetwork: true
    allowHosts: ["grafana.example:443"]
    extraHosts: ["here:127.0.0.1"]
    longLived: true
    prefix: gf
    tools:
      - {name: search, description: Finds., annotations: {readOnlyHint: true}, arguments: [{name: q, type: string}]}
      - {name: list_dashboards}
    metadata: {category: monitoring, tags: [a], pulls: 3}
"""
REMOTE = """\
registry:
  docs:
    remote: {url: "https://docs.example/mcp", transport_type: sse, headers: {Authorization: "Bearer ${DOCS_KEY}"}}
    secrets: [{name: docs.key, env: DOCS_KEY}]
    oauth: {providers: [{provider: docs, secret: docs.token, env: DOCS_TOKEN}], scopes: [read]}
  old: {sseEndpoint: "https://old.example/sse"}
  new: {remote: {url: "https://new.example/mcp", transport_type: streaming}}
"""
CURL = """\
registry:
  curl:
    type: poci
    tools:
      - name: curl
        parameters: {type: object, properties: {args: {type: array, items: {type: string}}}, required: [args]}
        container: {image: "alpine/curl", command: ["{{args|into}}"], volumes: ["{{args|first}}:/x"], user: "1"}
"""


def catalog_of(text: str) -> Catalog:
    catalog, _, diagnostics = read_catalog("catalog.yaml", text.encode())
    assert diagnostics == ()
    assert catalog is not None
    return catalog


def server_of(text: str, name: str) -> CatalogServer:
    server = catalog_of(text).get(name)
    assert server is not None
    return server


@cache
def published(name: str) -> tuple[Catalog | None, tuple[Diagnostic, ...]]:
    catalog, _, diagnostics = read_catalog(name, (SHARED / name).read_bytes())
    return catalog, diagnostics


def union() -> dict[str, CatalogServer]:
    catalog, _ = published(UNION)
    assert catalog is not None
    return {name: server for name in catalog.names if (server := catalog.get(name)) is not None}


def test_an_image_with_all_that_can_be_said_of_it() -> None:
    server = server_of(GRAFANA, "grafana")
    assert (server.name, server.kind, server.title, server.description) == (
        "grafana",
        "image",
        "Grafana",
        "Dashboards.",
    )
    assert server.image == "grafana/mcp@sha256:0f"
    assert [text.value for text in server.command] == ["--transport=stdio", "{{grafana.paths|into}}"]
    assert [text.value for text in server.volumes] == ["{{grafana.paths|volume|into}}"]
    assert [(name, text.value) for name, text in server.env] == [("GRAFANA_URL", "{{grafana.url}}")]
    assert [(each.name, each.variable, each.required) for each in server.secrets] == [
        ("grafana.api_key", "GRAFANA_API_KEY", True),
        ("grafana.spare", "SPARE", False),
    ]
    assert server.config == {
        "type": "object",
        "properties": {"url": {"type": "string"}, "paths": {"type": "array", "items": {"type": "string"}}},
        "required": ["url"],
    }
    assert server.required == ("url",)
    assert (server.user and server.user.value, server.disable_network) == ("1000", True)
    assert [host.value for host in server.allow_hosts] == ["grafana.example:443"]
    assert server.extra_hosts == ("here:127.0.0.1",)
    assert (server.prefix, server.remote, server.oauth) == ("gf", None, ())
    search, dashboards = server.tools
    assert (search.name, search.description, search.container) == ("search", "Finds.", None)
    assert (search.name, search.description, dashboards.name) == ("search", "Finds.", "list_dashboards")


def test_everything_knows_its_place() -> None:
    server = server_of(GRAFANA, "grafana")
    assert [
        str(span) for span in (server.span, server.secrets[0].span, server.tools[1].span, server.env[0][1].span)
    ] == [
        "catalog.yaml:5:3",
        "catalog.yaml:17:16",
        "catalog.yaml:33:16",
        "catalog.yaml:15:36",
    ]
    assert server == server_of("\n" + GRAFANA, "grafana")


def test_remotes() -> None:
    docs, old, new = (server_of(REMOTE, name) for name in ("docs", "old", "new"))
    assert {docs.kind, old.kind, new.kind} == {"remote"}
    assert docs.remote is not None
    assert docs.remote.url.value == "https://docs.example/mcp"
    assert [(name, text.value) for name, text in docs.remote.headers] == [("Authorization", "Bearer ${DOCS_KEY}")]
    assert docs.oauth == (CatalogProvider(provider="docs", secret="docs.token", variable="DOCS_TOKEN"),)  # noqa: S106  (a secret's name)
    assert [each.remote.transport for each in (docs, old, new) if each.remote] == ["sse", "sse", "streamable-http"]


def test_tools_that_are_containers() -> None:
    server = server_of(CURL, "curl")
    (tool,) = server.tools
    assert (server.kind, server.image) == ("tool", "")
    assert tool.parameters["required"] == ["args"]
    assert tool.container is not None
    assert (tool.container.image.value, tool.container.user and tool.container.user.value) == ("alpine/curl", "1")
    assert [text.value for text in tool.container.command + tool.container.volumes] == [
        "{{args|into}}",
        "{{args|first}}:/x",
    ]


def test_what_is_given_decides_the_kind_and_not_what_it_is_called() -> None:
    assert server_of("registry: {a: {type: remote, image: x}}", "a").kind == "image"


def test_names_are_in_order_and_what_is_not_there_is_none() -> None:
    catalog = catalog_of(REMOTE)
    assert catalog.names == ("docs", "new", "old")
    assert catalog.get("doc") is None


@pytest.mark.parametrize("again", ["io.acme.notes", "io_acme_notes"])
def test_a_dot_in_a_name_is_an_underscore_in_templates(again: str) -> None:
    assert canonical("io.acme.notes") == "io_acme_notes"
    assert server_of(f"registry: {{io.acme.notes: {{image: x, config: [{{name: {again}}}]}}}}", "io.acme.notes")


@pytest.mark.parametrize(
    ("text", "code", "place", "said"),
    [
        ("registry: {a: {imge: x, image: y}}", "MH201", "1:16", "did you mean `image`?"),
        ("registry: {a: {image: x, remote: {url: y, transport_typ: sse}}}", "MH201", "1:43", "`transport_type`"),
        ("registry: {a: {image: x, tools: [{name: t, desc: d}]}}", "MH201", "1:44", "`description`"),
        ("registry: {a: {image: x, config: [{name: a, properties: {u: {typ: string}}}]}}", "MH201", "1:62", "`type`"),
        ("registry: {a: {image: x, env: [{name: A, value: 3}]}}", "MH202", "1:49", "quotes"),
        ("registry: {a: {image: -x}}", "MH204", "1:23", "NAME[:TAG]"),
        ("registry: {a b: {image: x}}", "MH204", "1:12", "letters"),
        ("registry: {a: {image: x, env: [{name: 'A=B', value: x}]}}", "MH204", "1:39", "`registry.a.env[0].name`"),
        ("registry: {a: {image: x, allowHosts: ['{{a.b}}']}}", "MH204", "1:39", "no spaces"),
        ('registry: {a: {image: x, command: ["\\0"]}}', "MH204", "1:36", "`registry.a.command[0]`"),
        ("registry: {a: {image: x, config: [{name: a}, {name: a}]}}", "MH204", "1:34", "maxItems"),
        ("registry: {a: {image: x, config: [{name: a, properties: {b.c: {}}}]}}", "MH204", "1:58", "dots"),
        ("registry: {a: {image: x, config: [{name: b}]}}", "MH204", "1:42", "calls itself `b`"),
        ("registry: {a: {image: x, name: b}}", "MH204", "1:32", "calls itself `b`"),
        ("registry: {a: {image: x, remote: {url: y}}}", "MH205", "1:12", "it has `image` and `remote`"),
        ("registry: {a: {type: poci, tools: [{name: t}]}}", "MH205", "1:12", "it has none of them"),
        ("registry: {a: {image: x}, a: {image: y}}", "MH105", "1:27", "twice"),
        ("version: 4\nregistry: {}", "MH204", "1:10", "number 4"),
        ("servers: {}", "MH201", "1:1", "`registry`"),
        ("registry: [", "MH104", "2:1", ""),
    ],
)
def test_each_mistake_is_told_at_its_place_and_gives_no_catalog(text: str, code: str, place: str, said: str) -> None:
    catalog, source, diagnostics = read_catalog("catalog.yaml", text.encode())
    assert catalog is None
    shown = [render(each, {"catalog.yaml": source}) for each in diagnostics]
    assert [each for each in shown if each.startswith(f"catalog.yaml:{place}: error[{code}]") and said in each]


def test_no_excerpt_of_a_catalog_shows_a_token() -> None:
    token = "ghp_" + "0123456789abcdefghij" * 2
    _, source, (problem,) = read_catalog("c", f"registry: {{a: {{image: x, command: [3, '{token}']}}}}".encode())
    shown = render(problem, {"c": source})
    assert "****" in shown
    assert token not in shown


@given(st.binary(max_size=100) | st.text(max_size=60).map(lambda text: f"registry: {{a: {{{text}}}}}".encode()))
def test_any_bytes_give_a_catalog_or_an_error(data: bytes) -> None:
    catalog, _, diagnostics = read_catalog("c", data)
    assert (catalog is None) == any(each.severity.value == "error" for each in diagnostics)


@needs_shared_data
@pytest.mark.parametrize(("name", "count"), PUBLISHED.items(), ids=list(PUBLISHED))
def test_published_catalogs_load_without_a_word(name: str, count: int) -> None:
    catalog, diagnostics = published(name)
    assert diagnostics == ()
    assert catalog is not None
    servers = [catalog.get(server) for server in catalog.names]
    assert len([server for server in servers if server is not None]) == count


@needs_shared_data
def test_the_published_catalogs_are_understood_to_the_last_entry() -> None:
    servers = union().values()
    kinds = [server.kind for server in servers]
    transports = [server.remote.transport for server in servers if server.remote]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"image": 250, "remote": 75, "tool": 3}
    assert {each: transports.count(each) for each in set(transports)} == {"streamable-http": 45, "sse": 30}
    assert sum(len(server.tools) for server in servers) == 4069
    assert sum(len(server.secrets) for server in servers) == 213
    assert len([server for server in servers if server.secrets]) == 167
    assert len([server for server in servers if server.oauth]) == 41
    assert len([server for server in servers if server.config]) == 144
    assert len([server for server in servers if server.required]) == 60
    assert len([server for server in servers if "anyOf" in server.config]) == 2
    assert len([server for server in servers if server.env]) == 135
    assert len([server for server in servers if server.volumes]) == 25
    assert len([server for server in servers if server.command]) == 15
    assert len([server for server in servers if server.disable_network]) == 3
    assert len([server for server in servers if server.allow_hosts]) == 3
    assert [server.name for server in servers if server.user] == ["aks"]
    assert len([server for server in servers if server.remote and server.remote.headers]) == 13
    assert len([server for server in servers if "@sha256:" in server.image]) == 240


@needs_shared_data
def test_tool_containers_of_the_published_catalog_keep_their_schemas() -> None:
    tools = [tool for server in union().values() if server.kind == "tool" for tool in server.tools]
    assert sorted(tool.name for tool in tools) == ["curl", "docker", "ffmpeg", "file-exists", "imagemagick"]
    assert all(tool.parameters["properties"].keys() >= set(tool.parameters["required"]) for tool in tools)


SERVER_FIELDS = {
    *("name", "type", "image", "description", "title", "icon", "readme", "longLived", "remote", "sseEndpoint", "oauth"),
    *("secrets", "env", "command", "volumes", "user", "disableNetwork", "allowHosts", "extraHosts", "tools", "config"),
    *("prefix", "metadata", "policy", "dateAdded", "ref", "toolsUrl", "source", "upstream", "dynamic", "prompts"),
    "resources",
}
"""What Docker's own reader knows, and what published files carry beside it."""

INNER_FIELDS = {
    "remote": {"url", "transport_type", "headers"},
    "oauth": {"providers", "scopes"},
    "metadata": {"pulls", "stars", "githubStars", "category", "tags", "license", "owner", "registryUrl"},
    "dynamic": {"tools"},
}


def test_every_field_of_the_format_is_known_and_none_that_it_does_not_have() -> None:
    definitions = load_schema("catalog.v1")["$defs"]
    fields = definitions["server"]["properties"]
    assert fields.keys() == SERVER_FIELDS
    for name, inner in INNER_FIELDS.items():
        assert fields[name]["properties"].keys() == inner
        assert fields[name]["additionalProperties"] is False
    assert fields["secrets"]["items"]["properties"].keys() == {"name", "env", "example", "description", "required"}
    assert fields["env"]["items"]["properties"].keys() == {"name", "value"}
    tool = definitions["tool"]["properties"]
    assert tool.keys() == {"name", "description", "arguments", "annotations", "parameters", "container"}
    assert tool["container"]["properties"].keys() == {"image", "command", "volumes", "user"}
    assert tool["parameters"]["properties"].keys() == {"type", "properties", "required"}
    assert all(definitions[name]["additionalProperties"] is False for name in ("server", "tool", "setting"))
