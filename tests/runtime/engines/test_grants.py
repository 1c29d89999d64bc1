"""Which files a server can reach: the rules, and a real child under the real kernel."""

import os
import time
from pathlib import Path

import pytest

from mcphub_gitops.runtime.engines import landlock
from mcphub_gitops.runtime.engines.grants import Grant, grants_of
from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.ports import ChildSpec
from tests.runtime.engines.children import IS_ROOT, Record, python, shell
from tests.runtime.engines.conftest import Run

needs_landlock = pytest.mark.skipif(landlock.abi_version() < 1, reason="this kernel has no Landlock")

RIGHTS = landlock.rights_of(7)
assert RIGHTS is not None
READING, WRITING, LISTING = RIGHTS.reading(), RIGHTS.writing(), RIGHTS.listing()


def rules(spec: ChildSpec, place: Path) -> dict[str, tuple[int, int]]:
    """Return the rights granted below `place`, by path from there."""
    assert RIGHTS is not None
    found: dict[str, tuple[int, int]] = {}
    for grant in grants_of(spec, RIGHTS, own_user=False):
        if Path(grant.path).is_relative_to(place):
            name = str(Path(grant.path).relative_to(place))
            assert name not in found
            found[name] = (grant.on_folder, grant.on_file)
    return found


def spec_for(
    place: Path, *, readable: tuple[str, ...] = (), writable: tuple[str, ...] = (), hidden: tuple[str, ...] = ()
) -> ChildSpec:
    return ChildSpec(
        server="notes",
        argv=("/bin/sh",),
        cwd=str(place),
        env={},
        readable=readable,
        writable=writable,
        hidden=hidden,
    )


@pytest.fixture
def hub(place: Path) -> Path:
    """Return a project as apply lays it out: source, a link, and what must stay shut in ``.mcphub``."""
    root = place / "hub"
    for folder in ("src/deep", "data", ".mcphub/packages/abc/bin", ".mcphub/packages/def", ".mcphub/scratch/x"):
        (root / folder).mkdir(parents=True, mode=0o755)
    for file in ("readme", "src/deep/code", "data/store", ".mcphub/packages/abc/code", ".mcphub/packages/def/code"):
        (root / file).write_text(f"this is {file}\n")
    (root / ".mcphub" / "token").write_text("canary\n")
    (root / "way-around").symlink_to(".mcphub")
    (root / "way-out").symlink_to("/etc/ssl/private")
    return root


def test_a_folder_without_anything_hidden_is_granted_whole(hub: Path) -> None:
    spec = spec_for(hub, readable=(str(hub),), writable=(str(hub / "data"),), hidden=(str(hub.parent / "other"),))
    assert rules(spec, hub) == {".": READING, "data": WRITING}


def test_a_folder_on_the_way_to_what_is_hidden_is_granted_entry_by_entry(hub: Path) -> None:
    hidden = (str(hub / ".mcphub"), str(hub / "src" / "deep" / "absent"))
    assert rules(spec_for(hub, readable=(str(hub),), hidden=hidden), hub) == {
        ".": LISTING,
        "readme": READING,
        "data": READING,
        "src": LISTING,
        "src/deep": LISTING,
        "src/deep/code": READING,
    }


def test_what_is_granted_below_a_hidden_path_stays_open(hub: Path) -> None:
    spec = spec_for(
        hub,
        readable=(str(hub), str(hub / ".mcphub" / "packages" / "abc")),
        writable=(str(hub / ".mcphub" / "scratch" / "x"), str(hub)),
        hidden=(str(hub / ".mcphub"),),
    )
    assert RIGHTS is not None
    granted = {
        (str(Path(grant.path).relative_to(hub)), grant.on_folder)
        for grant in grants_of(spec, RIGHTS, own_user=False)
        if Path(grant.path).is_relative_to(hub)
    }
    assert granted == {
        (".", LISTING[0]),
        *((name, rights) for name in ("readme", "src", "data") for rights in (READING[0], WRITING[0])),
        (".mcphub/packages/abc", READING[0]),
        (".mcphub/scratch/x", WRITING[0]),
    }


