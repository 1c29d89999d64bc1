"""The small program between the engine and a server: one half becomes the server, the other keeps it to its end.

It is run as ``python -I -S launcher.py ORDER STATUS CONTROL GATEWAY`` with an empty environment and never imports the
project. It forks. The first half takes rights away from itself and becomes the server; everything is loaded before
the user changes, so it also works from an interpreter that the server's user cannot reach. The second half, the
keeper, stays: it is the reaper of all the server's descendants (PR_SET_CHILD_SUBREAPER, prctl(2)), so that whatever
the server left behind is killed with it, also what moved to a session of its own, and also when the gateway itself
was killed. It costs 4 MB of memory (measured: private pages of Python 3.11).

``ORDER`` is the number of an inherited memory file that holds the marshalled order of `sandbox.order_for` (a
server's environment has secrets, and a command line is readable by everyone); only the first half reads it.
``STATUS`` is the write end of a pipe:

- ``+PID`` and end of file: the server runs;
- ``STEP NUL ERRNO NUL SUBJECT`` (after a ``+PID`` and a line feed or without) and end of file: that step was refused;
- end of file alone: the launcher itself could not run.

``CONTROL`` is a socket to the gateway, whose process number is ``GATEWAY``. ``t`` terminates the server's process
group; ``k``, the socket's end or the gateway's own kills the server. The keeper's last word on it is the server's
wait status (wait(2)) in decimal digits, told when nothing of the server is left.

Why a program and not ``preexec_fn``: between fork and exec of a process with threads only async-signal-safe code may
run (fork(2), signal-safety(7)), and `preexec_fn` also gives up vfork.
"""

import ctypes
import marshal
import os
import resource
import select
import sys
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_SIGHUP, _SIGINT, _SIGQUIT, _SIGKILL, _SIGTERM, _SIGCHLD = 1, 2, 3, 9, 15, 17
_SIGNALS = 65
_SIG_IGNORE = 1
_SIG_BLOCK, _SIG_SETMASK = 0, 2
_SIGNAL_SET_SIZE = 128
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES = 64
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_ADD_RULE = 445
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_RULE_PATH_BENEATH = 1
_DIRECTORY = 0o040000
_KIND = 0o170000
_REFUSED = 127

_TERMINATE = b"t"
_PATIENCE = 5.0
"""Seconds in which the keeper tries to get rid of descendants; one that sleeps in the kernel cannot be killed."""
_SWEEP_MILLISECONDS = 20
_READ_SIZE = 4096

_libc = ctypes.CDLL(None, use_errno=True)
_libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)


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
    for number in range(1, _SIGNALS):
        _libc.signal(number, None)
    none = ctypes.create_string_buffer(_SIGNAL_SET_SIZE)
    _libc.sigprocmask(ctypes.c_int(_SIG_SETMASK), ctypes.byref(none), None)


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
    """Set resource limits, never above the hard ones; `processes` < 0 leaves the count of processes alone.

    With `shared` the user has other processes too, which do not count. To be called as the server's user.
    """
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


def landlock(handled: int, scoped: int, size: int, rules: list[tuple[bytes, int, int, bool, bool]]) -> int:
    """Make a Landlock ruleset and return its file descriptor.

    A rule is: path, rights on a folder, rights on a file, whether it is needed, whether a link may stand there. Paths
    are opened before the user changes, so that a grant does not depend on what that user may walk through.
    """
    ruleset = (ctypes.c_uint64 * 3)(handled, 0, scoped)
    made = _check("landlock", _syscall(_LANDLOCK_CREATE_RULESET, ctypes.addressof(ruleset), size, 0))
    for path, folder_rights, file_rights, needed, follow in rules:
        try:
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
        except OSError as problem:
            if needed:
                raise Refused("landlock", problem.errno or 0, os.fsdecode(path)) from problem
            continue
        rights = folder_rights if os.fstat(opened).st_mode & _KIND == _DIRECTORY else file_rights
        if rights:
            beneath = rights.to_bytes(8, sys.byteorder) + opened.to_bytes(4, sys.byteorder)
            attribute = ctypes.create_string_buffer(beneath, len(beneath))
            added = _syscall(_LANDLOCK_ADD_RULE, made, _LANDLOCK_RULE_PATH_BENEATH, ctypes.addressof(attribute), 0)
            _check("landlock", added, os.fsdecode(path))
        os.close(opened)
    return made


