"""What a child is allowed: decided here from its spec and this machine, carried out by the launcher."""

import hashlib
import marshal
import os
import resource
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mcphub_gitops.compiler.plan.observed import Isolation
from mcphub_gitops.runtime.engines import landlock
from mcphub_gitops.runtime.engines.grants import grants_of
from mcphub_gitops.runtime.engines.reach import EXECUTE, READ, WRITE, closed_at, programs_of
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec

UID_BASE = 1_900_000_000
UID_COUNT = 100_000_000
"""Own users: numbers that systemd's allocation (UIDS-GIDS, 2024) leaves free, above its container range (up to
1 879 048 191) and below 2^31, where some file systems and tools go wrong. Among 50 servers two share one with a
probability of 1 in 80 000."""

_NOBODY = 65534

_CAPABILITIES = {"CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}
"""What it takes to start, and end, a process of another user (capabilities(7)); containers often lack some."""

ADDRESS_SPACE_HEADROOM = 64 * 1024**3
"""Bytes of address space above the memory limit. The limit itself is RLIMIT_DATA: it counts what can be written to,
while RLIMIT_AS also counts what is merely reserved, and under 4 GiB of it Node 20 cannot make the one WebAssembly
memory that its `fetch` needs (measured; a guard region takes 10 GiB). RLIMIT_AS stays as the outer bound."""


NO_PROCESSES = Isolation(measures=(), missing=("process servers need Linux",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Which user a child runs as: `uid` is None for the gateway's own, `own` says that no other server has it.

    `reason` says why not its own in words for a plan; `detail` names the path of this machine that stands in the way.
    """

    uid: int | None
    own: bool = False
    reason: str = ""
    detail: str = ""


def own_uid(server: str, realm: str = "") -> int:
    """Return the number of the user that `server` of `realm` (the hub's lineage) runs as: always the same one."""
    digest = hashlib.sha256(f"{realm}\0{server}".encode()).digest()
    return UID_BASE + int.from_bytes(digest[:8], "big") % UID_COUNT


def _mapped(uid: int, table: str) -> bool:
    """Whether `uid` exists in this user namespace (user_namespaces(7)); a kernel without the file has them all."""
    try:
        lines = Path(table).read_text(encoding="ascii").splitlines()
    except OSError:
        return True
    ranges = [tuple(int(part) for part in line.split()) for line in lines]
    return any(first <= uid < first + count for first, _, count in ranges)


def _usable(uid: int) -> bool:
    return _mapped(uid, "/proc/self/uid_map") and _mapped(uid, "/proc/self/gid_map")


def _may_change_user() -> str:
    """Return why this process cannot take another user, or nothing when it can."""
    if os.geteuid() != 0:
        return "the gateway is not root"
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        effective = int(status.split("CapEff:")[1].split()[0], 16)
    except (OSError, IndexError, ValueError):
        return ""
    lacking = [name for name, number in _CAPABILITIES.items() if not effective >> number & 1]
    return f"the gateway lacks {' and '.join(lacking)}" if lacking else ""


def user_for(server: str, realm: str = "") -> Standing:
    """Choose the user for `server` on this machine, before its files are looked at."""
    reason = _may_change_user()
    if reason:
        return Standing(uid=None, reason=reason)
    uid = own_uid(server, realm)
    if _usable(uid):
        return Standing(uid=uid, own=True)
    if _usable(_NOBODY):
        return Standing(uid=_NOBODY, reason="this user namespace has no room for a user of its own")
    return Standing(uid=None, reason="this user namespace has no unprivileged user")


def scratch_of(spec: ChildSpec) -> str | None:
    """Return the private scratch folder of `spec`: its HOME, if that is among what it may write."""
    home = spec.env.get("HOME")
    return home if home in spec.writable else None


def standing_of(spec: ChildSpec, realm: str = "") -> Standing:
    """Choose the user for `spec`, keeping the gateway's own where another could not reach what the server needs.

    A virtual environment's interpreter inside a 0700 home is the usual case. The scratch folder itself is not judged,
    since `hand_over` gives it away, but the way to it is.
    """
    standing = user_for(spec.server, realm)
    if standing.uid is None:
        return standing
    for path, wanted, reason in _needs(spec):
        closed = closed_at(path, standing.uid, wanted)
        if closed is not None:
            return Standing(uid=None, reason=reason, detail=str(closed))
    return standing


def _needs(spec: ChildSpec) -> Iterator[tuple[str, int, str]]:
    """Return what a server's user must reach: path, wanted access, and the words for when it is shut."""
    program, *interpreters = programs_of(spec.argv[0], spec.env.get("PATH", "").split(":"))
    scratch = scratch_of(spec)
    yield spec.cwd, EXECUTE, "the project's folder is closed to other users"
    yield program, READ | EXECUTE, "its program cannot be reached by another user"
    for path in interpreters:
        yield path, READ | EXECUTE, "its program's interpreter cannot be reached by another user"
    for path in spec.readable:
        yield path, READ, "a path that it may read is closed to other users"
    for path in spec.writable:
        if path != scratch:
            yield path, READ | WRITE, "a path that it may write is closed to other users"
    if scratch is not None:
        yield str(Path(scratch).parent), EXECUTE, "the way to its scratch folder is closed to other users"


def hand_over(spec: ChildSpec, standing: Standing) -> None:
    """Give the scratch folder to the child's user, mode 0700; only the folder itself, not what lies in it.

    But a server that was renamed has another user than before, and is given what it had kept under its old name.

    Raises RuntimeFailure when it is missing, a link, or belongs to someone else and cannot be given away.
    """
    scratch = scratch_of(spec)
    if scratch is None:
        return
    uid = os.geteuid() if standing.uid is None else standing.uid
    try:
        folder = os.open(scratch, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as problem:
        raise RuntimeFailure(
            f"The scratch folder of server {spec.server!r} cannot be used",
            detail=f"{scratch}: {problem.strerror}",
        ) from problem
    try:
        status = os.fstat(folder)
        if status.st_uid != uid:
            if standing.own and UID_BASE <= status.st_uid < UID_BASE + UID_COUNT:
                _give_contents(folder, status.st_uid, uid)
            os.fchown(folder, uid, uid)
        if stat.S_IMODE(status.st_mode) != stat.S_IRWXU:
            os.fchmod(folder, stat.S_IRWXU)
    except (OSError, RecursionError) as problem:
        raise RuntimeFailure(
            f"The scratch folder of server {spec.server!r} cannot be given to its user",
            detail=f"{scratch}: {getattr(problem, 'strerror', 'it is nested too deeply')}",
            resolution="Remove the folder, or change its owner to the user that runs the gateway.",
        ) from problem
    finally:
        os.close(folder)


def _give_contents(folder: int, before: int, after: int) -> None:
    """Give the files and folders below the open `folder` that belong to the user `before` to `after`; follow no link.

    Whoever wrote there may not have given a second name to what stands elsewhere: such a file is left as it is.
    """

    def refuse(problem: OSError) -> None:
        raise problem

    for _, folders, files, place in os.fwalk(".", dir_fd=folder, follow_symlinks=False, onerror=refuse):
        for name in (*folders, *files):
            # The old process may still be there: what is looked at is what is given, whatever it puts under the name.
            found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
            try:
                status = os.fstat(found)
                is_own_file = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
                if status.st_uid == before and (is_own_file or stat.S_ISDIR(status.st_mode)):
                    os.chown(f"/proc/self/fd/{found}", after, after)
            finally:
                os.close(found)


def order_for(spec: ChildSpec, standing: Standing, *, abi: int) -> bytes:
    """Return the launcher's order: marshalled, in the oldest form that every Python 3 reads (version 2).

    `abi` is the Landlock ABI to use (0 for none).
    """
    rights = landlock.rights_of(abi)
    limits = spec.limits
    bounds = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, limits.memory),
        (resource.RLIMIT_AS, limits.memory + ADDRESS_SPACE_HEADROOM),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, limits.file_size),
    ]
    bound_to_root = standing.uid is None and os.geteuid() == 0
    order = {
        "argv": [os.fsencode(part) for part in spec.argv],
        "env": {os.fsencode(name): os.fsencode(value) for name, value in spec.env.items()},
        "cwd": os.fsencode(spec.cwd),
        "uid": -1 if standing.uid is None else standing.uid,
        "limits": bounds,
        "processes": -1 if bound_to_root else limits.processes,
        "shared": not standing.own,
        "landlock": None,
    }
    if rights is not None:
        rules = [grant.row() for grant in grants_of(spec, rights, own_user=standing.own)]
        order["landlock"] = (rights.handled, rights.scoped, rights.size, rules)
    return marshal.dumps(order, 2)


def isolation_of(standing: Standing, *, abi: int) -> Isolation:
    """Say in words what `standing` and the Landlock `abi` amount to."""
    measures = ["clean environment", "own session", "no new privileges", "no capabilities", "resource limits"]
    measures.append("ends with the gateway, with all that it started")
    missing = []
    rights = landlock.rights_of(abi)
    if rights is None:
        missing.append("files: no Landlock in this kernel, so only permissions keep the server out")
    else:
        measures.append(f"files by Landlock (ABI {abi})")
        if rights.scoped:
            measures.append("no signals to other processes")
    if standing.own:
        measures.append("user of its own")
    elif standing.uid is not None:
        measures.append("unprivileged user, shared by servers")
        missing.append(f"user of its own: {standing.reason}")
    else:
        missing.append(f"user of its own: {standing.reason}")
        if os.geteuid() == 0:
            missing.append("count of processes: root is not bound by it")
    missing.append("network: not restricted")
    return Isolation(measures=tuple(measures), missing=tuple(missing))
