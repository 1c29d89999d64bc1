import json
import marshal
import os
from pathlib import Path

import pytest

from mcphub_gitops.runtime.engines import sandbox
from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.engines.sandbox import (
    Standing,
    hand_over,
    isolation_of,
    order_for,
    own_uid,
    standing_of,
    user_for,
)
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec
from tests.runtime.engines.children import IS_ROOT, shell

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can take another user")


def test_users_are_stable_and_lie_where_nobody_else_takes_them() -> None:
    assert own_uid("notes", "realm") == own_uid("notes", "realm")
    uids = {own_uid(f"server-{number}", realm) for number in range(50) for realm in ("a", "b")}
    assert len(uids) == 100
    # systemd's container range ends at 1 879 048 191; signed 32-bit numbers at 2 147 483 647.
    assert all(1_879_048_191 < uid < 2**31 - 1 for uid in uids)


def test_a_server_of_another_hub_has_another_user() -> None:
    assert own_uid("notes", "one") != own_uid("notes", "two")
    assert own_uid("a", "bc") != own_uid("ab", "c")


@pytest.mark.parametrize(
    ("table", "expected"),
    [("0 0 4294967295\n", True), ("0 100000 65536\n", False), ("0 1 1\n1900000000 5 100000000\n", True), ("", False)],
)
def test_a_user_exists_when_its_namespace_maps_it(place: Path, table: str, *, expected: bool) -> None:
    (place / "uid_map").write_text(table)
    assert sandbox._mapped(1_950_000_000, str(place / "uid_map")) is expected  # noqa: SLF001  (a pure decision)


def test_a_kernel_without_namespaces_has_every_user(place: Path) -> None:
    assert sandbox._mapped(1_950_000_000, str(place / "absent"))  # noqa: SLF001


@needs_root
def test_a_namespace_without_room_shares_an_unprivileged_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_mapped", lambda uid, _table: uid < 65536)
    standing = user_for("notes")
    assert standing == Standing(uid=65534, reason="this user namespace has no room for a user of its own")
    isolation = isolation_of(standing, abi=0)
    assert "unprivileged user, shared by servers" in isolation.measures
    assert f"user of its own: {standing.reason}" in isolation.missing


@needs_root
def test_a_namespace_without_users_leaves_the_gateways_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_mapped", lambda uid, _table: uid == 0)
    assert user_for("notes") == Standing(uid=None, reason="this user namespace has no unprivileged user")


@needs_root
def test_root_without_the_capabilities_keeps_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_CAPABILITIES", {"CAP_CHOWN": 0, "CAP_INVENTED": 63})
    assert user_for("notes") == Standing(uid=None, reason="the gateway lacks CAP_INVENTED")


@pytest.mark.skipif(IS_ROOT, reason="it is about other users than root")
def test_an_unprivileged_gateway_keeps_its_user() -> None:
    assert user_for("notes") == Standing(uid=None, reason="the gateway is not root")


def hub(place: Path) -> ChildSpec:
    for folder in ("hub/data", "hub/src", "hub/.mcphub/scratch", "tools"):
        (place / folder).mkdir(parents=True)
    program = place / "tools" / "server"
    program.write_text(f"#!{place}/tools/interpreter\n")
    (place / "tools" / "interpreter").write_text("")
    for path in (program, place / "tools" / "interpreter"):
        path.chmod(0o755)
    scratch = str(place / "hub/.mcphub/scratch/notes")
    return ChildSpec(
        server="notes",
        argv=(str(program),),
        cwd=str(place / "hub"),
        env={"HOME": scratch, "PATH": "/usr/bin"},
        readable=(str(place / "hub/src"),),
        writable=(scratch,),
    )


@needs_root
@pytest.mark.parametrize(
    ("closed", "reason"),
    [
        ("hub", "the project's folder is closed to other users"),
        ("tools", "its program cannot be reached by another user"),
        ("tools/interpreter", "its program's interpreter cannot be reached by another user"),
        ("hub/src", "a path that it may read is closed to other users"),
        ("hub/.mcphub/scratch", "the way to its scratch folder is closed to other users"),
    ],
)
def test_what_stands_in_the_way_of_another_user_is_told_with_and_without_its_path(
    place: Path, closed: str, reason: str
) -> None:
    spec = hub(place)
    assert standing_of(spec).own
    (place / closed).chmod(0o600)
    standing = standing_of(spec)
    assert standing == Standing(
        uid=None, reason=reason, detail=f"{place / closed} is closed to other users (mode 0600)"
    )


@needs_root
def test_a_writable_path_must_be_writable_by_the_servers_user(place: Path) -> None:
    spec = hub(place)
    data = place / "hub" / "data"
    granted = ChildSpec(
        server=spec.server, argv=spec.argv, cwd=spec.cwd, env=spec.env, writable=(*spec.writable, str(data))
    )
    assert standing_of(granted).reason == "a path that it may write is closed to other users"
    os.chown(data, own_uid("notes"), own_uid("notes"))
    assert standing_of(granted).own


def test_an_assessment_is_the_same_from_two_folders_and_names_none(place: Path) -> None:
    found = []
    for name in ("one", "two"):
        (place / name).mkdir()
        spec = hub(place / name)
        open_one = ProcessEngine().assess(spec)
        (place / name / "hub").chmod(0o700)
        found.append((open_one, ProcessEngine().assess(spec)))
    assert found[0] == found[1]
    words = json.dumps([[isolation.measures, isolation.missing] for isolation in found[0]])
    assert "/" not in words
    if IS_ROOT:
        assert "user of its own" in found[0][0].measures
        assert "user of its own: the project's folder is closed to other users" in found[0][1].missing


