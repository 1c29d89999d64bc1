"""All of a published catalog in one hub: exactly its known defects are told, each at its line, and nothing else."""

import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from bench.hubs import enable_all, read_registry, resolve_all
from mcphub_gitops.compiler.compilation import compile_hub, open_lock
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.definitions import write_definitions
from mcphub_gitops.compiler.lock.file import write_lock
from mcphub_gitops.compiler.sourcing import validate
from tests.support.hubs import hub_of, lock_of
from tests.support.shared import SHARED, needs_shared_data

pytestmark = needs_shared_data

FILE, HUB = "docker.yaml", "mcp-hub.yaml"

DEFECTS = {
    "MH301": 15,  # templates that name no setting
    "MH307": 151,  # names of tools that several servers have
    "MH309": 6,  # names of tools that cannot be served
    "MH310": 1,  # a tool that would be given the engine's socket
    "MH331": 2,  # names that are too long behind their server's
    "MH332": 5,  # secrets without the server's name
    "MH333": 1,  # a secret that two servers take
    "MH334": 1,  # a list of hosts that holds every host
    "MH335": 10,  # images without a digest
    "MH336": 6,  # servers with more than 100 tools
}
"""What is wrong with the catalog, each at its line there."""


def told(catalog: bytes, hub: str) -> tuple[Diagnostic, ...]:
    validated = validate(HUB, hub.encode(), {FILE: catalog})
    return compile_hub(validated, open_lock("mcp-hub.lock", None), {}, {}, locked=False).diagnostics


def counts(found: tuple[Diagnostic, ...], source: str) -> Counter[str]:
    return Counter(each.code.name for each in found if each.span.source == source)


@pytest.fixture(scope="module")
def catalog() -> bytes:
    return (SHARED / "docker-mcp-catalog.yaml").read_bytes()


@pytest.fixture(scope="module")
def registry(catalog: bytes) -> Mapping[str, Any]:
    return read_registry(catalog)


