from types import MappingProxyType

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.compilation import NO_LOCK
from mcphub_gitops.compiler.lock.assembly import ask_images, ask_packages, assemble, pin
from mcphub_gitops.compiler.lock.freshness import find_stale
from mcphub_gitops.compiler.lock.questions import PackageAnswer, PackageQuestion, ToolsAnswer
from tests.support.hubs import hub_of, lock_of

HUB = hub_of(
    """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
servers:
  notes: {command: [python3, srv/notes.py]}
  off: {package: "pypi:off", enabled: false}
  time: {package: "pypi:mcp-server-time"}
"""
)
PINS = PackageAnswer(package="mcp-server-time==2", requirements=("mcp-server-time==2 --hash=sha256:0",))
FILES = {"srv/notes.py": fingerprint("x")}
ANSWERS = {
    "notes": ToolsAnswer(era="legacy", tools=({"name": "add"},)),
    "time": ToolsAnswer(era="modern", tools=({"name": "now"}, {"name": "convert"})),
}


def test_enabled_packages_are_asked_for_and_what_is_locked_is_preferred() -> None:
    assert ask_packages(HUB, NO_LOCK) == {"time": PackageQuestion(requirement="mcp-server-time")}
    lock, _ = lock_of(HUB, {"notes": (), "time": ()})
    assert ask_packages(HUB, lock)["time"].preferred == lock.servers["time"].requirements


def test_a_renamed_server_keeps_what_it_is_locked_to() -> None:
    text = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
moved: [{from: time, to: clock}, {from: search, to: find}]
servers:
  clock: {package: "pypi:mcp-server-time"}
  find: {image: "search:3"}
"""
    before = hub_of(text.replace("clock: {p", "time: {p").replace("find: {i", "search: {i").replace("moved:", "#"))
    lock, _ = lock_of(before, {"time": (), "search": ()})
    hub = hub_of(text)
    assert ask_packages(hub, lock)["clock"].preferred == lock.servers["time"].requirements
    assert ask_images(hub, lock)["find"].reference == lock.servers["search"].image
    both, _ = lock_of(hub, {"clock": (), "find": ()})
    assert ask_packages(hub, both)["clock"].preferred == both.servers["clock"].requirements
    other = hub_of(text.replace("search:3", "search:4"))
    assert ask_images(other, lock)["find"].reference == "docker.io/library/search:4"


def test_the_answers_make_a_lock_that_fits_the_hub() -> None:
    pinned, problems = pin(HUB, {"time": PINS}, {}, {}, FILES)
    assert problems == []
    locked = assemble(HUB, pinned, ANSWERS)
    assert locked.diagnostics == ()
    assert find_stale(HUB, locked.lock, FILES) == ()
    assert locked.lock.servers["time"].tools == MappingProxyType(
        {"convert": fingerprint({"name": "convert"}), "now": fingerprint({"name": "now"})}
    )
    assert locked.lock.servers["notes"].era == "legacy"
    assert locked.definitions["notes"] == {"add": {"name": "add"}}
