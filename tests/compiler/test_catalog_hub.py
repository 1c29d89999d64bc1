"""A hub of ten servers of the published catalog compiles to a plan that says what each is given."""

import json
from collections.abc import Mapping

import pytest

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer, build
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.compiler.plan.text import render_plan
from mcphub_gitops.compiler.resolve.confinement import Mount
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.sourcing import validate
from tests.support.hubs import lock_of
from tests.support.shared import SHARED, needs_shared_data

pytestmark = needs_shared_data

HUB = """\
apiVersion: mcphub/v1
name: acme
vars: {grafana: grafana.dev.acme.example}
catalogs: {docker: {path: docker.yaml}}
servers:
  fetch: {from: docker/fetch}
  time: {from: docker/time}
  duckduckgo: {from: docker/duckduckgo, network: bridge, relax: {network: bridge, reason: it searches the web}}
  sequentialthinking: {from: docker/sequentialthinking}
  memory: {from: docker/memory, prefix: kept}
  filesystem: {from: docker/filesystem, config: {paths: [/srv/one, /srv/two]}}
  grafana:
    from: docker/grafana
    config: {url: "https://${vars.grafana}"}
    secrets: {grafana.api_key: "env://GRAFANA_KEY"}
    env: {LOG_LEVEL: info}
  github-official: {from: docker/github-official, secrets: {github.personal_access_token: "env://GITHUB_TOKEN"}}
  notion: {from: docker/notion, secrets: {notion.internal_integration_token: "env://NOTION"}}
  docs: {from: docker/docker-docs}
"""


@pytest.fixture(scope="module")
def hub() -> Hub:
    catalog = (SHARED / "docker-mcp-catalog.yaml").read_bytes()
    validated = validate("mcp-hub.yaml", HUB.encode(), {"docker.yaml": catalog})
    assert [each.code.name for each in validated.diagnostics] == ["MH332", "MH324", "MH324"]
    assert validated.hub is not None
    return validated.hub


@pytest.fixture(scope="module")
def desired(hub: Hub) -> Desired:
    found, problems = build(hub, *lock_of(hub, {server.name: (f"{server.name}_tool",) for server in hub.servers}))
    assert problems == ()
    return found


def server(desired: Desired, name: str) -> DesiredServer:
    return next(each for each in desired.servers if each.name == name)


def test_all_ten_are_there_nine_in_containers_by_digest(desired: Desired) -> None:
    assert len(desired.servers) == 10
    containers = [each.container for each in desired.servers if each.container is not None]
    assert len(containers) == 9
    assert all(
        each.image.startswith(("docker.io/mcp/", "ghcr.io/")) and "@sha256:" in each.image for each in containers
    )
    endpoint = server(desired, "docs").endpoint
    assert endpoint is not None
    assert endpoint.url.startswith("https://mcp-docs.docker.com/")


def test_settings_fill_the_templates_of_commands_volumes_and_variables(desired: Desired) -> None:
    files = server(desired, "filesystem")
    assert files.container is not None
    assert files.argv == ("/srv/one", "/srv/two")
    assert files.container.mounts == tuple(
        Mount(kind="bind", source=path, target=path) for path in ("/srv/one", "/srv/two")
    )
    assert server(desired, "grafana").env == {"GRAFANA_URL": "https://grafana.dev.acme.example", "LOG_LEVEL": "info"}


def test_secrets_reach_their_variables_alone_or_inside_a_text(desired: Desired) -> None:
    assert server(desired, "grafana").secrets == {"GRAFANA_API_KEY": "env://GRAFANA_KEY"}
    assert server(desired, "github-official").secrets == {"GITHUB_PERSONAL_ACCESS_TOKEN": "env://GITHUB_TOKEN"}
    assert "Bearer ${env://NOTION}" in server(desired, "notion").secrets["OPENAPI_MCP_HEADERS"]


def test_nothing_gets_a_network_that_the_hub_does_not_give_it(desired: Desired) -> None:
    networks = {each.name: each.container.network for each in desired.servers if each.container is not None}
    assert {name for name, network in networks.items() if network != "none"} == {"duckduckgo"}


def test_the_plan_leads_with_what_each_is_given(desired: Desired) -> None:
    text = render_plan(reconcile(desired, Observed(), Options()))
    permissions = text.partition("\n\n")[0]
    assert "  + network bridge -> server.duckduckgo" in permissions
    assert "  + secret GRAFANA_API_KEY (env://GRAFANA_KEY) -> server.grafana" in permissions
    assert "  + mount at /srv/one from /srv/one (bind, read-only) -> server.filesystem" in permissions
    assert "Plan: 10 to create, 0 to update, 0 to replace, 0 to destroy." in text


def test_what_is_broken_in_the_catalog_can_be_mended() -> None:
    """All 15 templates of it that name no setting."""
    broken = {
        "kgrag-mcp-server": {},
        "mcp-github-pr-issue-analyser": {},
        "vectra-ai-rux-mcp-server": {"vectra_base_url": "https://v.example"},
    }
    catalog = (SHARED / "docker-mcp-catalog.yaml").read_bytes()

    def faults(overrides: Mapping[str, Mapping[str, str]]) -> list[tuple[str, int]]:
        servers = {
            name: {"from": f"docker/{name}", "config": config, **_override(overrides.get(name, {}))}
            for name, config in broken.items()
        }
        hub = {
            "apiVersion": "mcphub/v1",
            "name": "acme",
            "catalogs": {"docker": {"path": "docker.yaml"}},
            "servers": servers,
        }
        found = validate("mcp-hub.yaml", json.dumps(hub).encode(), {"docker.yaml": catalog})
        broken_templates = [each for each in found.diagnostics if each.code is codes.TEMPLATE]
        lines = catalog.decode().splitlines()
        return [(lines[each.span.start.line - 2].strip(), each.span.start.line) for each in broken_templates]

    found = faults({})
    assert len(found) == 15
    names = {line.removeprefix("- name: ") for line, _ in found}
    mended = {name: dict.fromkeys(sorted(names), "mended") for name in broken}
    assert faults(mended) == []


def _override(env: Mapping[str, str]) -> dict[str, object]:
    return {"override": {"env": dict(env), "reason": "the catalog names settings that it does not have"}} if env else {}
