"""The launcher beside a gateway of its own: what holds when the gateway is killed, unprivileged or privileged."""

import ast
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcphub_gitops.runtime.engines import launcher
from tests.runtime.engines.children import IS_ROOT, is_alive, wait_until

ROOT = Path(__file__).parents[3]

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")

GATEWAY = r"""
import asyncio, ctypes, json, os, sys
from pathlib import Path
from mcphub_gitops.runtime.engines.process import ProcessEngine
from tests.runtime.engines.children import PYTHON, Record, python

async def serve(code):
    record = Record()
    print("starting", flush=True)
    child = await ProcessEngine().spawn(python(Path(sys.argv[1]), code), record)
    reported = 0
    while True:
        line = await record.line(reported)
        reported += 1
        print(line.decode(), flush=True)

def leave_root(*, keep):
    libc = ctypes.CDLL(None, use_errno=True)
    sys.executable = PYTHON.path
    os.setgroups([])
    if keep:
        assert libc.prctl(8, 1, 0, 0, 0) == 0  # PR_SET_KEEPCAPS
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    if keep:
        bind = 1 << 10  # CAP_NET_BIND_SERVICE
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        assert libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(bind, bind, bind))) == 0
        assert libc.prctl(47, 2, 10, 0, 0) == 0  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE
"""

FAMILY = r"""
import os, signal
for session in (False, True):
    if os.fork() == 0:
        if session:
            os.setsid()
            if os.fork():
                os._exit(0)
        os.write(1, b"%s %d\n" % (b"stray" if session else b"member", os.getpid()))
        signal.pause()
os.write(1, b"server %d\nkeeper %d\n" % (os.getpid(), os.getppid()))
signal.pause()
"""

STATUS = """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
import json
names = ("Uid", "NoNewPrivs", "CapEff", "CapPrm", "CapInh", "CapAmb")
print(json.dumps({name: status[name].strip() for name in names}))
"""


@contextmanager
def gateway(place: Path, *steps: str) -> Iterator[subprocess.Popen[str]]:
    """Run a gateway process in `place` and end it."""
    code = "\n".join((GATEWAY, *steps))
    with subprocess.Popen(
        [sys.executable, "-c", code, str(place)], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "starting\n"
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def family_of(process: subprocess.Popen[str]) -> dict[str, int]:
    return {name: int(pid) for name, pid in (line.split() for line in lines(process, 4))}


def processes_of(place: Path) -> list[int]:
    """Return the processes that have `place` on their command line or as their folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (str(place).encode() in (entry / "cmdline").read_bytes()):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_nothing_outlives_a_killed_gateway(place: Path) -> None:
    with gateway(place, f"asyncio.run(serve({FAMILY!r}))") as process:
        family = family_of(process)
        assert all(is_alive(pid) for pid in family.values())
        process.kill()
        wait_until(lambda: not any(is_alive(pid) for pid in family.values()))


def test_a_server_does_not_outlive_its_keeper(place: Path) -> None:
    with gateway(place, f"asyncio.run(serve({FAMILY!r}))") as process:
        family = family_of(process)
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(family["keeper"], signal.SIGKILL)
        wait_until(lambda: not is_alive(family["server"]))
        assert is_alive(family["member"])
        os.kill(process.pid, signal.SIGCONT)
        wait_until(lambda: not is_alive(family["member"]))
        # It left the session, and without the keeper nobody knows of it.
        os.kill(family["stray"], signal.SIGKILL)


@pytest.mark.parametrize("milliseconds", [0, 5, 12, 20])
def test_nothing_outlives_a_gateway_that_is_killed_during_a_start(place: Path, milliseconds: int) -> None:
    endless = f"import signal; signal.pause()  # {place}"
    with gateway(place, f"asyncio.run(serve({endless!r}))") as process:
        threading.Event().wait(milliseconds / 1000)
        process.kill()
        process.wait()
    # Before it becomes the server, a launcher does not know the place yet.
    wait_until(lambda: not processes_of(place) and not launchers_of(process.pid))


def launchers_of(pid: int) -> list[int]:
    """Return the launchers of the gateway `pid`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if os.fsencode(launcher.__file__) in words and b"%d" % pid in words:
            found.append(int(entry.name))
    return found


@needs_root
def test_an_unprivileged_gateway_starts_servers_as_itself(place: Path) -> None:
    place.chmod(0o777)
    with gateway(place, "leave_root(keep=False)", f"asyncio.run(serve({STATUS!r}))") as process:
        status = json.loads(lines(process, 1)[0])
    assert status["Uid"].split() == ["65534"] * 4
    assert status["NoNewPrivs"] == "1"


@needs_root
def test_the_ambient_capabilities_of_a_service_are_not_passed_on(place: Path) -> None:
    place.chmod(0o777)
    with gateway(
        place,
        "leave_root(keep=True)",
        "own = [line for line in open('/proc/self/status') if line.startswith('CapAmb')][0].split()[1]",
        f"asyncio.run(serve('print({{!r}})'.format(own) + {STATUS!r}))",
    ) as process:
        own, line = lines(process, 2)
        status = json.loads(line)
    assert int(own, 16) == 1 << 10
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}


def test_the_launcher_imports_nothing_of_the_project_and_little_else() -> None:
    tree = ast.parse(Path(launcher.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))
    assert names == {"ctypes", "marshal", "os", "resource", "select", "sys", "time"}


def test_the_tasks_of_a_user_are_counted() -> None:
    assert launcher.tasks_of(os.geteuid()) >= 1
    assert launcher.tasks_of(1_999_999_999) == 0
