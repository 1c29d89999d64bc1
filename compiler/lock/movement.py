"""What moved from one lock to another: catalogs, versions, images and tools, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mcphub_gitops.compiler.lock.model import Lock, LockedCatalog, LockedServer
from mcphub_gitops.compiler.source import printable

_SHOWN = 8
"""How many names one line lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One thing that moved: whose it is, what of it, and both values, empty where there is none on that side.

    `owner` is a server's name, or ``catalog NAME``. Where `what` is a set of names (``tools``, ``dependencies``,
    ``platforms``, ``files``), `after` lists them as ``+ new``, ``- gone`` and ``~ changed``, and `before` is empty.
    """

    owner: str
    what: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        if not self.before:
            return printable(f"{self.owner}: {self.what}" + (f" {self.after}" if self.after else ""))
        return printable(f"{self.owner}: {self.what} {self.before} -> {self.after or 'none'}")


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


def describe_changes(before: Mapping[str, str], after: Mapping[str, str], *, values: bool = False) -> str:
    """Return the names that only one side has, or that differ, as one line; with `values` also both values."""
    words = [*_changes(before, after, values=values)]
    more = f", and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return ", ".join(words[:_SHOWN]) + more


def _changes(before: Mapping[str, str], after: Mapping[str, str], *, values: bool) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if name not in before:
            yield f"+ {name} {after[name]}" if values else f"+ {name}"
        elif name not in after:
            yield f"- {name}"
        elif before[name] != after[name]:
            yield f"~ {name} {before[name]} -> {after[name]}" if values else f"~ {name}"


def _of_catalog(name: str, before: LockedCatalog | None, after: LockedCatalog | None) -> Iterator[Movement]:
    old, new = _catalog(before), _catalog(after)
    if old != new:
        what = "is locked as" if before is None else "moved"
        yield Movement(owner=f"catalog {name}", what=what, before=old, after=new)


def _catalog(catalog: LockedCatalog | None) -> str:
    if catalog is None:
        return ""
    return f"{catalog.digest} (commit {catalog.commit})" if catalog.commit else catalog.digest


def _of_server(name: str, before: LockedServer | None, after: LockedServer | None) -> Iterator[Movement]:
    if before == after:
        return
    if after is None:
        yield Movement(owner=name, what="is no longer locked")
        return
    was = before or LockedServer(launch="", era="")
    (old, old_version), (new, new_version) = split_package(was.package), split_package(after.package)
    if was.package != after.package and new:
        yield Movement(owner=name, what=new, before=old_version if old == new else was.package, after=new_version)
    yield from _set(name, "dependencies", dependencies_of(was), dependencies_of(after), values=before is not None)
    (old_image, _, old_digest), (image, _, digest) = (each.image.partition("@") for each in (was, after))
    if was.image != after.image and image:
        yield Movement(owner=name, what=image, before=old_digest if old_image == image else was.image, after=digest)
    if before is not None:
        # Every image has other manifests: it is their platforms that come and go.
        yield from _set(name, "platforms", dict.fromkeys(was.platforms, ""), dict.fromkeys(after.platforms, ""))
        yield from _singles(name, before, after)
    yield from _set(name, "files", was.files, after.files)
    yield from _set(name, "tools", was.tools, after.tools)


def _singles(name: str, before: LockedServer, after: LockedServer) -> Iterator[Movement]:
    if before.launch != after.launch:
        yield Movement(owner=name, what="declaration", after="changed since it was locked")
    for what in ("user", "target", "era"):
        old, new = getattr(before, what), getattr(after, what)
        if old != new:
            yield Movement(owner=name, what=what, before=old or "none", after=new or "none")


def _set(
    name: str, what: str, before: Mapping[str, str], after: Mapping[str, str], *, values: bool = False
) -> Iterator[Movement]:
    words = describe_changes(before, after, values=values)
    if words:
        yield Movement(owner=name, what=what, after=words)
