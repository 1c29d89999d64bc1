"""Which entry of which catalog a server's `from` means."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.codes import Code
from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.resolve.catalog import Catalog, CatalogServer
from mcphub_gitops.compiler.resolve.model import Text

Catalogs = Mapping[str, Catalog | None]
"""The catalogs of a hub by name, None where one is wrong itself, which has been told then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The entry that was meant, as ``CATALOG/SERVER`` at the place of `from`."""

    source: Text
    entry: CatalogServer


@dataclass(frozen=True, slots=True)
class Lookup:
    """Looks entries up, and tells `problems` of those that cannot be found.

    `order` are the catalogs in which a `from` without one is looked for, the first that has the server; where it is
    empty, all are looked into, and one alone may have it.
    """

    catalogs: Catalogs
    order: tuple[str, ...]
    problems: list[Diagnostic] = field(default_factory=list)

    def find(self, given: Text) -> Found | None:
        """Return the entry that `given` means, None where something is wrong with it or with its catalog."""
        name, slash, server = given.value.partition("/")
        if not slash:
            return self._anywhere(given)
        if not name or not server:
            self._tell(codes.BAD_VALUE, "`from` is CATALOG/SERVER, or SERVER alone.", given)
            return None
        if name not in self.catalogs:
            help_ = suggest(name, self.catalogs) or "declare it under `catalogs:`"
            self._tell(codes.UNKNOWN_NAME, f"No catalog is called `{name}`.", given, help_)
            return None
        catalog = self.catalogs[name]
        entry = catalog.get(server) if catalog is not None else None
        if catalog is not None and entry is None:
            help_ = _help(server, catalog)
            self._tell(codes.UNKNOWN_NAME, f"The catalog `{name}` has no server `{server}`.", given, help_)
        return Found(source=given, entry=entry) if entry is not None else None

    def _anywhere(self, given: Text) -> Found | None:
        holders: dict[str, CatalogServer] = {}
        searched = list(self.order or self.catalogs)
        for name in searched:
            catalog = self.catalogs.get(name)
            if catalog is None:
                return None  # what is wrong with it has been told, and it may have the server
            entry = catalog.get(given.value)
            if entry is not None:
                holders[name] = entry
            if entry is not None and self.order:
                break
        if not holders:
            self._tell_unknown(given, searched)
            return None
        if len(holders) > 1:
            self._tell_several(given, holders)
            return None
        [(source, entry)] = holders.items()
        return Found(source=Text(value=f"{source}/{given.value}", span=given.span), entry=entry)

    def _tell_several(self, given: Text, holders: Mapping[str, CatalogServer]) -> None:
        listed = " and ".join(f"`{name}`" for name in holders)
        detail = f"The catalogs {listed} have a server `{given.value}`."
        order = f"`defaults: {{catalogs: [{', '.join(holders)}]}}`"
        notes = tuple(Note(message=f"`{name}` has it here", span=entry.span) for name, entry in holders.items())
        help_ = f"write `from: {next(iter(holders))}/{given.value}`, or {order}"
        self._tell(codes.SEVERAL_CATALOGS, detail, given, help_, notes)

    def _tell_unknown(self, given: Text, searched: list[str]) -> None:
        if not searched:
            detail = f"There is no catalog to look for `{given.value}` in."
            self._tell(codes.UNKNOWN_NAME, detail, given, "declare one under `catalogs:`")
            return
        known = {each for name in searched if (catalog := self.catalogs[name]) is not None for each in catalog.names}
        close = suggest(given.value, known)
        listed = " or ".join(f"`{name}`" for name in searched)
        detail = f"No catalog has a server `{given.value}`; it was looked for in {listed}."
        self._tell(codes.UNKNOWN_NAME, detail, given, close if close.startswith("did") else "")

    def _tell(self, code: Code, detail: str, given: Text, help_: str = "", notes: tuple[Note, ...] = ()) -> None:
        self.problems.append(Diagnostic(code=code, detail=detail, span=given.span, help=help_, notes=notes))


def _help(server: str, catalog: Catalog) -> str:
    ways = [name for name in catalog.names if name.startswith(f"{server}/")]
    if ways:
        return f"there are several ways to it: {', '.join(f'`{name}`' for name in ways)}"
    close = suggest(server, catalog.names)
    return close if close.startswith("did") else f"it has {len(catalog.names)} servers"
