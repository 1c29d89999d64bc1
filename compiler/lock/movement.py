"""What moved from one lock to another: catalogs, versions, images and tools, in words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcphub_gitops.compiler.lock.model import EMPTY, Lock, LockedCatalog, LockedServer
from mcphub_gitops.compiler.resolve.offer import KINDS
from mcphub_gitops.compiler.source import printable

_SHOWN = 8
"""How many names one line lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameChange:
    """A name of a set that came, went, or means something else: its values, None where there is none on that side."""

    name: str
    before: str | None
    after: str | None

    @property
    def mark(self) -> str:
        """``+``, ``-`` or ``~``."""
        return "+" if self.before is None else "-" if self.after is None else "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One thing that moved: whose it is, what of it, and both values, empty where there is none on that side.

    `owner` is a server's name, or ``catalog NAME``. `kind` is ``catalog``, ``package``, ``image``, ``server``, or what
    `what` says. Where that is a set of names (``tools``, ``prompts``, ``dependencies``, ``platforms``, ``files``),
    `changes` are all of those that differ, `after` lists the first of them as ``+ new``, ``- gone`` and ``~ changed``,
    and `before` is empty.
    """

    owner: str
    kind: str
    what: str
    before: str = ""
    after: str = ""
    changes: tuple[NameChange, ...] = ()

    def __str__(self) -> str:
        if not self.before:
            return printable(f"{self.owner}: {self.what}" + (f" {self.after}" if self.after else ""))
        return printable(f"{self.owner}: {self.what} {self.before} -> {self.after or 'none'}")


def describe_movement(moved: Movement, clean: Callable[[str], str] = str) -> dict[str, Any]:
    """Return what moved as plain data, its values as `clean` leaves them (`schemas/update.v1.json`)."""
    is_set = bool(moved.changes)
    return {
        "name": moved.owner.rpartition(" ")[2],
        "kind": moved.kind,
        "what": moved.what,
        "from": clean(moved.before),
        "to": "" if is_set else clean(moved.after),
        "changes": [
            {"mark": each.mark, "name": clean(each.name), "from": each.before or "", "to": each.after or ""}
            for each in moved.changes
        ],
    }


def find_movements(before: Lock, after: Lock) -> tuple[Movement, ...]:
    """Return what `after` has otherwise than `before`, catalogs first, each in the order of names."""
    catalogs = sorted({*before.catalogs, *after.catalogs})
    servers = sorted({*before.servers, *after.servers})
    return (
        *(each for name in catalogs for each in _of_catalog(name, before.catalogs.get(name), after.catalogs.get(name))),
        *(each for name in servers for each in _of_server(name, before.servers.get(name), after.servers.get(name))),
    )


def split_package(package: str) -> tuple[str, str]:
    """Return name and version of ``name==version`` or ``npm:name@version``; the name keeps its ``npm:``."""
    sign = "@" if package.startswith("npm:") else "=="
    name, _, version = package.rpartition(sign)
    return name, version


def dependencies_of(server: LockedServer) -> Mapping[str, str]:
    """Return the versions of all that a locked package needs beside itself, by name; of several the first."""
    found: dict[str, str] = {}
    for line in server.requirements:
        pin = line.partition(" ")[0]
        if pin != server.package:
            name, version = split_package(pin)
            found.setdefault(name, version)
    return found


def find_changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[NameChange, ...]:
    """Return the names that only one side has, or that differ, in their order."""
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return tuple(NameChange(name=name, before=before.get(name), after=after.get(name)) for name in names)


def describe_changes(changes: Sequence[NameChange], *, values: bool = False) -> str:
    """Return `changes` as one line, the first of them by name; with `values` also what they were and are."""
    words = [_words(each, values=values) for each in changes[:_SHOWN]]
    more = f", and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    return ", ".join(words) + more


def _words(change: NameChange, *, values: bool) -> str:
    said = {"+": f" {change.after}", "~": f" {change.before} -> {change.after}", "-": ""}[change.mark] if values else ""
    return f"{change.mark} {change.name}{said}"


def _of_catalog(name: str, before: LockedCatalog | None, after: LockedCatalog | None) -> Iterator[Movement]:
    old, new = _catalog(before), _catalog(after)
    if old != new:
        what = "is locked as" if before is None else "moved"
        yield Movement(owner=f"catalog {name}", kind="catalog", what=what, before=old, after=new)


def _catalog(catalog: LockedCatalog | None) -> str:
    if catalog is None:
        return ""
    return f"{catalog.digest} (commit {catalog.commit})" if catalog.commit else catalog.digest


def _of_server(name: str, before: LockedServer | None, after: LockedServer | None) -> Iterator[Movement]:
    if before == after:
        return
    if after is None:
        yield Movement(owner=name, kind="server", what="is no longer locked")
        return
    was = before or LockedServer(launch="", era="")
    (old, old_version), (new, new_version) = split_package(was.package), split_package(after.package)
    if was.package != after.package and new:
        moved_from = old_version if old == new else was.package
        yield Movement(owner=name, kind="package", what=new, before=moved_from, after=new_version)
    yield from _set(name, "dependencies", dependencies_of(was), dependencies_of(after), values=before is not None)
    (old_image, _, old_digest), (image, _, digest) = (each.image.partition("@") for each in (was, after))
    if was.image != after.image and image:
        moved_from = old_digest if old_image == image else was.image
        yield Movement(owner=name, kind="image", what=image, before=moved_from, after=digest)
    yield from _set(name, "images of tools", _images(was), _images(after), values=before is not None)
    if before is not None:
        # Every image has other manifests: it is their platforms that come and go.
        yield from _set(name, "platforms", dict.fromkeys(was.platforms, ""), dict.fromkeys(after.platforms, ""))
        yield from _singles(name, before, after)
    yield from _set(name, "files", was.files, after.files)
    yield from _set(name, "tools", was.tools, after.tools)
    for kind in KINDS:
        yield from _set(name, kind, was.offers.get(kind, EMPTY), after.offers.get(kind, EMPTY))


def _images(server: LockedServer) -> dict[str, str]:
    return {tool: each.image for tool, each in server.containers.items()}


def _singles(name: str, before: LockedServer, after: LockedServer) -> Iterator[Movement]:
    if before.launch != after.launch:
        yield Movement(owner=name, kind="declaration", what="declaration", after="changed since it was locked")
    for what in ("user", "target", "era"):
        old, new = getattr(before, what), getattr(after, what)
        if old != new:
            yield Movement(owner=name, kind=what, what=what, before=old or "none", after=new or "none")


def _set(
    name: str, what: str, before: Mapping[str, str], after: Mapping[str, str], *, values: bool = False
) -> Iterator[Movement]:
    changes = find_changes(before, after)
    if changes:
        words = describe_changes(changes, values=values)
        yield Movement(owner=name, kind=what, what=what, after=words, changes=changes)