@pytest.fixture(scope="module")
def complete(catalog: bytes, registry: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    return told(catalog, enable_all(registry, FILE))


@pytest.fixture(scope="module")
def bare(catalog: bytes, registry: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    return told(catalog, enable_all(registry, FILE, bare=True))


@pytest.fixture(scope="module")
def owners(catalog: bytes) -> dict[int, str]:
    """Return whose entry each line of the catalog is part of, by its number from 1 on."""
    lines = catalog.decode().splitlines()
    begins = [(number, found[1]) for number, line in enumerate(lines, 1) if (found := re.fullmatch(r"  (\S+):", line))]
    ends = [*begins, (len(lines) + 1, "")]
    return {line: name for (first, name), (last, _) in pairwise(ends) for line in range(first, last)}


def test_exactly_the_known_defects_are_told(complete: tuple[Diagnostic, ...], registry: Mapping[str, Any]) -> None:
    assert len(registry) == 328
    assert counts(complete, FILE) == DEFECTS
    assert len(complete) == sum(DEFECTS.values())


AT = {
    "MH309": {
        ("husqvarna-automower", "- name: Husqvarna Automowers Status"),
        ("hyperspell", "- name: Add File"),
        ("hyperspell", "- name: Add Memory"),
        ("hyperspell", "- name: Search Hyperspell"),
        ("vectra-ai-rux-mcp-server", "- name: Summarize Detection"),
        ("vectra-ai-rux-mcp-server", "- name: Visualize Entity Detections"),
    },
    "MH310": {("docker", "- /var/run/docker.sock:/var/run/docker.sock")},
    "MH331": {
        ("awslabs-elasticache", "- name: modify-replication-group-shard-configuration"),
        ("securenote-link-mcp-server", "- name: send_secure_note_return_api_url_and_key"),
    },
    "MH332": {
        ("aws-kb-retrieval-server", "- name: aws.secret_access_key"),
        ("github-official", "- name: github.personal_access_token"),
        ("husqvarna-automower", "- name: husqvarna.client.secret"),
        ("mcp-discord", "- name: discord.token"),
        ("nasdaq-data-link", "- name: nasdaq_data_link_api_key"),
    },
    "MH333": {("github", "- name: github.personal_access_token")},
    "MH334": {("kafka-schema-reg-mcp", "- '*:8081'")},
    "MH335": {
        ("alfresco", "image: angelborroy/alfresco-mcp-server"),
        ("apollo-mcp-server", "image: ghcr.io/apollographql/apollo-mcp-server"),
        ("kgrag-mcp-server", "image: mcp/kgrag_mcp_server"),
        ("mcp-github-pr-issue-analyser", "image: ghcr.io/saidsef/mcp-github-pr-issue-analyser:latest"),
        ("okta-mcp-server", "image: mcp/okta-mcp-server"),
        ("proxmox", "image: mcp/proxmox"),
        ("pulumi", "image: mcp/pulumi"),
        ("tembo", "image: mcp/tembo"),
        ("uberall", "image: uberall/uberall-mcp-server"),
        ("zscaler-mcp-server", "image: mcp/zscaler-mcp-server"),
    },
    "MH336": {
        ("awslabs-valkey", "- name: bitmap_count"),
        ("edubase", "- name: edubase_delete_class_members"),
        ("hostinger-mcp-server", "- name: DNS_deleteDNSRecordsV1"),
        ("okta-mcp-server", "- name: list_applications"),
        ("teamwork", "- name: twdesk-create_company"),
        ("zscaler-mcp-server", "- name: zscaler_check_connectivity"),
    },
}
"""Whose line each of the lesser defects stands at, and what is in it."""

TEMPLATES = {"kgrag-mcp-server": 13, "mcp-github-pr-issue-analyser": 1, "vectra-ai-rux-mcp-server": 1}


def test_defects_stand_at_their_lines(
    catalog: bytes, complete: tuple[Diagnostic, ...], owners: Mapping[int, str]
) -> None:
    lines = catalog.decode().splitlines()
    found: dict[str, list[tuple[str, str]]] = {code: [] for code in DEFECTS}
    for each in complete:
        if each.span.source == FILE:
            line = each.span.start.line
            found[each.code.name].append((owners[line], lines[line - 1].strip()))
    assert {code: set(found[code]) for code in AT} == AT
    assert Counter(owner for owner, _ in found["MH301"]) == TEMPLATES
    assert all(text.startswith(f"value: '{{{{{owner}.") for owner, text in found["MH301"])


def test_each_name_that_collides_is_told_once_at_a_server_that_has_it(
    catalog: bytes, registry: Mapping[str, Any], complete: tuple[Diagnostic, ...], owners: Mapping[int, str]
) -> None:
    lines = catalog.decode().splitlines()
    having = {name: {tool["name"] for tool in entry.get("tools", ())} for name, entry in registry.items()}
    colliding = {
        name for name, count in Counter(tool for tools in having.values() for tool in tools).items() if count > 1
    }
    told_of = []
    for each in complete:
        if each.code.name == "MH307":
            line = each.span.start.line
            tool = lines[line - 1].strip().removeprefix("- ").removeprefix("name: ").strip("'\"")
            assert tool in having[owners[line]]
            told_of.append(tool)
    assert sorted(told_of) == sorted(colliding)
    details = [each.detail.rpartition(" would ")[0] for each in complete if each.code.name == "MH307"]
    named = {name.strip("`") for detail in details for name in detail.replace(" and ", ", ").split(", ")}
    assert len(named) == 99


def test_without_settings_and_secrets_each_server_that_needs_one_is_told_beside_the_defects(
    registry: Mapping[str, Any], bare: tuple[Diagnostic, ...]
) -> None:
    # Calls of two tools say what they mount, and nothing is granted.
    assert counts(bare, FILE) == {**DEFECTS, "MH350": 2}
    missing = {"MH203": 77, "MH313": 213, "MH365": 40}
    assert counts(bare, HUB) == missing
    lines = enable_all(registry, FILE, bare=True).splitlines()
    servers: dict[str, set[str]] = {code: set() for code in missing}
    for each in bare:
        if each.code.name in missing:
            servers[each.code.name].add(lines[each.span.start.line - 1].split('"')[3].removeprefix("all/"))
    assert len(servers["MH203"]) == 62
    choices = [each for each in bare if each.code.name == "MH203" and " or " in each.detail]
    assert len(choices) == 2
    assert servers["MH313"] == {name for name, entry in registry.items() if entry.get("secrets")}
    assert len(servers["MH313"]) == 167
    alone = {name for name, entry in registry.items() if entry.get("oauth") and not entry.get("secrets")}
    assert servers["MH365"] == alone


def test_with_its_defects_resolved_by_declarations_the_hub_is_clean(
    catalog: bytes, registry: Mapping[str, Any]
) -> None:
    hub = resolve_all(registry, FILE)
    assert hub.count('"from": "all/') == 328 - 1  # What is given the engine is not served.
    assert [each.code.name for each in told(catalog, hub)] == ["MH403"]  # There is no lock yet.
    tools = {
        name.lower().replace("_", "-"): tuple(tool["name"] for tool in entry.get("tools", ())) or ("tool",)
        for name, entry in registry.items()
    }
    decoded = hub_of(hub, {FILE: catalog})
    lock, definitions = lock_of(decoded, tools)
    validated = validate(HUB, hub.encode(), {FILE: catalog})
    files = {name: (f"mcp-hub.tools/{name}.json", write_definitions(each)) for name, each in definitions.items()}
    found = compile_hub(validated, open_lock("mcp-hub.lock", write_lock(lock)), files, {}, locked=True)
    assert found.diagnostics == ()
    assert found.desired is not None
    assert len(found.desired.servers) == 328 - 1