def test_a_path_that_is_both_granted_and_hidden_is_granted(hub: Path) -> None:
    spec = spec_for(hub, readable=(str(hub / "data"),), hidden=(str(hub / "data"),))
    assert rules(spec, hub) == {"data": READING}


def test_links_neither_hide_nor_grant(hub: Path) -> None:
    alias = hub.parent / "alias"
    alias.symlink_to(hub)
    spec = spec_for(hub, readable=(str(alias),), hidden=(str(hub / "way-around"),))
    assert rules(spec, hub) == {"readme": READING, "src": READING, "data": READING}
    assert rules(spec, alias) == {".": LISTING}


def test_a_hidden_path_need_not_be_there(run: Run, hub: Path) -> None:
    hidden = (str(hub / "absent" / "deeper" / "token"), str(hub / "data" / "token"))
    spec = shell(hub, "echo new >data/token 2>&-; cat readme data/store", readable=(str(hub),), hidden=hidden)
    record, _ = run(finish(spec))
    assert record.lines == [b"this is readme", b"this is data/store"]


def test_entries_must_not_have_become_links_and_granted_folders_must_be_there(hub: Path) -> None:
    spec = spec_for(hub, readable=(str(hub),), hidden=(str(hub / ".mcphub"),))
    assert RIGHTS is not None
    own = [grant for grant in grants_of(spec, RIGHTS, own_user=False) if Path(grant.path).is_relative_to(hub)]
    assert [grant.needed for grant in own if grant.path == str(hub)] == [True]
    assert {(grant.needed, grant.follow) for grant in own if grant.path != str(hub)} == {(False, False)}


def test_the_hub_is_no_part_of_the_system_even_in_a_system_folder(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "PROGRAMS", (str(hub.parent),))
    (hub.parent / "bin").mkdir()
    assert rules(spec_for(hub, hidden=(str(hub / ".mcphub"),)), hub.parent) == {".": LISTING, "bin": READING}