def become(uid: int) -> None:
    """Take the user and the group `uid` for good, with no other group; the standard streams are given along.

    A pipe belongs to who made it, and another user could not open ``/dev/stderr``, which is a way to it.
    """
    try:
        for stream in (0, 1, 2):
            os.fchown(stream, uid, uid)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError as problem:
        raise Refused("user", problem.errno or 0, str(uid)) from problem


def forbid_capabilities() -> None:
    """Empty the bounding set, as far as this process may: no exec can bring back what is not in it."""
    for number in range(_CAPABILITIES):
        _libc.prctl(ctypes.c_int(_PR_CAPBSET_DROP), ctypes.c_ulong(number), *[ctypes.c_ulong(0)] * 3)


def drop_capabilities() -> None:
    """Empty the capability sets, the ambient one with them (capabilities(7)): a service may have been given some."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _check("capabilities", _libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))


def die_with(parent: int) -> None:
    """Be killed when `parent` ends; the check covers a parent that ended before the kernel was asked (prctl(2))."""
    _prctl("parent", _PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:
        os._exit(125)


def serve(order_file: int, status: int, keeper: int) -> None:
    """Carry out the order; returns only by exception."""
    with os.fdopen(order_file, "rb") as stream:
        order = marshal.loads(stream.read())  # noqa: S302  (written by the engine that started this process)
    restore_signals()
    prefer_for_oom()
    os.umask(0o077)
    ruleset = landlock(*order["landlock"]) if order["landlock"] else -1
    forbid_capabilities()
    if order["uid"] >= 0:
        become(order["uid"])
    drop_capabilities()
    _prctl("no_new_privs", _PR_SET_NO_NEW_PRIVS, 1)
    # A change of user clears the wish to die with the parent, so it comes after.
    die_with(keeper)
    if ruleset >= 0:
        _check("landlock", _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0))
        os.close(ruleset)
    try:
        os.chdir(order["cwd"])
    except OSError as problem:
        raise Refused("folder", problem.errno or 0, os.fsdecode(order["cwd"])) from problem
    limit(order["limits"], order["processes"], shared=order["shared"])
    os.write(status, b"+%d\n" % os.getpid())
    try:
        os.execve(order["argv"][0], order["argv"], order["env"])  # noqa: S606  (this is what it is for)
    except OSError as problem:
        raise Refused("program", problem.errno or 0, os.fsdecode(order["argv"][0])) from problem


def _watch_children() -> int:
    """Return a descriptor that can be read from when a child has ended (signalfd(2))."""
    ends = ctypes.create_string_buffer(_SIGNAL_SET_SIZE)
    _libc.sigaddset(ctypes.byref(ends), ctypes.c_int(_SIGCHLD))
    _libc.sigprocmask(ctypes.c_int(_SIG_BLOCK), ctypes.byref(ends), None)
    return _check("children", _libc.signalfd(ctypes.c_int(-1), ctypes.byref(ends), ctypes.c_int(os.O_CLOEXEC)))


def _has_ended(server: int, ends: int) -> bool:
    """Whether the server is a zombie, and left one; other zombies are reaped."""
    os.read(ends, _READ_SIZE)
    while True:
        dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if dead is None:
            return False
        if dead.si_pid == server:
            return True
        os.waitpid(dead.si_pid, 0)


def _signal_group(server: int, number: int) -> None:
    """Signal the server's group; `server` is not reaped yet, so that the number is its own."""
    try:
        os.killpg(server, number)
    except ProcessLookupError:
        # It has not made its session yet.
        os.kill(server, number)


