"""How a container is held in, as data: the defaults are the hardened baseline."""

import re
from dataclasses import dataclass
from typing import Literal

Network = Literal["none", "bridge", "host"]

DEFAULT_MEMORY = 512 * 1024**2
DEFAULT_PIDS = 128
DEFAULT_CPUS = 1_000_000_000
DEFAULT_USER = "65532:65532"
"""Who a container runs as when neither the hub nor the image names a user that is not root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """What a container sees at `target`.

    `source` is a normalised path of the hub's folder, an absolute path, or, for a volume, its name.
    """

    kind: Literal["bind", "volume"]
    source: str
    target: str
    read_only: bool = True

    def __str__(self) -> str:
        return f"{self.source} ({self.kind}, {'read-only' if self.read_only else 'writable'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """How a container is held in; the defaults are the hardened baseline.

    `user` is empty where the image decides. `cpus` is in billionths of a processor, `memory` in bytes.
    """

    user: str = ""
    network: Network = "none"
    mounts: tuple[Mount, ...] = ()
    capabilities: tuple[str, ...] = ()
    privileged: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    read_only: bool = True
    memory: int = DEFAULT_MEMORY
    pids: int = DEFAULT_PIDS
    cpus: int = DEFAULT_CPUS
    reason: str = ""


BASELINE = Confinement()

_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?")


def is_user(user: str) -> bool:
    """Tell whether `user` is ``USER[:GROUP]`` in letters and digits: an engine also takes signs, such as ``+0``."""
    return _USER.fullmatch(user) is not None


def is_root(user: str) -> bool:
    """Tell whether ``USER[:GROUP]`` is root, or is not named at all, which is root to an engine.

    Who is behind another name is known when a container has started (`engines.docker`).
    """
    return _is_zero(user.partition(":")[0])


def has_root_group(user: str) -> bool:
    """Tell whether the group of ``USER[:GROUP]`` is root's."""
    name, _, group = user.partition(":")
    return _is_zero(group) if group else name.isdecimal()


def _is_zero(name: str) -> bool:
    return name in {"", "root"} or (name.isdecimal() and not name.strip("0"))
