from dataclasses import replace
from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.lock.model import Lock, LockedCatalog, LockedServer
from mcphub_gitops.compiler.lock.movement import (
    describe_changes,
    describe_movement,
    find_changes,
    find_movements,
    split_package,
)

ONE, TWO = ("sha256:" + digit * 64 for digit in "12")
SERVER = LockedServer(launch=ONE, era="modern", tools=MappingProxyType({"keep": ONE, "change": ONE, "go": ONE}))
PYPI = replace(SERVER, package="time==1", requirements=("anyio==4 --hash=x", "time==1 --hash=x", "mcp==2 ; x --hash=x"))
NPM = replace(SERVER, package="npm:@a/b@1.0.0", requirements=("npm:@a/b@1.0.0 node_modules/@a/b sha512-x",))
IMAGE = replace(SERVER, image=f"r/a:1@{ONE}", platforms=MappingProxyType({"linux/amd64": ONE, "linux/arm64": ONE}))


def moved(before: LockedServer | None, after: LockedServer | None) -> list[str]:
    sides = (Lock(servers=MappingProxyType({"it": each} if each else {})) for each in (before, after))
    return [str(each) for each in find_movements(*sides)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (SERVER, SERVER, []),
        (SERVER, None, ["it: is no longer locked"]),
        (
            None,
            PYPI,
            ["it: time 1", "it: dependencies + anyio, + mcp", "it: tools + change, + go, + keep"],
        ),
        (
            PYPI,
            replace(PYPI, package="time==2", requirements=("time==2 --hash=x", "mcp==3 --hash=x", "new==1 --hash=x")),
            ["it: time 1 -> 2", "it: dependencies - anyio, ~ mcp 2 -> 3, + new 1"],
        ),
        (
            PYPI,
            replace(PYPI, package="clock==1", requirements=()),
            ["it: clock time==1 -> 1", "it: dependencies - anyio, - mcp"],
        ),
        (
            NPM,
            replace(NPM, package="npm:@a/b@1.1.0", requirements=()),
            ["it: npm:@a/b 1.0.0 -> 1.1.0"],
        ),
        (
            IMAGE,
            replace(IMAGE, image=f"r/a:1@{TWO}", platforms=MappingProxyType({"linux/amd64": TWO, "linux/s390x": TWO})),
            [f"it: r/a:1 {ONE} -> {TWO}", "it: platforms - linux/arm64, + linux/s390x"],
        ),
        (IMAGE, replace(IMAGE, image=f"r/b:1@{TWO}"), [f"it: r/b:1 r/a:1@{ONE} -> {TWO}"]),
        (
            SERVER,
            replace(SERVER, launch=TWO, era="legacy", user="app"),
            ["it: declaration changed since it was locked", "it: user none -> app", "it: era modern -> legacy"],
        ),
        (
            SERVER,
            replace(
                SERVER,
                tools=MappingProxyType({"keep": ONE, "change": TWO, "come": ONE}),
                files=MappingProxyType({"a": ONE}),
            ),
            ["it: files + a", "it: tools ~ change, + come, - go"],
        ),
    ],
)
def test_each_thing_that_moved_is_one_line(
    before: LockedServer | None, after: LockedServer | None, told: list[str]
) -> None:
    assert moved(before, after) == told


def test_catalogs_are_told_with_their_commits() -> None:
    kept = LockedCatalog(source="a", digest=ONE)
    at = LockedCatalog(source="b", digest=ONE, commit="0" * 40)
    sides = [
        Lock(servers=MappingProxyType({}), catalogs=MappingProxyType(each))
        for each in (
            {"a": kept, "b": at, "gone": kept},
            {"a": kept, "b": replace(at, digest=TWO, commit="1" * 40), "new": kept},
        )
    ]
    assert [describe_movement(each)["name"] for each in find_movements(*sides)] == ["b", "gone", "new"]
    assert [str(each) for each in find_movements(*sides)] == [
        f"catalog b: moved {ONE} (commit {'0' * 40}) -> {TWO} (commit {'1' * 40})",
        f"catalog gone: moved {ONE} -> none",
        f"catalog new: is locked as {ONE}",
    ]


def test_a_name_that_could_steer_a_terminal_does_not() -> None:
    after = replace(SERVER, tools=MappingProxyType({**SERVER.tools, "\x1b[2Jx\n": ONE}))
    assert moved(SERVER, after) == ["it: tools + <U+001B>[2Jx<U+000A>"]


def test_a_long_list_is_cut_and_says_so() -> None:
    assert describe_changes(find_changes({}, dict.fromkeys("abcdefghijk", ""))).endswith("+ h, and 3 more")


def test_what_moved_is_told_to_programs_whole() -> None:
    tools = MappingProxyType({**dict.fromkeys("abcdefghijk", ONE), "keep": ONE})
    sides = (Lock(servers=MappingProxyType({"it": each})) for each in (PYPI, replace(PYPI, tools=tools)))
    (found,) = map(describe_movement, find_movements(*sides))
    assert (found["name"], found["kind"], found["what"], found["from"], found["to"]) == ("it", "tools", "tools", "", "")
    assert [each["mark"] + each["name"] for each in found["changes"]] == [
        *(f"+{name}" for name in "abc"),
        "-change",
        *(f"+{name}" for name in "defg"),
        "-go",
        *(f"+{name}" for name in "hijk"),
    ]
    assert found["changes"][0] == {"mark": "+", "name": "a", "from": "", "to": ONE}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            PYPI,
            replace(PYPI, package="time==2"),
            [("package", "time", "1", "2"), ("dependencies", "dependencies", "", "")],
        ),
        (IMAGE, replace(IMAGE, image=f"r/a:1@{TWO}"), [("image", "r/a:1", ONE, TWO)]),
        (SERVER, replace(SERVER, era="legacy"), [("era", "era", "modern", "legacy")]),
        (SERVER, None, [("server", "is no longer locked", "", "")]),
    ],
)
def test_one_value_that_is_another_is_told_to_programs(
    before: LockedServer, after: LockedServer | None, told: list[tuple[str, ...]]
) -> None:
    sides = (Lock(servers=MappingProxyType({"it": each} if each else {})) for each in (before, after))
    found = map(describe_movement, find_movements(*sides))
    assert [(each["kind"], each["what"], each["from"], each["to"]) for each in found] == told


def test_a_packages_name_keeps_its_index() -> None:
    assert split_package("npm:@a/b@1.0.0-x+y") == ("npm:@a/b", "1.0.0-x+y")
    assert split_package("") == ("", "")
