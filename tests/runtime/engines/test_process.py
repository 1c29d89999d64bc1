"""The engine's promises about a start, seen by real children."""

import asyncio
import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcphub_gitops.runtime.engines import landlock
from mcphub_gitops.runtime.engines.child import ProcessChild
from mcphub_gitops.runtime.engines.process import ProcessEngine
from mcphub_gitops.runtime.engines.sandbox import own_uid
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec, Limits
from tests.runtime.engines.children import IS_ROOT, PYTHON, Record, python, shell, spec_of
from tests.runtime.engines.conftest import Run

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can take another user")
needs_landlock = pytest.mark.skipif(landlock.abi_version() < 1, reason="this kernel has no Landlock")

SELF_PORTRAIT = """
import json, os
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "status": {name: value.strip() for name, value in status.items()},
    "session": os.getsid(0), "group": os.getpgid(0), "pid": os.getpid(), "cwd": os.getcwd(),
    "oom": open("/proc/self/oom_score_adj").read().strip(),
    "open": sorted(int(fd) for fd in os.listdir("/proc/self/fd")),
}))
"""


async def finish(spec: ChildSpec, engine: ProcessEngine | None = None) -> tuple[Record, ProcessChild]:
    """Start `spec` and let it run to its end."""
    record = Record()
    child = await (engine or ProcessEngine()).spawn(spec, record)
    await record.end()
    return record, child


def portrait(run: Run, spec: ChildSpec, engine: ProcessEngine | None = None) -> dict[str, object]:
    record, child = run(finish(spec, engine))
    assert record.statuses == [0], child.stderr_tail()
    seen = json.loads(record.lines[0])
    assert isinstance(seen, dict)
    assert seen["pid"] == child.pid
    return seen


def failure_of(run: Run, spec: ChildSpec, engine: ProcessEngine | None = None) -> RuntimeFailure:
    record = Record()
    with pytest.raises(RuntimeFailure) as raised:
        run((engine or ProcessEngine()).spawn(spec, record))
    assert record.lines == []
    assert record.statuses == []
    return raised.value


def test_the_environment_is_exactly_what_was_given(run: Run, place: Path) -> None:
    env = {"HOME": str(place / "scratch"), "KEY": "a=b c", "BYTES": os.fsdecode(b"\xff"), "EMPTY": ""}
    record, _ = run(finish(spec_of(place, ("/usr/bin/env", "-0"), env=env)))
    assert set(b"\n".join(record.lines).split(b"\0")) == {
        *(f"{name}={value}".encode() for name, value in env.items() if name != "BYTES"),
        b"BYTES=\xff",
        b"",
    }


def test_arguments_and_folder_are_exactly_what_was_given(run: Run, place: Path) -> None:
    code = "import os, sys; print(sys.argv[1:]); print(os.getcwd())"
    argv = (PYTHON.path, "-I", "-S", "-c", code, "", "two words", "$HOME", "ü")
    record, _ = run(finish(spec_of(place, argv)))
    assert record.lines == [b"['', 'two words', '$HOME', '\xc3\xbc']", bytes(place)]


@pytest.mark.parametrize("abi", [landlock.abi_version(), 0])
def test_a_child_has_no_privileges_and_nothing_inherited(run: Run, place: Path, abi: int) -> None:
    keep = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(keep, True)  # noqa: FBT003  (its own signature)
    try:
        seen = portrait(run, python(place, SELF_PORTRAIT), ProcessEngine(landlock_abi=abi))
    finally:
        os.close(keep)
    status = seen["status"]
    assert isinstance(status, dict)
    assert status["NoNewPrivs"] == "1"
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[kind], 16) == 0
    assert status["Umask"] == "0077"
    assert int(status["SigBlk"], 16) == 0
    # Python ignores SIGPIPE and SIGXFSZ by itself; 32 and 33 are the C library's own, which no program can set.
    left = sum(1 << number - 1 for number in (signal.SIGPIPE, signal.SIGXFSZ, 32, 33))
    assert int(status["SigIgn"], 16) & ~left == 0
    assert seen["session"] == seen["group"] == seen["pid"]
    assert seen["oom"] == "500"
    # The last one is the listing itself.
    assert seen["open"] == [0, 1, 2, 3]
    assert seen["cwd"] == str(place)


