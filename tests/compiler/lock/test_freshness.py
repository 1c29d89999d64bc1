from dataclasses import replace
from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.lock.freshness import find_stale, is_code, named_files
from mcphub_gitops.compiler.lock.model import Lock
from tests.support.hubs import hub_of, lock_of

HUB = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, ./srv/notes.py, --dir, "-x/y"], env: {A: x}}
  time: {package: "pypi:mcp-server-time"}
"""
FILES = {"./srv/notes.py": digest(b"./srv/notes.py")}
TOOLS = {"notes": ("add",), "time": ("now",)}


def reasons(text: str, files: dict[str, str]) -> list[tuple[str, str]]:
    lock, _ = lock_of(hub_of(HUB), TOOLS)
    return [(each.server, each.reason) for each in find_stale(hub_of(text), lock, files)]


def test_a_fresh_lock_has_nothing_stale() -> None:
    assert reasons(HUB, FILES) == []


def test_selection_and_prefix_do_not_stale_a_lock() -> None:
    assert reasons(HUB.replace("env: {A: x}", "env: {A: x}, prefix: n, tools: {deny: [add]}"), FILES) == []


def test_how_a_remote_is_spoken_to_stales_a_lock_where_it_is_said_anew() -> None:
    hub = 'apiVersion: mcphub/v1\nname: acme\nservers: {far: {remote: {url: "https://far.example/", transport: T}}}\n'
    silent = hub_of(hub.replace(", transport: T", ""))
    lock, _ = lock_of(silent, {"far": ("go",)})
    found = {each: find_stale(hub_of(hub.replace("T}", f"{each}}}")), lock, {}) for each in ("streamable-http", "sse")}
    assert found["streamable-http"] == ()
    assert [each.reason for each in found["sse"]] == ["is started in another way than when it was locked"]


def test_the_files_that_a_command_names() -> None:
    assert named_files(hub_of(HUB).servers[0]) == ("./srv/notes.py",)


@pytest.mark.parametrize(
    ("old", "new", "files", "expected"),
    [
        ("A: x", "A: y", FILES, "is started in another way than when it was locked"),
        ("A: x", "A: x", {}, "runs `./srv/notes.py`, which has changed since it was locked"),
        ("notes:", "other:", FILES, "is in the lock, but not an enabled server of the hub"),
        ("A: x}", "A: x}, enabled: false", FILES, "is in the lock, but not an enabled server of the hub"),
    ],
)
def test_what_stales_the_lock_of_a_command(old: str, new: str, files: dict[str, str], expected: str) -> None:
    assert ("notes", expected) in reasons(HUB.replace(old, new), files)


@pytest.mark.parametrize(
    ("asked", "locked", "fits"),
    [
        ("", "mcp-server-time==1", True),
        ("@1", "mcp-server-time==1", True),
        ("@1.0", "mcp-server-time==1", True),
        ("@1", "mcp-server-time==1.0.0", True),
        ("@10", "mcp-server-time==1", False),
        ("", "mcp-server-tim==1", False),
    ],
)
def test_versions_that_are_the_same_are_the_same(asked: str, locked: str, *, fits: bool) -> None:
    hub = hub_of(HUB.replace("mcp-server-time", f"mcp-server-time{asked}"))
    lock, _ = lock_of(hub, TOOLS)
    time = replace(lock.servers["time"], package=locked, requirements=(f"{locked} --hash=sha256:0",))
    changed = Lock(servers=MappingProxyType({**lock.servers, "time": time}))
    assert (find_stale(hub, changed, FILES) == ()) is fits


def test_a_package_that_is_not_among_its_requirements() -> None:
    hub = hub_of(HUB)
    lock, _ = lock_of(hub, TOOLS)
    time = replace(lock.servers["time"], package="mcp-server-time==9")
    (stale,) = find_stale(hub, Lock(servers=MappingProxyType({**lock.servers, "time": time})), FILES)
    assert stale.reason == "is locked to mcp-server-time==9, which is not among its requirements"


def test_everything_in_the_folder_of_the_script_is_its_code_but_for_what_it_may_write() -> None:
    text = HUB.replace("env: {A: x}", "paths: {write: [srv/data]}")
    server = hub_of(text).servers[0]
    assert [is_code(server, path) for path in ("./srv/notes.py", "srv/helper.py", "srv/data/db", "other/x.py")] == [
        True,
        True,
        False,
        False,
    ]
    files = {**FILES, "srv/helper.py": digest(b"new")}
    assert ("notes", "runs `srv/helper.py`, which has changed since it was locked") in reasons(HUB, files)


def test_another_version_stales_the_lock_of_a_package() -> None:
    asked = HUB.replace("mcp-server-time", "mcp-server-time@2")
    assert reasons(asked, FILES) == [
        ("time", "is locked to mcp-server-time==1, the hub asks for mcp-server-time==2"),
    ]
