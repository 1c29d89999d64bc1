import pytest

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.lock.freshness import find_stale, named_files
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


def test_another_version_stales_the_lock_of_a_package() -> None:
    asked = HUB.replace("mcp-server-time", "mcp-server-time@2")
    assert reasons(asked, FILES) == [
        ("time", "is locked to mcp-server-time==1, the hub asks for mcp-server-time==2"),
    ]
