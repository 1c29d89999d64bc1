from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.compilation import Compiled, compile_hub, open_lock
from mcphub_gitops.compiler.lock.definitions import write_definitions
from mcphub_gitops.compiler.lock.file import write_lock
from mcphub_gitops.compiler.lock.model import Lock, LockedCatalog
from mcphub_gitops.compiler.sourcing import validate
from tests.support.hubs import hub_of, lock_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, notes]}
  time: {package: "pypi:mcp-server-time@1", tools: {deny: [convert]}}
"""
TOOLS = {"notes": ("add", "list"), "time": ("get_time", "convert")}


def compiled(
    text: str, *, locked: bool, data: bytes | None = b"", without: str = "", definitions: Mapping[str, bytes] = {}
) -> Compiled:
    lock, found = lock_of(hub_of(HUB), TOOLS)
    kept = {name: server for name, server in lock.servers.items() if name != without}
    written = write_lock(Lock(servers=MappingProxyType(kept)))
    return compile_hub(
        validate("mcp-hub.yaml", text.encode()),
        open_lock("mcp-hub.lock", written if data == b"" else data),
        {name: (f"{name}.json", definitions.get(name, write_definitions(each))) for name, each in found.items()},
        {},
        locked=locked,
    )


def problems(found: Compiled) -> list[str]:
    return [f"{each.span} {each.severity.value} {each.code.name}" for each in found.diagnostics]


@pytest.mark.parametrize("locked", [True, False])
def test_a_hub_with_its_lock_is_bound(*, locked: bool) -> None:
    found = compiled(HUB, locked=locked)
    assert problems(found) == []
    assert found.desired is not None
    assert [tool.name for server in found.desired.servers for tool in server.tools] == ["add", "list", "get_time"]


@pytest.mark.parametrize(("locked", "expected"), [(True, "error MH402"), (False, "note MH403")])
def test_without_a_lock(*, locked: bool, expected: str) -> None:
    found = compiled(HUB, locked=locked, data=None)
    assert problems(found) == [f"mcp-hub.yaml:1:1 {expected}"]
    assert found.desired is None


@pytest.mark.parametrize(("locked", "expected"), [(True, "error MH402"), (False, "note MH403")])
def test_a_server_that_the_lock_lacks(*, locked: bool, expected: str) -> None:
    found = compiled(HUB, locked=locked, without="notes")
    assert problems(found) == [f"mcp-hub.yaml:5:3 {expected}"]
    assert found.desired is None


def test_what_the_lock_knows_is_checked_beside_what_it_lacks() -> None:
    found = compiled(HUB.replace("[convert]", "[convertt]"), locked=False, without="notes")
    assert problems(found) == [
        "mcp-hub.yaml:5:3 note MH403",
        "mcp-hub.yaml:6:3 note MH403",
        "mcp-hub.yaml:6:60 error MH306",
    ]


def test_a_hub_with_errors_is_not_held_against_the_lock_as_a_whole() -> None:
    found = compiled(HUB.replace("command", "comand").replace("[convert]", "[convertt]"), locked=True)
    assert problems(found) == [
        "mcp-hub.yaml:5:3 error MH205",
        "mcp-hub.yaml:5:11 error MH201",
        "mcp-hub.yaml:6:3 error MH402",
        "mcp-hub.yaml:6:60 error MH306",
    ]


def test_a_lock_with_conflict_markers_is_told_at_its_line() -> None:
    found = compiled(HUB, locked=True, data=b"<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n")
    assert [each.code.name for each in found.diagnostics] == ["MH407"]
    assert str(found.diagnostics[0].span) == "mcp-hub.lock:1:1"


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"{", "It is not JSON with each key once."),
        (b"[]", "It does not hold one definition a tool."),
        (b"{}", "The lock has other fingerprints for `add`, `list`."),
    ],
)
def test_readable_definitions_that_differ_from_the_lock(data: bytes, detail: str) -> None:
    found = compiled(HUB, locked=True, definitions={"notes": data})
    assert problems(found) == ["notes.json:1:1 error MH404"]
    assert found.diagnostics[0].detail == detail
    assert found.desired is None


def test_a_catalog_that_the_lock_has_beside_a_hub_with_errors_means_nothing() -> None:
    text = HUB.replace("name: acme\n", "name: acme\ncatalogs: {docker: {path: gone.yaml}}\n")
    text += "  echo: {from: docker/echo}\n"
    lock, _ = lock_of(hub_of(HUB), TOOLS)
    pin = LockedCatalog(source="elsewhere.yaml", digest="sha256:" + "1" * 64)
    catalogs = MappingProxyType({"elsewhere": pin})
    found = compile_hub(
        validate("mcp-hub.yaml", text.encode()),
        open_lock("mcp-hub.lock", write_lock(replace(lock, catalogs=catalogs))),
        dict.fromkeys(lock.servers, ("a.json", None)),
        {},
        locked=True,
    )
    assert not any("elsewhere" in each.detail for each in found.diagnostics)