@needs_root
def test_a_root_gateway_gives_every_server_a_user_of_its_own(run: Run, place: Path) -> None:
    seen = portrait(run, python(place, SELF_PORTRAIT), ProcessEngine(realm="r"))
    status = seen["status"]
    assert isinstance(status, dict)
    uid = own_uid("notes", "r")
    assert status["Uid"].split() == status["Gid"].split() == [str(uid)] * 4
    assert status["Groups"] == ""
    assert int(status["CapBnd"], 16) == 0
    assert (place / "scratch").stat().st_uid == uid
    assert (place / "scratch").stat().st_mode & 0o777 == 0o700


@needs_root
def test_a_server_that_must_run_as_root_has_no_capabilities(run: Run, place: Path) -> None:
    place.chmod(0o700)
    seen = portrait(run, python(place, SELF_PORTRAIT))
    status = seen["status"]
    assert isinstance(status, dict)
    assert status["Uid"].split() == ["0"] * 4
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0


@needs_root
def test_a_server_that_must_run_as_root_can_be_refused(run: Run, place: Path) -> None:
    place.chmod(0o700)
    failure = failure_of(run, shell(place, "exit"), ProcessEngine(require_unprivileged=True))
    assert failure.brief == "Server 'notes' would run as root"
    assert failure.detail == f"{place} is closed to other users (mode 0700)"


@needs_root
def test_a_set_user_id_program_gains_nothing(run: Run, place: Path) -> None:
    program = place / "id"
    program.write_bytes(Path("/usr/bin/id").read_bytes())
    program.chmod(0o4755)
    record, _ = run(finish(spec_of(place, (str(program), "-u"))))
    assert record.lines == [str(own_uid("notes")).encode()]


def test_the_standard_streams_can_be_opened_by_name(run: Run, place: Path) -> None:
    record, child = run(finish(shell(place, "echo out >/dev/stdout; echo err >/dev/stderr")))
    assert record.lines == [b"out"]
    assert child.stderr_tail() == "err\n"


def test_memory_is_limited(run: Run, place: Path) -> None:
    code = """
try:
    bytearray(300 * 1024 ** 2)
except MemoryError:
    print("refused")
bytearray(100 * 1024 ** 2)
print("granted")
"""
    record, _ = run(finish(python(place, code, limits=Limits(memory=256 * 1024**2))))
    assert record.lines == [b"refused", b"granted"]


def test_memory_that_is_only_reserved_is_not_counted(run: Run, place: Path) -> None:
    code = "import mmap; mmap.mmap(-1, 8 * 1024 ** 3, prot=mmap.PROT_READ); print('reserved')"
    record, _ = run(finish(python(place, code, limits=Limits(memory=256 * 1024**2))))
    assert record.lines == [b"reserved"]


@pytest.mark.parametrize("realm", ["one", "two"])
def test_processes_are_limited(run: Run, place: Path, realm: str) -> None:
    code = """
import os, signal
for count in range(1000):
    try:
        if os.fork() == 0:
            signal.pause()
    except BlockingIOError:
        print(count)
        break
"""
    spec = python(place, code, limits=Limits(processes=20), server=f"forks-{realm}")
    record, _ = run(finish(spec, ProcessEngine(realm=realm)))
    # A user of its own has exactly this server's processes; one that is shared has others that come and go.
    assert 15 <= int(record.lines[0]) <= 40
    if IS_ROOT:
        assert record.lines == [b"19"]


