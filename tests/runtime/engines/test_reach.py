import os
from pathlib import Path

import pytest

from mcphub_gitops.runtime.engines.reach import EXECUTE, READ, WRITE, Closed, closed_at, executables, programs_of

STRANGER = 1_999_999_999


def closed(path: Path, wanted: int = READ) -> Closed | None:
    return closed_at(str(path), STRANGER, wanted)


def test_an_open_file_is_open(place: Path) -> None:
    (place / "file").write_text("")
    (place / "file").chmod(0o644)
    assert closed(place / "file") is None
    assert closed(place / "file", READ | WRITE) == Closed(
        path=str(place / "file"), reason="closed to other users (mode 0644)"
    )


def test_the_first_closed_folder_on_the_way_is_named(place: Path) -> None:
    (place / "home" / "bin").mkdir(parents=True)
    (place / "home").chmod(0o700)
    assert closed(place / "home" / "bin" / "tool") == Closed(
        path=str(place / "home"), reason="closed to other users (mode 0700)"
    )
    assert str(closed(place / "home")) == f"{place / 'home'} is closed to other users (mode 0700)"


def test_a_folder_on_the_way_needs_only_to_be_walked_and_one_to_be_read_needs_both(place: Path) -> None:
    (place / "way" / "in").mkdir(parents=True)
    (place / "way").chmod(0o711)
    (place / "way" / "in").chmod(0o755)
    assert closed(place / "way" / "in") is None
    assert closed(place / "way") is not None
    assert closed(place / "way", EXECUTE) is None
    (place / "way" / "in").chmod(0o744)
    assert closed(place / "way" / "in") is not None


def test_the_owner_and_the_group_are_judged_by_their_own_bits(place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    target = place / "file"
    target.write_text("")
    target.chmod(0o600)
    os.chown(target, STRANGER, 0)
    assert closed(target, READ | WRITE) is None
    target.chmod(0o066)
    assert closed(target) is not None
    os.chown(target, 0, STRANGER)
    target.chmod(0o604)
    assert closed(target) is not None
    target.chmod(0o640)
    assert closed(target) is None


def test_a_link_is_followed_as_the_kernel_does(place: Path) -> None:
    (place / "closed").mkdir(mode=0o700)
    (place / "closed" / "tool").write_text("")
    (place / "open").mkdir(mode=0o755)
    (place / "open" / "away").symlink_to("../closed/tool")
    (place / "open" / "absolute").symlink_to(place / "closed")
    (place / "back").symlink_to("open/../open")
    assert closed(place / "open" / "away") == closed(place / "closed" / "tool")
    assert closed(place / "open" / "absolute" / "tool") == closed(place / "closed" / "tool")
    assert closed(place / "back") is None
    assert closed(place / "back" / ".." / "closed" / "tool") == closed(place / "closed" / "tool")


def test_links_in_a_circle_are_closed(place: Path) -> None:
    (place / "one").symlink_to("two")
    (place / "two").symlink_to("one")
    found = closed(place / "one")
    assert found is not None
    assert found.reason == "out of reach (too many levels of symbolic links)"


def test_what_is_missing_is_judged_by_the_folder_it_will_stand_in(place: Path) -> None:
    assert closed(place / "packages" / "digest" / "bin" / "tool", READ | EXECUTE) is None
    (place / "packages").mkdir(mode=0o700)
    found = closed(place / "packages" / "digest" / "bin" / "tool", READ | EXECUTE)
    assert found is not None
    assert found.path == str(place / "packages")


def test_a_file_in_the_way_is_closed(place: Path) -> None:
    (place / "file").write_text("")
    (place / "file").chmod(0o755)
    assert closed(place / "file" / "below") == Closed(
        path=str(place / "file" / "below"), reason="out of reach (not a directory)"
    )


def script(path: Path, first_line: str) -> str:
    path.write_text(f"{first_line}\nrest\n")
    path.chmod(0o755)
    return str(path)


def test_the_interpreters_of_a_script_are_found(place: Path) -> None:
    folders = (str(place), "relative")
    inner = script(place / "inner", "#!/usr/bin/absent -x")
    assert programs_of(inner, folders) == (inner, "/usr/bin/absent")
    outer = script(place / "outer", f"#! {inner}  argument")
    assert programs_of(outer, folders) == (outer, inner, "/usr/bin/absent")


@pytest.mark.parametrize("words", ["inner", "-S inner", "-S KEY=value inner -x", "-i inner"])
def test_the_program_behind_env_is_found(place: Path, words: str) -> None:
    inner = script(place / "inner", "no script")
    outer = script(place / "outer", f"#!/usr/bin/env {words}")
    assert programs_of(outer, (str(place),)) == (outer, "/usr/bin/env", inner)


@pytest.mark.parametrize("first_line", ["#!/usr/bin/env", "#!/usr/bin/env -S", "#!/usr/bin/env absent-program"])
def test_env_without_a_program_ends_the_row(place: Path, first_line: str) -> None:
    outer = script(place / "outer", first_line)
    assert programs_of(outer, (str(place),)) == (outer, "/usr/bin/env")


@pytest.mark.parametrize("first_line", ["#!", "#! relative/interpreter", "", "\x7fELF"])
def test_what_names_no_interpreter_stands_alone(place: Path, first_line: str) -> None:
    tool = script(place / "tool", first_line)
    assert programs_of(tool, ()) == (tool,)
    assert programs_of(str(place / "absent"), ()) == (str(place / "absent"),)


def test_scripts_that_interpret_each_other_end(place: Path) -> None:
    one, two = place / "one", place / "two"
    script(one, f"#!{two}")
    script(two, f"#!{one}")
    assert len(programs_of(str(one), ())) <= 6


def test_only_executable_files_are_programs(place: Path) -> None:
    for name, mode in (("a", 0o755), ("b", 0o644)):
        (place / name).mkdir(mode=0o755)
        (place / name / "tool").write_text("")
        (place / name / "tool").chmod(mode)
    (place / "c" / "tool").mkdir(parents=True)
    folders = [str(place / name) for name in ("b", "c", "absent", "a")]
    assert executables("tool", [*folders, "relative", ""]) == (str(place / "a" / "tool"),)