def test_an_assessment_needs_no_file_to_be_there_yet(place: Path) -> None:
    packages = place / "hub" / ".mcphub" / "packages" / "sha256-abc"
    spec = ChildSpec(
        server="notes",
        argv=(str(packages / "bin" / "server"),),
        cwd=str(place),
        env={"HOME": str(place / "hub/.mcphub/scratch/notes")},
        readable=(str(packages),),
        writable=(str(place / "hub/.mcphub/scratch/notes"),),
    )
    before = ProcessEngine().assess(spec)
    assert list(place.iterdir()) == []
    (packages / "bin").mkdir(parents=True)
    (packages / "bin" / "server").write_text("")
    (packages / "bin" / "server").chmod(0o755)
    (place / "hub/.mcphub/scratch/notes").mkdir(parents=True)
    assert ProcessEngine().assess(spec) == before
    if IS_ROOT:
        assert "user of its own" in before.measures


def test_an_assessment_tells_of_a_missing_landlock(place: Path) -> None:
    isolation = ProcessEngine(landlock_abi=0).assess(shell(place, "exit"))
    assert any(word.startswith("files: no Landlock") for word in isolation.missing)
    assert not any("Landlock" in word for word in isolation.measures)


def test_isolation_says_which_landlock_and_what_is_never_restricted() -> None:
    isolation = isolation_of(Standing(uid=1, own=True), abi=6)
    assert "files by Landlock (ABI 6)" in isolation.measures
    assert "no signals to other processes" in isolation.measures
    assert isolation.missing == ("network: not restricted",)
    assert "no signals to other processes" not in isolation_of(Standing(uid=1, own=True), abi=5).measures


@needs_root
def test_the_scratch_folder_is_given_but_not_what_lies_in_it(place: Path) -> None:
    spec = shell(place, "exit")
    scratch = place / "scratch"
    (scratch / "file").write_text("")
    hand_over(spec, Standing(uid=4711, own=True))
    assert (scratch.stat().st_uid, scratch.stat().st_gid, scratch.stat().st_mode & 0o7777) == (4711, 4711, 0o700)
    assert (scratch / "file").stat().st_uid == 0
    hand_over(spec, Standing(uid=None))
    assert scratch.stat().st_uid == 0


@needs_root
def test_a_server_that_was_renamed_gets_what_it_kept_and_nothing_else(place: Path) -> None:
    spec, scratch = shell(place, "exit"), place / "scratch"
    before, after = own_uid("before"), own_uid("notes")
    (scratch / "folder").mkdir()
    for name in ("kept", "folder/kept", "foreign"):
        (scratch / name).write_text("")
    outside = place / "outside"
    outside.write_text("")
    (scratch / "second").hardlink_to(outside)
    (scratch / "link").symlink_to(outside)
    for path in (scratch, scratch / "folder", scratch / "kept", scratch / "folder" / "kept", outside):
        os.chown(path, before, before)
    hand_over(spec, Standing(uid=after, own=True))
    given = [scratch, scratch / "folder", scratch / "kept", scratch / "folder" / "kept"]
    assert {path.stat().st_uid for path in given} == {after}
    assert outside.stat().st_uid == before
    assert (scratch / "foreign").stat().st_uid == 0


@needs_root
def test_what_cannot_be_given_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, scratch = shell(place, "exit"), place / "scratch"
    (scratch / "kept").write_text("")
    for path in (scratch, scratch / "kept"):
        os.chown(path, own_uid("before"), 0)

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    with pytest.raises(RuntimeFailure, match="cannot be given to its user") as raised:
        hand_over(spec, Standing(uid=own_uid("notes"), own=True))
    assert raised.value.detail.endswith("Operation not permitted")


@pytest.mark.parametrize("obstacle", ["missing", "file", "link"])
def test_a_scratch_folder_that_is_none_is_refused(place: Path, obstacle: str) -> None:
    spec = shell(place, "exit")
    scratch = place / "scratch"
    scratch.rmdir()
    if obstacle == "file":
        scratch.write_text("")
    elif obstacle == "link":
        scratch.symlink_to(place)
    with pytest.raises(RuntimeFailure, match="The scratch folder of server 'notes' cannot be used") as raised:
        hand_over(spec, Standing(uid=None))
    assert raised.value.detail.startswith(f"{scratch}: ")


def test_a_server_without_a_scratch_folder_needs_none_handed_over(place: Path) -> None:
    hand_over(shell(place, "exit", env={}), Standing(uid=None))


def test_an_order_is_marshalled_data(place: Path) -> None:
    spec = shell(place, "exit", env={"KEY": "value"})
    order = marshal.loads(order_for(spec, Standing(uid=5, own=True), abi=0))  # noqa: S302  (made in this line)
    assert order["argv"] == [b"/bin/sh", b"-c", b"exit"]
    assert order["env"] == {b"KEY": b"value"}
    assert order["cwd"] == os.fsencode(place)
    assert (order["uid"], order["shared"], order["landlock"]) == (5, False, None)
    assert order["processes"] == spec.limits.processes


@needs_root
def test_root_is_not_counted_by_processes() -> None:
    spec = ChildSpec(server="notes", argv=("/bin/true",), cwd="/", env={})
    order = marshal.loads(order_for(spec, Standing(uid=None), abi=0))  # noqa: S302
    assert (order["uid"], order["processes"]) == (-1, -1)
    assert "count of processes: root is not bound by it" in isolation_of(Standing(uid=None), abi=0).missing