def test_open_files_are_limited(run: Run, place: Path) -> None:
    code = """
files = []
try:
    while True:
        files.append(open("/dev/null"))
except OSError as problem:
    print(problem.errno, len(files))
"""
    record, _ = run(finish(python(place, code, limits=Limits(open_files=32))))
    assert record.lines == [b"24 29"]


def test_the_size_of_a_file_is_limited(run: Run, place: Path) -> None:
    script = 'exec head -c 2000000 /dev/zero >"$HOME/file"'
    record, _ = run(finish(shell(place, script, limits=Limits(file_size=1000_000))))
    assert record.statuses == [-signal.SIGXFSZ]
    assert (place / "scratch" / "file").stat().st_size == 1000_000


def test_core_dumps_are_off(run: Run, place: Path) -> None:
    record, _ = run(finish(shell(place, "ulimit -c; ulimit -H -c; kill -ABRT $$")))
    assert record.lines == [b"0", b"0"]
    assert record.statuses == [-signal.SIGABRT]


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", -15), ("kill -KILL $$", -9)]
)
def test_the_exit_status_is_told(run: Run, place: Path, script: str, status: int) -> None:
    record, _ = run(finish(shell(place, script)))
    assert record.statuses == [status]


def test_a_missing_program_is_named(run: Run, place: Path) -> None:
    missing = str(place / "absent")
    failure = failure_of(run, spec_of(place, (missing,)))
    assert failure.brief == "Server 'notes' did not start"
    assert failure.detail == f"Its program cannot be run: {missing}: No such file or directory"
    assert not failure.retryable


def test_a_program_without_permission_is_explained(run: Run, place: Path) -> None:
    program = place / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o644)
    failure = failure_of(run, spec_of(place, (str(program),)))
    assert failure.detail == f"Its program cannot be run: {program}: Permission denied"
    assert failure.resolution == "The file exists: look at its mode, and at the interpreter that its first line names."


def test_a_script_without_its_interpreter_is_explained(run: Run, place: Path) -> None:
    program = place / "program"
    program.write_text("#!/absent/interpreter\n")
    program.chmod(0o755)
    failure = failure_of(run, spec_of(place, (str(program),)))
    assert "No such file or directory" in failure.detail
    assert "interpreter" in failure.resolution


@pytest.mark.parametrize(
    ("env", "argv", "what"),
    [
        ({"KEY": "canary\0value"}, ("/bin/true",), "The variable 'KEY'"),
        ({"A=B": ""}, ("/bin/true",), "The variable 'A=B'"),
        ({"": ""}, ("/bin/true",), "The variable ''"),
        ({}, ("/bin/true", "zero\0byte"), "Its command"),
    ],
)
def test_what_no_program_can_be_given_is_refused_without_its_value(
    run: Run, place: Path, env: dict[str, str], argv: tuple[str, ...], what: str
) -> None:
    failure = failure_of(run, spec_of(place, argv, env=env))
    assert failure.detail.startswith(f"{what} cannot be passed to a program")
    assert "canary" not in failure.detail


def test_a_missing_folder_is_named(run: Run, place: Path) -> None:
    failure = failure_of(run, shell(place, "exit", cwd=str(place / "absent\nfolder")))
    assert failure.detail == f"Its folder cannot be entered: {place}/absent\nfolder: No such file or directory"


@needs_landlock
def test_a_granted_path_that_is_missing_is_named(run: Run, place: Path) -> None:
    failure = failure_of(run, shell(place, "exit", readable=(str(place / "absent"),)))
    assert failure.detail == f"A path it was granted cannot be used: {place}/absent: No such file or directory"


def test_a_scratch_folder_that_is_a_link_is_refused(run: Run, place: Path) -> None:
    spec = shell(place, "exit")
    (place / "scratch").rmdir()
    (place / "scratch").symlink_to(place)
    failure = failure_of(run, spec)
    assert failure.brief == "The scratch folder of server 'notes' cannot be used"


