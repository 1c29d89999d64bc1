"""All of a published catalog in one hub: exactly its known defects are told, each at its line, and nothing else."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from bench.hubs import enable_all, read_registry
from mcphub_gitops.compiler.compilation import compile_hub, open_lock
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.sourcing import validate
from tests.support.shared import SHARED, needs_shared_data

pytestmark = needs_shared_data

FILE = "docker.yaml"


def told(catalog: bytes, registry: Mapping[str, Any], *, bare: bool) -> tuple[Diagnostic, ...]:
    hub = enable_all(registry, FILE, bare=bare)
    validated = validate("mcp-hub.yaml", hub.encode(), {FILE: catalog})
    return compile_hub(validated, open_lock("mcp-hub.lock", None), {}, {}, locked=False).diagnostics


@pytest.fixture(scope="module")
def catalog() -> bytes:
    return (SHARED / "docker-mcp-catalog.yaml").read_bytes()


@pytest.fixture(scope="module")
def registry(catalog: bytes) -> Mapping[str, Any]:
    return read_registry(catalog)


@pytest.fixture(scope="module")
def complete(catalog: bytes, registry: Mapping[str, Any]) -> tuple[Diagnostic, ...]:
    return told(catalog, registry, bare=False)


def test_exactly_the_known_defects_are_told(complete: tuple[Diagnostic, ...]) -> None:
    in_catalog = Counter(each.code.name for each in complete if each.span.source == FILE)
    assert in_catalog == {
        "MH301": 15,  # templates that name no setting
        "MH307": 151,  # names of tools that several servers have
        "MH309": 6,  # names of tools that cannot be served
        "MH331": 2,  # names that are too long behind their server's
        "MH332": 5,  # secrets without the server's name
        "MH333": 1,  # a secret that two servers take
        "MH334": 1,  # a list of hosts that holds every host
        "MH335": 10,  # images without a digest
        "MH336": 6,  # servers with more than 100 tools
    }
    # In the hub stands what mcphub does not do yet, at the server that would need it, and which hosts are out of reach.
    assert {each.code.name for each in complete if each.span.source != FILE} == {"MH330", "MH324"}


def test_what_mcphub_does_not_do_is_refused_and_nothing_else(
    registry: Mapping[str, Any], complete: tuple[Diagnostic, ...]
) -> None:
    refused = [each.detail for each in complete if each.code.name == "MH330"]
    reasons = Counter(detail.split("` ", 1)[1] for detail in refused)
    assert reasons == {
        "lets people in by OAuth alone, which mcphub does not speak.": 40,
        "is a set of tool containers, which mcphub does not run.": 3,
        "puts a secret (`SENTRY_AUTH_TOKEN`) into its command line, where all can read it.": 1,
    }
    names = {detail.split("`")[1].partition("/")[2] for detail in refused}
    over_sse = {name for name, each in registry.items() if each.get("remote", {}).get("transport_type") == "sse"}
    assert (len(over_sse), len(over_sse - names)) == (30, 7)


def test_defects_stand_at_their_lines(catalog: bytes, complete: tuple[Diagnostic, ...]) -> None:
    lines = catalog.decode().splitlines()
    shown = {(each.code.name, lines[each.span.start.line - 1].strip()) for each in complete if each.span.source == FILE}
    assert ("MH335", "image: mcp/kgrag_mcp_server") in shown
    assert ("MH309", "- name: Add File") in shown
    assert ("MH332", "- name: husqvarna.client.secret") in shown
    assert ("MH334", "- '*:8081'") in shown
    assert all("{{" in line for code, line in shown if code == "MH301")
    assert all(line.startswith(("- name:", "name:")) for code, line in shown if code in {"MH307", "MH309", "MH331"})


def test_names_collide_in_99_servers(complete: tuple[Diagnostic, ...]) -> None:
    details = [each.detail.rpartition(" would ")[0] for each in complete if each.code.name == "MH307"]
    named = {name.strip("`") for detail in details for name in detail.replace(" and ", ", ").split(", ")}
    assert len(named) == 99


def test_without_settings_and_secrets_each_server_that_needs_one_is_told(
    catalog: bytes, registry: Mapping[str, Any], complete: tuple[Diagnostic, ...]
) -> None:
    bare = told(catalog, registry, bare=True)
    servers = {code: {each.span.start.line for each in bare if each.code.name == code} for code in ("MH203", "MH313")}
    assert (len(servers["MH203"]), len(servers["MH313"])) == (62, 167)
    choices = [each for each in bare if each.code.name == "MH203" and " or " in each.detail]
    assert len(choices) == 2
    others = Counter(each.code.name for each in bare if each.span.source == FILE)
    assert others == Counter(each.code.name for each in complete if each.span.source == FILE)