def _terminates(control: int, server: int) -> bool:
    """Do what the gateway says if it is to terminate; False for anything else, also when it has left."""
    try:
        word = os.read(control, 1)
    except OSError:
        return False
    if word != _TERMINATE:
        return False
    _signal_group(server, _SIGTERM)
    return True


def _parent_of(process: str) -> int:
    """Return the number of a process's parent (proc_pid_stat(5)), 0 when it is gone."""
    try:
        with open(f"/proc/{process}/stat", "rb") as stream:  # noqa: PTH123
            return int(stream.read().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def _children() -> list[int]:
    own = os.getpid()
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _parent_of(entry) == own]  # noqa: PTH208


def _reap(server: int, status: int) -> tuple[int, bool]:
    """Return the server's wait status (the known `status` as long as it has none) and whether no child is left."""
    while True:
        try:
            ended, result = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status, True
        if not ended:
            return status, False
        status = result if ended == server else status


def clear(server: int, ends: int) -> int:
    """Kill the server and its descendants, and return its wait status; whoever loses its parent becomes our child.

    Only children are signalled: nobody else reaps them, so that a number cannot have passed to another process.
    """
    _signal_group(server, _SIGKILL)
    deadline = time.monotonic() + _PATIENCE
    sweep = select.poll()
    sweep.register(ends, select.POLLIN)
    status, over = _reap(server, _SIGKILL)
    while not over and time.monotonic() < deadline:
        for child in _children():
            os.kill(child, _SIGKILL)
        if sweep.poll(_SWEEP_MILLISECONDS):
            os.read(ends, _READ_SIZE)
        status, over = _reap(server, status)
    return status


def attend(server: int, control: int, gateway: int, ends: int) -> None:
    """Return when the server has ended or is to be killed."""
    try:
        watch = os.pidfd_open(gateway)
    except ProcessLookupError:
        return
    if os.getppid() != gateway:
        return
    events = select.poll()
    for descriptor in (control, watch, ends):
        events.register(descriptor, select.POLLIN)
    while True:
        for descriptor, _ in events.poll():
            if descriptor == ends:
                over = _has_ended(server, ends)
            elif descriptor == control:
                over = not _terminates(control, server)
            else:
                over = True
            if over:
                return


def keep(server: int, control: int, gateway: int, ends: int) -> None:
    """Stay until nothing is left of the server, then tell its wait status.

    The signals that a service manager or a terminal sends to everybody are for the gateway to act upon.
    """
    for number in (_SIGHUP, _SIGINT, _SIGQUIT, _SIGTERM):
        _libc.signal(number, _SIG_IGNORE)
    _libc.prctl(ctypes.c_int(_PR_SET_NAME), ctypes.c_char_p(b"mcphub-keeper"), *[ctypes.c_ulong(0)] * 3)
    attend(server, control, gateway, ends)
    status = clear(server, ends)
    try:
        os.write(control, b"%d" % status)
    except OSError:
        return  # the gateway is gone


def main() -> None:
    """Run with the four numbers of the command line; a refusal is reported and ends the server's half with 127."""
    order_file, status, control, gateway = (int(argument) for argument in sys.argv[1:])
    for descriptor in (order_file, status, control):
        os.set_inheritable(descriptor, False)  # noqa: FBT003  (its own signature)
    keeper = os.getpid()
    try:
        _prctl("keeper", _PR_SET_CHILD_SUBREAPER, 1)
        ends = _watch_children()
        try:
            server = os.fork()
        except OSError as problem:
            raise Refused("keeper", problem.errno or 0) from problem
        if server == 0:
            os.setsid()
            serve(order_file, status, keeper)
    except Refused as refusal:
        os.write(status, refusal.report)
        os._exit(_REFUSED)
    for descriptor in (0, 1, 2, order_file, status):
        os.close(descriptor)
    keep(server, control, gateway, ends)
    os._exit(0)


if __name__ == "__main__":
    main()
