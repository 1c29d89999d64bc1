"""The small program between the engine and a server: it takes rights away from itself, then becomes the server.

It is run as ``python -I -S launcher.py ORDER STATUS`` with an empty environment and never imports the project, so it
also works from an interpreter that the server's user cannot reach: everything is loaded before the user changes.
``ORDER`` is the number of an inherited memory file that holds the marshalled order of `sandbox.order_for` (a
server's environment has secrets, and a command line is readable by everyone); ``STATUS`` is the write end of a pipe:

- ``+`` and end of file: the server runs;
- ``STEP NUL ERRNO NUL SUBJECT`` (with or without the ``+`` before it) and end of file: that step was refused;
- end of file alone: the launcher itself could not run.

Why a program and not ``preexec_fn``: between fork and exec of a process with threads only async-signal-safe code may
run (fork(2), signal-safety(7)), and `preexec_fn` also gives up vfork. Measured on 2 cores with Python 3.11: 17 ms
from spawn to the server's own first instruction, of which 12 ms are the interpreter's start.
"""

import ctypes
import marshal
import os
import resource
import sys

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL = 9
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES = 64
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_ADD_RULE = 445
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_RULE_PATH_BENEATH = 1
_DIRECTORY = 0o040000
_KIND = 0o170000
_SIGNALS = 65
_SIG_SETMASK = 2

_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):  # noqa: N818  (it names what the kernel did, not a defect)
    """A step of the order was refused: `step`, the errno, and the path or number it was about."""

    def __init__(self, step: str, errno: int, subject: str = "") -> None:
        super().__init__(step)
        self.report = f"{step}\0{errno}\0{subject}".encode(errors="surrogateescape")


def _check(step: str, result: int, subject: str = "") -> int:
    if result < 0:
        raise Refused(step, ctypes.get_errno(), subject)
    return result


def _syscall(number: int, *arguments: int) -> int:
    return int(_libc.syscall(*(ctypes.c_long(value) for value in (number, *arguments))))


def _prctl(step: str, option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _check(step, _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero))


def restore_signals() -> None:
    """Give every signal its default again: CPython ignores SIGPIPE and SIGXFSZ, and execve keeps what is ignored."""
    _libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    for number in range(1, _SIGNALS):
        _libc.signal(number, None)
    _libc.sigprocmask(ctypes.c_int(_SIG_SETMASK), ctypes.byref(ctypes.create_string_buffer(128)), None)


def prefer_for_oom() -> None:
    """Ask the kernel to kill this process before the gateway when memory runs out (proc(5), oom_score_adj)."""
    try:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as score:  # noqa: PTH123  (pathlib takes 9 ms to load)
            score.write(b"500")
    except OSError:
        return


def tasks_of(uid: int) -> int:
    """Count the threads that the kernel books on `uid`: RLIMIT_NPROC limits their sum, not this server's share."""
    count = 0
    for entry in os.listdir("/proc"):  # noqa: PTH208  (pathlib takes 9 ms to load)
        if entry.isdigit():
            try:
                if os.stat(f"/proc/{entry}").st_uid == uid:  # noqa: PTH116
                    count += len(os.listdir(f"/proc/{entry}/task"))  # noqa: PTH208
            except OSError:
                continue
    return count


def limit(limits: list[tuple[int, int]], processes: int, *, shared: bool) -> None:
    """Set resource limits, never above the hard ones; `processes` < 0 leaves the count of processes alone."""
    wanted = list(limits)
    if processes >= 0:
        wanted.append((resource.RLIMIT_NPROC, processes + (tasks_of(os.getuid()) if shared else 0)))
    for kind, value in wanted:
        hard = resource.getrlimit(kind)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (bound, bound))
        except (OSError, ValueError) as problem:
            raise Refused("limit", getattr(problem, "errno", 0) or 22, str(kind)) from problem


def landlock(handled: int, scoped: int, size: int, rules: list[tuple[bytes, int, int, bool]]) -> int:
    """Make a Landlock ruleset and return its file descriptor; a rule is path, rights on folders, on files, needed.

    Paths are opened before the user changes, so that a grant does not depend on what that user may walk through.
    """
    ruleset = (ctypes.c_uint64 * 3)(handled, 0, scoped)
    made = _check("landlock", _syscall(_LANDLOCK_CREATE_RULESET, ctypes.addressof(ruleset), size, 0))
    for path, folder_rights, file_rights, needed in rules:
        try:
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError as problem:
            if needed:
                raise Refused("landlock", problem.errno or 0, os.fsdecode(path)) from problem
            continue
        rights = folder_rights if os.fstat(opened).st_mode & _KIND == _DIRECTORY else file_rights
        beneath = rights.to_bytes(8, sys.byteorder) + opened.to_bytes(4, sys.byteorder)
        attribute = ctypes.create_string_buffer(beneath, len(beneath))
        added = _syscall(_LANDLOCK_ADD_RULE, made, _LANDLOCK_RULE_PATH_BENEATH, ctypes.addressof(attribute), 0)
        _check("landlock", added, os.fsdecode(path))
        os.close(opened)
    return made


def drop_capabilities() -> None:
    """Empty the capability sets of a process that stays root: with no_new_privs an exec cannot bring them back."""
    for number in range(_CAPABILITIES):
        _libc.prctl(ctypes.c_int(_PR_CAPBSET_DROP), ctypes.c_ulong(number), *[ctypes.c_ulong(0)] * 3)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _check("capabilities", _libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))


def become(uid: int) -> None:
    """Take the user and the group `uid` for good, with no other group."""
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError as problem:
        raise Refused("user", problem.errno or 0, str(uid)) from problem


def die_with(parent: int) -> None:
    """Be killed when `parent` ends; the check covers a parent that ended before the kernel was asked (prctl(2))."""
    _prctl("parent", _PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:
        os._exit(125)


def run(order_file: int, status: int) -> None:
    """Carry out the order; returns only by exception."""
    with os.fdopen(order_file, "rb") as stream:
        order = marshal.loads(stream.read())  # noqa: S302  (written by the engine that started this process)
    restore_signals()
    prefer_for_oom()
    os.umask(0o077)
    ruleset = landlock(*order["landlock"]) if order["landlock"] else -1
    limit(order["limits"], order["processes"], shared=order["shared"])
    if order["uid"] >= 0:
        become(order["uid"])
    _prctl("no_new_privs", _PR_SET_NO_NEW_PRIVS, 1)
    if order["uid"] < 0 and os.geteuid() == 0:
        drop_capabilities()
    # A change of user clears the wish to die with the parent, so it comes after.
    die_with(order["parent"])
    if ruleset >= 0:
        _check("landlock", _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0))
        os.close(ruleset)
    try:
        os.chdir(order["cwd"])
    except OSError as problem:
        raise Refused("folder", problem.errno or 0, os.fsdecode(order["cwd"])) from problem
    os.write(status, b"+")
    try:
        os.execve(order["argv"][0], order["argv"], order["env"])  # noqa: S606  (this is what it is for)
    except OSError as problem:
        raise Refused("program", problem.errno or 0, os.fsdecode(order["argv"][0])) from problem


def main() -> None:
    """Run with the two descriptors of the command line; a refusal is reported on the second and ends with 127."""
    order_file, status = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(status, False)  # noqa: FBT003  (its own signature)
    try:
        run(order_file, status)
    except Refused as refusal:
        os.write(status, refusal.report)
    os._exit(127)


if __name__ == "__main__":
    main()
