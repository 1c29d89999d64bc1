from dataclasses import replace
from types import MappingProxyType

from mcphub_gitops.compiler.account.server import account_of_server
from mcphub_gitops.compiler.account.statement import Asked
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.read.syntax import parse
from tests.support.hubs import hub_of, lock_of

HUB = """\
apiVersion: mcphub/v1
name: acme
catalogs: {other: {path: other.yaml}, docker: {path: catalog.yaml}}
servers:
  docs: {remote: {url: "https://docs.example/mcp"}}
  search: {from: docker/search}
  unused: {from: other/unused}
"""
FILES = {
    "catalog.yaml": b"version: 3\nregistry: {search: {image: 'registry.example/search:1'}}\n",
    "other.yaml": b"version: 3\nregistry: {unused: {image: 'registry.example/unused:1'}}\n",
}


def told(server: str, topic: str) -> list[str]:
    hub = hub_of(HUB, FILES)
    lock, definitions = lock_of(hub, {})
    platforms = MappingProxyType({"linux/amd64": "sha256:1", "linux/arm64": "sha256:2"})
    servers = MappingProxyType({name: replace(each, platforms=platforms) for name, each in lock.servers.items()})
    root = parse("mcp-hub.yaml", HUB.encode()).root
    assert root is not None
    desired, _ = build(hub, lock, definitions)
    asked = Asked(
        root=root,
        layers=(root,),
        hub=hub,
        lock=Lock(servers=servers, catalogs=lock.catalogs),
        lock_name="mcp-hub.lock",
        bound=desired,
    )
    found = asked.server(server)
    assert found is not None
    return [f"{each.name}: {each.text}" for each in account_of_server(asked, found) if each.topic == topic]


def test_the_catalog_of_a_server_is_told_and_no_other() -> None:
    (catalog,) = told("search", "catalog")
    assert catalog.startswith("docker: catalog.yaml, sha256:")


def test_the_platforms_of_its_image_are_told() -> None:
    assert told("search", "platform") == ["linux/amd64: sha256:1", "linux/arm64: sha256:2"]


def test_a_remote_at_a_public_address_may_no_more() -> None:
    assert told("docs", "may") == []
