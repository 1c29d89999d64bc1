from dataclasses import replace
from types import MappingProxyType

import pytest

from mcphub_gitops.compiler.lock.model import Lock, LockedCatalog, LockedServer
from mcphub_gitops.compiler.lock.resolution import Sides, resolve, split_conflict

ONE, TWO, THREE = ("sha256:" + digit * 64 for digit in "123")
A = LockedServer(launch=ONE, era="modern", package="time==1", requirements=("time==1 --hash=x",))
B = replace(A, package="time==2", requirements=("time==2 --hash=x",))
C = replace(A, launch=TWO)
D = replace(A, package="time==3", requirements=("time==3 --hash=x",))
ASKED = "it: changed on both sides, so it is asked anew"
IMAGE = LockedServer(launch=ONE, era="modern", image=f"r/a:1@{ONE}", platforms=MappingProxyType({"linux/amd64": ONE}))
OTHER_IMAGE = replace(IMAGE, image=f"r/a:1@{TWO}", platforms=MappingProxyType({"linux/amd64": TWO}), user="app")


def lock(server: LockedServer | None) -> Lock:
    return Lock(servers=MappingProxyType({"it": server} if server else {}))


@pytest.mark.parametrize(
    ("sides", "taken", "asked", "told"),
    [
        ((A, A, A), A, None, ""),
        ((A, B, B), B, None, ""),
        ((A, A, B), B, None, "it: taken from theirs"),
        ((A, B, A), B, None, "it: taken from ours"),
        ((A, None, A), None, None, "it: removed, as in ours"),
        ((A, A, None), None, None, "it: removed, as in theirs"),
        ((None, B, None), B, None, "it: taken from ours"),
        ((A, B, None), None, B, f"{ASKED}, with the pins of ours: theirs has it no more"),
        ((A, None, B), None, B, f"{ASKED}, with the pins of theirs: ours has it no more"),
        (
            (A, C, B),
            None,
            replace(C, package=B.package, requirements=B.requirements),
            f"{ASKED}, with time==2 of theirs where it fits",
        ),
        ((A, B, C), None, B, f"{ASKED}, with time==2 of ours where it fits"),
        ((A, B, D), None, B, f"{ASKED}, with time==2 of ours where it fits"),
        ((A, C, replace(A, launch=THREE)), None, C, ASKED),
        (
            (IMAGE, replace(IMAGE, launch=TWO), OTHER_IMAGE),
            None,
            replace(OTHER_IMAGE, launch=TWO),
            f"{ASKED}, with r/a:1@{TWO} of theirs where it fits",
        ),
    ],
)
def test_a_server_is_taken_whole_or_asked(
    sides: tuple[LockedServer | None, ...], taken: LockedServer | None, asked: LockedServer | None, told: str
) -> None:
    base, ours, theirs = (lock(each) for each in sides)
    found = resolve(base, ours, theirs)
    assert found.lock.servers.get("it") == taken
    assert found.asked.get("it") == asked
    assert [*found.told] == ([told] if told else [])


@pytest.mark.parametrize(
    ("ours", "theirs", "taken", "told"),
    [
        (A, A, A, []),
        (A, None, A, ["it: taken from ours"]),
        (None, A, A, ["it: taken from theirs"]),
        (A, B, None, [f"{ASKED}, with time==1 of ours where it fits"]),
    ],
)
def test_without_a_base_what_one_side_alone_has_is_taken(
    ours: LockedServer | None, theirs: LockedServer | None, taken: LockedServer | None, told: list[str]
) -> None:
    found = resolve(None, lock(ours), lock(theirs))
    assert (found.lock.servers.get("it"), [*found.told]) == (taken, told)


def test_a_catalog_that_both_moved_is_left_to_be_read_anew_and_that_is_told() -> None:
    base, ours, theirs = (
        replace(lock(None), catalogs={name: LockedCatalog(source="a", digest=digest) for name, digest in each.items()})
        for each in ({"a": ONE, "b": ONE, "c": ONE}, {"a": ONE, "b": TWO, "c": TWO}, {"a": TWO, "b": THREE})
    )
    found = resolve(base, ours, theirs)
    assert {name: each.digest for name, each in found.lock.catalogs.items()} == {"a": TWO}
    assert [*found.told] == [
        "catalog a: taken from theirs",
        "catalog b: changed on both sides, so it is read anew",
        "catalog c: changed on both sides, so it is read anew",
    ]
    assert resolve(base, theirs, ours).lock == found.lock


PLAIN = b"a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\nd\n"
DIFF3 = b"a\n<<<<<<< HEAD\nb\n||||||| 0123\nz\n=======\n>>>>>>> other\nd\r\n"


def test_a_text_with_markers_has_two_sides_and_perhaps_a_base() -> None:
    assert split_conflict(PLAIN) == Sides(ours=b"a\nb\nd\n", theirs=b"a\nc\nd\n")
    assert split_conflict(DIFF3) == Sides(ours=b"a\nb\nd\r\n", theirs=b"a\nd\r\n", base=b"a\nz\nd\r\n")
    assert split_conflict(DIFF3 + PLAIN) == Sides(ours=b"a\nb\nd\r\na\nb\nd\n", theirs=b"a\nd\r\na\nc\nd\n")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"a\nb\n",
        b"<<<<<<< a\n",
        b"<<<<<<< a\n=======\n",
        b"=======\n",
        b">>>>>>> a\n",
        b"<<<<<<< a\n<<<<<<< b\n=======\n>>>>>>> b\n",
        b"<<<<<<< a\n||||||| b\n||||||| b\n=======\n>>>>>>> b\n",
        b"<<<<<<< a\n>>>>>>> b\n",
    ],
)
def test_markers_that_do_not_belong_together_are_no_sides(text: bytes) -> None:
    assert split_conflict(text) is None