def test_private_keys_among_the_settings_are_shut(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    (place / "certs").mkdir()
    (place / "private").mkdir()
    monkeypatch.setattr(landlock, "SETTINGS", (str(place),))
    monkeypatch.setattr(landlock, "KEYS", (str(place / "private"),))
    assert RIGHTS is not None
    assert rules(spec_for(place), place) == {".": LISTING, "certs": RIGHTS.reading(programs=False)}


def test_many_hidden_paths_and_entries_take_linear_time(place: Path) -> None:
    for number in range(1000):
        (place / f"{number:04}" / "inner").mkdir(parents=True)
    hidden = tuple(str(place / f"{number:04}" / "hidden") for number in range(1000))
    began = time.perf_counter()
    granted = rules(spec_for(place, readable=(str(place),), hidden=hidden), place)
    assert len(granted) == 2001
    assert time.perf_counter() - began < 1


def test_a_rule_is_told_to_the_launcher_in_bytes() -> None:
    grant = Grant(path=os.fsdecode(b"/\xff"), on_folder=3, on_file=1, follow=False)
    assert grant.row() == (b"/\xff", 3, 1, False, False)


ATTEMPTS = """
import os, sys
def attempt(act, path):
    try:
        answer = act(path)
    except OSError as problem:
        answer = os.strerror(problem.errno)
    print(act.__name__, path, answer)
def read(path):
    return open(path).read().strip()
def write(path):
    return open(path, "w").write("mine")
for line in sys.stdin:
    act, path = line.split()
    attempt({"read": read, "write": write, "listdir": lambda p: sorted(os.listdir(p)), "unlink": os.unlink}[act], path)
"""


async def attempts(spec: ChildSpec, wanted: list[str]) -> list[str]:
    record = Record()
    child = await ProcessEngine().spawn(spec, record)
    child.write("".join(f"{line}\n" for line in wanted).encode())
    await record.line(len(wanted) - 1)
    await child.stop()
    return [line.decode().split(" ", 2)[2] for line in record.lines]


DENIED = "Permission denied"


async def finish(spec: ChildSpec) -> tuple[Record, str]:
    record = Record()
    child = await ProcessEngine().spawn(spec, record)
    await record.end()
    return record, child.stderr_tail()


@needs_landlock
@pytest.mark.parametrize("same_user", [True, False])
def test_a_child_cannot_reach_what_is_hidden(run: Run, hub: Path, *, same_user: bool) -> None:
    # A closed folder above makes a root gateway keep its own user; another is always the same user.
    hub.chmod(0o700 if same_user else 0o755)
    (hub / ".mcphub" / "token").chmod(0o600 if same_user else 0o644)
    spec = python(
        hub,
        ATTEMPTS,
        readable=(str(hub), str(hub / ".mcphub" / "packages" / "abc")),
        writable=(str(hub / ".mcphub" / "scratch" / "x"),),
        hidden=(str(hub / ".mcphub"),),
        env={"HOME": str(hub / ".mcphub" / "scratch" / "x")},
    )
    (hub / "scratch").rmdir()
    told = {
        "read .mcphub/token": DENIED,
        "read way-around/token": DENIED,
        "read /proc/self/cwd/.mcphub/token": DENIED,
        "read .mcphub/packages/def/code": DENIED,
        "write .mcphub/token": DENIED,
        "unlink .mcphub/token": DENIED,
        "write readme": DENIED,
        "write new": DENIED,
        "read readme": "this is readme",
        "read src/deep/code": "this is src/deep/code",
        "read .mcphub/packages/abc/code": "this is .mcphub/packages/abc/code",
        "write .mcphub/scratch/x/file": "4",
        "read .mcphub/scratch/x/file": "mine",
        "listdir .": "['.mcphub', 'data', 'readme', 'src', 'way-around', 'way-out']",
    }
    assert dict(zip(told, run(attempts(spec, list(told))), strict=True)) == told
    assert (hub / ".mcphub" / "token").read_text() == "canary\n"


@needs_landlock
def test_a_child_reaches_nothing_it_was_not_granted(run: Run, place: Path) -> None:
    (place / "private").write_text("canary")
    spec = python(place, ATTEMPTS)
    told = {
        f"read {place}/private": DENIED,
        "listdir /root": DENIED,
        "listdir /home": DENIED,
        "listdir /": DENIED,
        "listdir /tmp": DENIED,
        "read /etc/shadow": DENIED,
        "write /dev/null": "4",
        "write /tmp/canary": DENIED,
        "write /proc/self/oom_score_adj": DENIED,
    }
    assert dict(zip(told, run(attempts(spec, list(told))), strict=True)) == told


@needs_landlock
def test_shared_memory_is_for_users_of_their_own(run: Run, place: Path) -> None:
    code = "import _multiprocessing as m; print(m.SemLock(1, 1, 1, '/mcphub-test', True).maxvalue)"
    record, said = run(finish(python(place, code)))
    if IS_ROOT:
        assert record.lines == [b"1"]
        place.chmod(0o700)
        record, said = run(finish(python(place, code)))
    assert record.lines == []
    assert "PermissionError" in said


@needs_landlock
def test_an_entry_that_became_a_link_after_the_look_is_not_followed(run: Run, place: Path) -> None:
    for folder in ("hub/.mcphub", "hub/data", "outside"):
        (place / folder).mkdir(parents=True)
    (place / "outside" / "file").write_text("canary")

    spec = shell(place / "hub", "cat data/file", readable=(str(place / "hub"),), hidden=(str(place / "hub/.mcphub"),))

    original = Grant.row

    def row(grant: Grant) -> tuple[bytes, int, int, bool, bool]:
        if grant.path.endswith("/data") and not Path(grant.path).is_symlink():
            Path(grant.path).rmdir()
            Path(grant.path).symlink_to(place / "outside")
        return original(grant)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Grant, "row", row)
        record, said = run(finish(spec))
    assert record.lines == []
    assert DENIED in said
