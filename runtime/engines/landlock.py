"""Landlock's vocabulary: which rights this kernel knows, and what every server may reach (landlock(7)).

Own constants instead of a library. PyPI has four (2026-11): `landlock` is a development release of 2025 with about
a hundred downloads a day, `py-landlock`, `landlockpy` and `sandlock` are younger and carry a whole sandbox; and none
could be imported by the launcher, which runs without site packages. What is needed is three system calls.
"""

import ctypes
import sys
from dataclasses import dataclass

_CREATE_RULESET = 444
_VERSION_FLAG = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_FIRST_ABI = (1 << 13) - 1
_MAKE_DEVICES = 1 << 6 | 1 << 11
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_SCOPE_ABSTRACT_SOCKET, _SCOPE_SIGNAL = 1, 2

_REFER_ABI, _TRUNCATE_ABI, _NETWORK_ABI, _IOCTL_ABI, _SCOPE_ABI = 2, 3, 4, 5, 6

PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
"""Read and execute: where a system keeps programs and libraries."""

SETTINGS = (
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/alternatives"),
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services"),
    *("/etc/protocols", "/etc/passwd", "/etc/group", "/etc/localtime", "/etc/timezone", "/etc/locale.alias"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/share/ca-certificates", "/var/lib/ca-certificates"),
    *("/etc/crypto-policies", "/etc/mime.types", "/etc/os-release", "/etc/debian_version", "/etc/fonts"),
    *("/etc/gitconfig", "/run/systemd/resolve"),
)
"""Read only: what the C library, TLS and common runtimes look up. A rule holds on to the file that stood there at the
start: where `/etc/resolv.conf` is replaced (not rewritten) later, the server must be restarted to see it."""

KEYS = ("/etc/ssl/private", "/etc/pki/tls/private", "/etc/pki/CA/private")
"""Private keys among the settings: shut, also for a server that has to run as their owner."""

KERNEL = (
    *("/proc", "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage"),
    *("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"),
)
"""Read only. Other processes' secrets stay shut: `/proc/PID/environ` and `mem` ask for the right to trace, which
Landlock denies towards processes outside the sandbox."""

SINKS = ("/dev/null",)
"""Read and write."""

SHARED_MEMORY = ("/dev/shm",)  # noqa: S108  (the kernel's place for it, shm_overview(7))
"""Read and write for a server with a user of its own, which is kept out of what others have there: semaphores, and
with them Python's process pools, are files in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What one Landlock ABI can deny: bit sets for `landlock_create_ruleset`, and the attribute's size in bytes."""

    abi: int
    handled: int
    scoped: int
    size: int

    def reading(self, *, programs: bool = True) -> tuple[int, int]:
        """Return the rights to read (and run) on a folder and on a file."""
        on_file = (_EXECUTE if programs else 0) | _READ_FILE
        return on_file | _READ_DIR, on_file

    def listing(self) -> tuple[int, int]:
        """Return the right to list a folder, which Landlock extends to all folders below it."""
        return _READ_DIR, 0

    def writing(self) -> tuple[int, int]:
        """Return every right but making devices on a folder, and on a file all that a file can have."""
        on_file = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
        return self.handled & ~_MAKE_DEVICES, self.handled & on_file


def abi_version() -> int:
    """Ask the kernel for its Landlock ABI; 0 where it has none or has it switched off."""
    if sys.platform != "linux":
        return 0
    arguments = (_CREATE_RULESET, 0, 0, _VERSION_FLAG)
    answer = int(ctypes.CDLL(None, use_errno=True).syscall(*(ctypes.c_long(value) for value in arguments)))
    return max(answer, 0)


def rights_of(abi: int) -> Rights | None:
    """Return what `abi` can deny (a newer one is used as the newest known here); None for 0.

    The network is not handled: a server's egress is not this sandbox's promise. From ABI 6 on, signals and abstract
    sockets are scoped, so that a server running as the gateway's own user cannot signal the gateway.
    """
    if abi < 1:
        return None
    handled = _FIRST_ABI
    for since, right in ((_REFER_ABI, _REFER), (_TRUNCATE_ABI, _TRUNCATE), (_IOCTL_ABI, _IOCTL_DEV)):
        handled |= right if abi >= since else 0
    scoped = _SCOPE_ABSTRACT_SOCKET | _SCOPE_SIGNAL if abi >= _SCOPE_ABI else 0
    size = 24 if abi >= _SCOPE_ABI else 16 if abi >= _NETWORK_ABI else 8
    return Rights(abi=abi, handled=handled, scoped=scoped, size=size)
