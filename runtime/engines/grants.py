"""Which paths a server is granted, as Landlock rules: what it asks for beside the system's own, less what is hidden."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcphub_gitops.runtime.engines import landlock
from mcphub_gitops.runtime.ports import ChildSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One rule: the rights on `path` (and below) if it is a folder, and if it is a file.

    `needed` refuses the start when the path is missing; `follow` lets a symbolic link stand there.
    """

    path: str
    on_folder: int
    on_file: int
    needed: bool = False
    follow: bool = True

    def row(self) -> tuple[bytes, int, int, bool, bool]:
        """Return the rule as the launcher takes it."""
        return os.fsencode(self.path), self.on_folder, self.on_file, self.needed, self.follow


def grants_of(spec: ChildSpec, rights: landlock.Rights, *, own_user: bool) -> list[Grant]:
    """Return the rules for `spec`. Lists the folders that lead to a hidden path; raises nothing.

    The project's folder (`spec.cwd`) is hidden in the system's own: a hub in ``/usr/src/app`` is a hub, not a
    library.
    """
    run, read, write = rights.reading(), rights.reading(programs=False), rights.writing()
    groups = (
        (landlock.PROGRAMS, run, (*spec.hidden, spec.cwd), False),
        (landlock.SETTINGS, read, landlock.KEYS, False),
        (landlock.KERNEL, read, (), False),
        (landlock.SINKS, write, (), False),
        (landlock.SHARED_MEMORY if own_user else (), write, (), False),
        ((spec.argv[0],), run, (), False),
        (spec.readable, run, spec.hidden, True),
        (spec.writable, write, spec.hidden, True),
    )
    grants: list[Grant] = []
    for paths, granted, hidden, needed in groups:
        shut = [os.path.realpath(path) for path in hidden]
        for path in paths:
            grants += _around(path, shut, granted, rights.listing(), needed=needed)
    return grants


def _around(
    path: str, hidden: Sequence[str], granted: tuple[int, int], listing: tuple[int, int], *, needed: bool
) -> Iterator[Grant]:
    """Grant `path`, but nothing in what is hidden below it.

    A rule holds for everything below its folder and nothing can be taken from it again, so a folder on the way to a
    hidden path is granted entry by entry, and itself for listing only: what is made in it after the start stays shut,
    and the names below the hidden path can be listed where permissions allow it. A link among the entries is left
    out: its target is granted by its own place, or not at all.
    """
    real = os.path.realpath(path) if hidden else path
    ways = [ways for ways in (_way(real, shut) for shut in hidden) if ways]
    if not ways:
        yield Grant(path=path, on_folder=granted[0], on_file=granted[1], needed=needed)
        return
    yield Grant(path=path, on_folder=listing[0], on_file=listing[1], needed=needed)
    pending = [(real, ways)]
    while pending:
        folder, ways = pending.pop()
        onward: dict[str, list[tuple[str, ...]]] = {}
        for name, *rest in ways:
            onward.setdefault(name, []).append(tuple(rest))
        further = [(f"{folder.rstrip('/')}/{name}", rests) for name, rests in onward.items() if all(rests)]
        for way, _ in further:
            yield Grant(path=way, on_folder=listing[0], on_file=listing[1], follow=False)
        pending += further
        for entry in _entries(folder):
            if entry.name not in onward and not entry.is_symlink():
                yield Grant(path=entry.path, on_folder=granted[0], on_file=granted[1], follow=False)


def _way(folder: str, below: str) -> tuple[str, ...]:
    """Return the names that lead from `folder` to `below`; none if it does not lie below."""
    start = folder.rstrip("/") + "/"
    return tuple(below.removeprefix(start).split("/")) if below.startswith(start) and below != folder else ()


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
