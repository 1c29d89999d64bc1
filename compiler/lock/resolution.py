"""Two locks that came of one, put together: a server's entry is taken whole, or its server is asked anew."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, TypeVar

from mcphub_gitops.compiler.lock.model import Lock, LockedCatalog, LockedServer

T = TypeVar("T")

_NOTHING = LockedServer(launch="", era="")

Taken = Literal["both", "ours", "theirs", "neither"]

_MARKS = re.compile(r"(<{7}|\|{7}|={7}|>{7})(?: .*)?")
_NEXT = {"": "<<<<<<<", "<<<<<<<": "|||||||", "|||||||": "=======", "=======": ">>>>>>>"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The texts of one file on both sides of a merge, and in what they came of where that is known."""

    ours: bytes
    theirs: bytes
    base: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What of two locks is decided, and what is not.

    `asked` are the servers that have to be asked anew, with the pins that they keep where those still fit. `told` says
    in a line each what was taken from where; what is the same on both sides is not told.
    """

    lock: Lock
    asked: Mapping[str, LockedServer]
    told: tuple[str, ...]


def split_conflict(data: bytes) -> Sides | None:
    """Return the sides of a text with git's conflict markers, None where it has none, or they do not belong together.

    What is outside of the markers is on both sides. The base is known where git wrote it (``merge.conflictStyle``
    diff3 or zdiff3) into every conflict.
    """
    texts: dict[str, list[bytes]] = {"base": [], "ours": [], "theirs": []}
    state, conflicts, bases = "", 0, 0
    for line in data.splitlines(keepends=True):
        match = _MARKS.fullmatch(line.decode("utf-8", "replace").rstrip("\r\n"))
        if match is None:
            for side in _sides_of(state):
                texts[side].append(line)
            continue
        mark = match[1]
        if mark not in _after(state):
            return None
        conflicts, bases = conflicts + (mark == "<<<<<<<"), bases + (mark == "|||||||")
        state = "" if mark == ">>>>>>>" else mark
    if state or not conflicts:
        return None
    ours, theirs, base = (b"".join(texts[side]) for side in ("ours", "theirs", "base"))
    return Sides(ours=ours, theirs=theirs, base=base if bases == conflicts else None)


def _sides_of(state: str) -> tuple[str, ...]:
    return {"<<<<<<<": ("ours",), "|||||||": ("base",), "=======": ("theirs",)}.get(state, ("base", "ours", "theirs"))


def _after(state: str) -> frozenset[str]:
    # Without diff3, the base is passed over.
    return frozenset({_NEXT[state], "======="} if state == "<<<<<<<" else {_NEXT[state]})


def resolve(base: Lock | None, ours: Lock, theirs: Lock) -> Resolution:
    """Put `ours` and `theirs` together, which both came of `base` (None: not known).

    What is equal is kept, what changed on one side is taken from there. What changed on both is asked: a catalog is
    left out, so that what is there now is pinned. Which side's is the newer nobody can tell from two digests, and the
    entries that servers were locked by may be of either. Without a base, what one side alone has is taken from there:
    whether the hub still wants it is for the caller to find out.
    """
    servers: dict[str, LockedServer] = {}
    asked: dict[str, LockedServer] = {}
    told: list[str] = []
    for name in sorted({*ours.servers, *theirs.servers}):
        before, sides = (base.servers.get(name) if base else None), (ours.servers.get(name), theirs.servers.get(name))
        entry, taken = _choose(before, *sides, known=base is not None)
        if taken == "neither":
            asked[name], words = _pins(before, *sides)
            told.append(f"{name}: changed on both sides, so it is asked anew{words}")
        else:
            told.extend(_tell(name, entry, taken))
            servers |= {name: entry} if entry is not None else {}
    catalogs, decided = _catalogs(base, ours, theirs)
    lock = Lock(servers=MappingProxyType(servers), catalogs=MappingProxyType(catalogs))
    return Resolution(lock=lock, asked=MappingProxyType(asked), told=(*decided, *told))


def _choose(before: T | None, ours: T | None, theirs: T | None, *, known: bool) -> tuple[T | None, Taken]:
    if ours == theirs:
        return ours, "both"
    if known and ours == before:
        return theirs, "theirs"
    if known and theirs == before:
        return ours, "ours"
    if not known and (ours is None or theirs is None):
        return (ours, "ours") if theirs is None else (theirs, "theirs")
    return None, "neither"


def _tell(name: str, entry: object, taken: Taken) -> Iterator[str]:
    if taken != "both":
        yield f"{name}: taken from {taken}" if entry is not None else f"{name}: removed, as in {taken}"


def _pins(
    before: LockedServer | None, ours: LockedServer | None, theirs: LockedServer | None
) -> tuple[LockedServer, str]:
    """Return what a server that is asked anew keeps where it fits, and what was taken from where, in words."""
    if theirs is None:
        return ours or _NOTHING, ", with the pins of ours: theirs has it no more"
    if ours is None:
        return theirs, ", with the pins of theirs: ours has it no more"
    was = before or _NOTHING
    package, of_package = _side(was.package, ours.package, theirs.package, known=before is not None)
    image, of_image = _side(was.image, ours.image, theirs.image, known=before is not None)
    pins, pictures = (theirs if side == "theirs" else ours for side in (of_package, of_image))
    words = [*_chosen(package, of_package), *_chosen(image, of_image)]
    kept = replace(
        ours,
        package=pins.package,
        requirements=pins.requirements,
        target=pictures.target,
        image=pictures.image,
        platforms=pictures.platforms,
        user=pictures.user,
    )
    return kept, f", with {' and '.join(words)} where it fits" if words else ""


def _chosen(value: str, side: str) -> list[str]:
    return [f"{value} of {side}"] if value and side != "both" else []


def _side(before: str, ours: str, theirs: str, *, known: bool) -> tuple[str, Taken]:
    """Return a pin and whose it is; where both moved it, that is ours."""
    if ours == theirs:
        return ours, "both"
    return (theirs, "theirs") if known and ours == before else (ours, "ours")


def _catalogs(base: Lock | None, ours: Lock, theirs: Lock) -> tuple[dict[str, LockedCatalog], list[str]]:
    found: dict[str, LockedCatalog] = {}
    told: list[str] = []
    for name in sorted({*ours.catalogs, *theirs.catalogs}):
        before = base.catalogs.get(name) if base else None
        sides = ours.catalogs.get(name), theirs.catalogs.get(name)
        entry, taken = _choose(before, *sides, known=base is not None)
        if taken == "neither":
            told.append(f"catalog {name}: changed on both sides, so it is read anew")
        else:
            told.extend(_tell(f"catalog {name}", entry, taken))
        found |= {name: entry} if entry is not None else {}
    return found, told
