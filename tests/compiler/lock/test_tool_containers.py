"""Locks of tools that are containers by themselves: an image a tool, and definitions that the catalog has."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.compilation import NO_LOCK
from mcphub_gitops.compiler.lock.assembly import ask_images, assemble, pin
from mcphub_gitops.compiler.lock.file import read_lock, write_lock
from mcphub_gitops.compiler.lock.freshness import find_stale
from mcphub_gitops.compiler.lock.identity import lock_digest
from mcphub_gitops.compiler.lock.model import Lock, LockedImage, LockedServer
from mcphub_gitops.compiler.lock.movement import find_movements
from mcphub_gitops.compiler.lock.offline import answer_offline, find_unknown_platforms
from mcphub_gitops.compiler.lock.questions import ImageAnswer, ImageQuestion
from mcphub_gitops.compiler.lock.selection import find_pinned
from mcphub_gitops.compiler.lock.unchecked import find_unbindable
from mcphub_gitops.compiler.plan.desired import build
from tests.support.hubs import lock_of
from tests.support.toolset import CATALOG, DIGEST, HUB, tools_hub

ONE = "sha256:" + "1" * 64
FFMPEG = ImageAnswer(repository="registry.example/ffmpeg", digest=ONE, platforms={"linux/amd64": ONE}, user="7")
PROBE = ImageAnswer(repository="registry.example/probe", digest=DIGEST, platforms={"linux/arm64": ONE}, user="a b")
ANSWERS = {"video/convert": FFMPEG, "video/version": FFMPEG, "video/probe": PROBE}
PINS = {
    "convert": LockedImage(image=f"registry.example/ffmpeg:7@{ONE}", platforms={"linux/amd64": ONE}, user="7"),
    "probe": LockedImage(image=f"registry.example/probe@{DIGEST}", platforms={"linux/arm64": ONE}),
    "version": LockedImage(image=f"registry.example/ffmpeg:7@{ONE}", platforms={"linux/amd64": ONE}, user="7"),
}


def locked() -> Lock:
    pinned, problems = pin(tools_hub(), {}, ANSWERS, {}, {})
    assert problems == []
    found = assemble(tools_hub(), pinned, {})
    assert found.diagnostics == ()
    assert found.definitions["video"]["convert"]["annotations"] == {"destructiveHint": False}
    assert found.definitions["video"]["version"] == {"name": "version", "inputSchema": {"type": "object"}}
    return found.lock


def with_server(lock: Lock, **changes: object) -> Lock:
    server = replace(lock.servers["video"], **changes)  # type: ignore[arg-type]  # (any field)
    return replace(lock, servers=MappingProxyType({"video": server}))


def test_each_image_is_asked_for_and_pinned_by_tool() -> None:
    questions = ask_images(tools_hub(), NO_LOCK)
    assert questions["video/convert"] == ImageQuestion(reference="registry.example/ffmpeg:7")
    assert questions["video/probe"] == ImageQuestion(reference=f"registry.example/probe@{DIGEST}")
    server = locked().servers["video"]
    assert (dict(server.containers), server.definitions, server.era, server.image) == (PINS, "complete", "", "")
    again = ask_images(tools_hub(), locked())
    assert again["video/convert"] == ImageQuestion(reference=f"registry.example/ffmpeg:7@{ONE}")


def test_an_image_that_there_is_none_of_is_told_at_its_line_in_the_catalog() -> None:
    answers = {**ANSWERS, "video/probe": ImageAnswer(problem="There is no such image.")}
    pinned, problems = pin(tools_hub(), {}, answers, {}, {})
    assert pinned.servers == {}
    assert [(each.code.name, str(each.span)) for each in problems] == [("MH408", "catalog.yaml:23:28")]


def test_the_file_has_all_of_it() -> None:
    lock = locked()
    read, _, problems = read_lock("mcp-hub.lock", write_lock(lock))
    assert (read, problems) == (lock, ())
    other = with_server(lock, containers=MappingProxyType({**PINS, "probe": LockedImage(image=f"r/x@{ONE}")}))
    assert lock_digest(lock) != lock_digest(other)


@pytest.mark.parametrize(
    ("catalog", "reason"),
    [
        (CATALOG, ""),
        (
            CATALOG.replace("Convert a video.", "Convert it."),
            "has another tool `convert` in its catalog than when it was locked",
        ),
        (CATALOG.replace("[-version]", "[-v]"), "is started in another way than when it was locked"),
        (CATALOG.replace('user: "1000"', 'user: "1001"'), "is started in another way than when it was locked"),
        (
            CATALOG.replace("ffmpeg:7\n", "ffmpeg:8\n"),
            f"is locked to registry.example/ffmpeg:7@{ONE}, the hub asks for registry.example/ffmpeg:8",
        ),
        (
            CATALOG + "      - {name: new, container: {image: registry.example/new:1}}\n",
            "is locked to no image, the hub asks for registry.example/new:1",
        ),
        (
            "".join(line for line in CATALOG.splitlines(keepends=True) if "probe" not in line),
            "has another tool `probe` in its catalog than when it was locked",
        ),
    ],
)
def test_what_the_catalog_says_otherwise_makes_a_lock_stale(catalog: str, reason: str) -> None:
    assert [each.reason for each in find_stale(tools_hub(catalog=catalog), locked(), {})] == [reason] * bool(reason)


def test_a_server_that_was_asked_is_locked_anew() -> None:
    lock = with_server(locked(), definitions="live", era="modern", launch="sha256:0")
    assert [each.server for each in find_stale(tools_hub(), lock, {})] == ["video"]


def test_without_a_network_what_is_locked_is_known() -> None:
    found = answer_offline(tools_hub(), locked())
    assert found.problems == ()
    assert found.images[PINS["convert"].image].user == "7"
    missing = answer_offline(tools_hub(), NO_LOCK)
    assert [str(each.span) for each in missing.problems] == ["catalog.yaml:16:18", "catalog.yaml:21:28"]
    assert find_unknown_platforms(tools_hub(), locked()) == ()
    lock, _ = lock_of(tools_hub(), {})
    assert find_unknown_platforms(tools_hub(), lock) == ("video",)


def test_a_lock_that_counts_as_it_is_has_the_same_tools_from_the_same_place() -> None:
    hub, lock = tools_hub(), locked()
    assert find_unbindable(hub, lock) == ()
    other = with_server(lock, containers=MappingProxyType({**PINS, "gone": LockedImage(image=f"r/x@{ONE}")}))
    assert [each.reason for each in find_unbindable(hub, other)] == [
        f"is locked to r/x@{ONE} for its tool `gone`, the hub declares no such tool"
    ]
    lacking = with_server(lock, containers=MappingProxyType({name: PINS[name] for name in ("probe", "version")}))
    assert [each.reason for each in find_unbindable(hub, lacking)] == [
        "is locked to no image for its tool `convert`, the hub declares registry.example/ffmpeg"
    ]


def test_an_image_that_moved_is_told_with_its_tool() -> None:
    before, two = locked(), "sha256:" + "2" * 64
    moved = {**PINS, "convert": LockedImage(image=f"registry.example/ffmpeg:7@{two}")}
    after = with_server(before, containers=MappingProxyType(moved))
    assert [str(each) for each in find_movements(before, after)] == [
        f"video: images of tools ~ convert {PINS['convert'].image} -> {moved['convert'].image}"
    ]


def test_images_by_digest_alone_are_told_not_to_move() -> None:
    assert list(find_pinned(tools_hub(), {"video"})) == []
    pinned = tools_hub(catalog=CATALOG.replace("ffmpeg:7", f"ffmpeg:7@{ONE}"))
    (told,) = find_pinned(pinned, {"video"})
    assert told.detail == "`video` asks for images by their digests itself: no update moves that."


def test_what_is_bound_to_a_lock_of_something_else_calls_nothing() -> None:
    lock = Lock(servers=MappingProxyType({"video": LockedServer(launch=ONE, era="modern", tools={"convert": ONE})}))
    desired, _ = build(tools_hub(), lock, {})
    assert desired.servers[0].calls == {}
    assert desired.servers[0].containers == ()


def test_a_user_of_the_image_is_used_where_it_is_not_root() -> None:
    definitions = {"video": {name: tool.definition for name, tool in tools_hub().servers[0].origin.tools.items()}}  # type: ignore[union-attr]
    desired, problems = build(tools_hub(), locked(), definitions)
    assert problems == ()
    calls = desired.servers[0].calls
    assert calls is not None
    assert {name: call.container.user for name, call in calls.items()} == {
        "convert": "1000",
        "probe": "65532:65532",
        "version": "7",
    }
    assert calls["convert"].container.tagged == "registry.example/ffmpeg:7"
    assert calls["probe"].container.tagged == ""
    assert all(fingerprint(tool.definition) == tool.hash for tool in desired.servers[0].tools)
    own = tools_hub(HUB.replace("paths:", 'user: "5", paths:'))
    other, _ = build(own, locked(), definitions)
    assert {each.user for each in other.servers[0].containers} == {"5"}