def test_a_start_that_takes_too_long_leaves_nothing_behind(run: Run, place: Path) -> None:
    failure = failure_of(run, shell(place, "exit"), ProcessEngine(start_timeout=0.001))
    assert failure.brief == "Server 'notes' did not start within 0.001 s"
    assert failure.retryable


@pytest.mark.parametrize("turns", range(0, 60, 12))
def test_a_cancelled_start_leaves_nothing_behind(run: Run, place: Path, turns: int) -> None:
    async def cancel() -> None:
        record = Record()
        async with asyncio.TaskGroup() as group:
            start = group.create_task(ProcessEngine().spawn(shell(place, "sleep 60"), record))
            await asyncio.sleep(turns / 2000)
            start.cancel()
        if not start.cancelled():
            await start.result().stop(grace=0)

    run(cancel())


@contextmanager
def few_descriptors(spare: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + spare, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("spare", range(1, 16, 2))
def test_a_lack_of_descriptors_is_worth_another_try_and_leaks_none(run: Run, place: Path, spare: int) -> None:
    async def start() -> None:
        record = Record()
        with few_descriptors(spare):
            try:
                child = await ProcessEngine().spawn(shell(place, "exit 3"), record)
            except RuntimeFailure as failure:
                assert failure.retryable  # noqa: PT017  (both outcomes are right, depending on what is left)
                return
        await child.stop()

    run(start())


def test_fifty_children_leave_nothing_behind(run: Run, place: Path) -> None:
    async def start_and_stop() -> None:
        engine = ProcessEngine()
        for _ in range(5):
            records = [Record() for _ in range(10)]
            children = await asyncio.gather(*(engine.spawn(shell(place, "cat"), record) for record in records))
            for child in children:
                child.write(b"hello\n")
            assert [await record.line() for record in records] == [b"hello"] * 10
            await asyncio.gather(*(child.stop() for child in children))
            assert [record.statuses for record in records] == [[0]] * 10

    run(start_and_stop())


def test_no_secret_stands_on_any_command_line(run: Run, place: Path) -> None:
    canary = "canary-9f3b7c1d"

    def exposed() -> list[str]:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and canary.encode() in (entry / "cmdline").read_bytes():
                    found.append(entry.name)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    async def watch() -> None:
        record = Record()
        spec = shell(place, "cat", secrets=("KEY",), env={"KEY": canary, "PATH": "/usr/bin:/bin"})
        assert canary not in repr(spec)
        async with asyncio.TaskGroup() as group:
            start = group.create_task(ProcessEngine().spawn(spec, record))
            looks = 0
            while not start.done():
                await asyncio.sleep(0.001)
                assert exposed() == []
                looks += 1
        assert looks > 0
        # The keeper stays beside the server; it has the order's number, never its content.
        assert exposed() == []
        await start.result().stop()

    run(watch())


@needs_landlock
def test_a_child_cannot_read_the_environment_of_others(run: Run, place: Path) -> None:
    code = f"""
import os
for pid in ({os.getpid()}, os.getppid()):
    try:
        print(len(open(f"/proc/{{pid}}/environ", "rb").read()))
    except OSError as problem:
        print(problem.errno)
print(len(open("/proc/self/environ", "rb").read()) > 0)
"""
    record, _ = run(finish(python(place, code)))
    assert record.lines == [b"13", b"13", b"True"]


@pytest.mark.skipif(landlock.abi_version() < 6, reason="this kernel's Landlock does not scope signals")
def test_a_child_of_the_same_user_cannot_signal_the_gateway_or_its_keeper(run: Run, place: Path) -> None:
    place.chmod(0o700)
    code = f"""
import os
for pid in ({os.getpid()}, os.getppid()):
    try:
        os.kill(pid, 0)
        print("reached")
    except PermissionError:
        print("refused")
"""
    record, _ = run(finish(python(place, code)))
    assert record.lines == [b"refused", b"refused"]
