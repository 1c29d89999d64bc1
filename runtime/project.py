"""Reads a project and runs the compiler on it: the one place where both meet."""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from mcphub_gitops.compiler.compilation import Compiled, LockFile, ReadDefinitions, compile_hub, open_lock
from mcphub_gitops.compiler.lock.definitions import Definitions, read_definitions, write_definitions
from mcphub_gitops.compiler.lock.file import MAX_BYTES as MAX_LOCK_BYTES
from mcphub_gitops.compiler.lock.file import write_lock
from mcphub_gitops.compiler.lock.freshness import code_folder, locked_files
from mcphub_gitops.compiler.lock.model import Lock, LockedCatalog
from mcphub_gitops.compiler.lock.offers import OfferDefinitions, write_offers
from mcphub_gitops.compiler.read.bounds import MAX_CATALOG_BYTES
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import MAX_BYTES
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.resolve.path import ENVIRONMENTS_FOLDER, LOCKS_FOLDER, RUNTIME_FOLDER
from mcphub_gitops.compiler.resolve.provenance import CatalogFile, CatalogSource
from mcphub_gitops.compiler.validation import Document, Validated, open_document, understand
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file
from mcphub_gitops.runtime.garbage import unsearched
from mcphub_gitops.runtime.tree import Folder, Tree

HUB_FILE = "mcp-hub.yaml"
NO_OFFERS: Mapping[str, OfferDefinitions] = {}


OpenLayers = Callable[[str, bytes, Callable[[str], Mapping[str, bytes | str]], tuple[str, str, bytes] | None], Document]

ReadCatalog = Callable[[str, CatalogSource], CatalogFile]
"""Returns what is in a catalog, which the hub has by a name and at a place."""

UnderstandSourced = Callable[[Document, ReadCatalog], Validated]

FindCatalog = Callable[[CatalogSource, LockedCatalog | None], CatalogFile]
"""Returns a catalog that is no file of the hub's folder, as it is locked, if it is."""


OpenDefinitions = Callable[[str, int], AbstractContextManager[ReadDefinitions]]
"""Opens what reads the definitions of a folder, so many bytes."""

Enforce = Callable[[Compiled, Tree, str], Compiled]


def _refuse_policies(compiled: Compiled, _tree: Tree, _as_of: str) -> Compiled:
    name = compiled.hub.name if compiled.hub is not None else ""
    raise RuntimeFailure(f"the hub {name} has policies, and nothing here checks them")


def _open_definitions(_folder: str, _size: int) -> AbstractContextManager[ReadDefinitions]:
    return nullcontext(read_definitions)


def _find_nothing(_source: CatalogSource, _locked: LockedCatalog | None) -> CatalogFile:
    return CatalogFile(data=None)


def _refuse_catalogs(document: Document, _read: ReadCatalog) -> Validated:
    raise RuntimeFailure(f"{document.source.name} uses catalogs, and nothing here reads them")


def _refuse_layers(name: str, *_others: object) -> Document:
    raise RuntimeFailure(f"{name} is made of several files, and nothing here puts them together")


@contextmanager
def _nothing_dropped() -> Iterator[None]:
    """Compile without looking for garbage: what a compiler makes stays, and that would be a fifth of its time."""
    with unsearched():
        try:
            yield
        finally:
            # What was made is not looked at afterwards either.
            gc.freeze()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder, absolute, with a hub document; `hub_file` is relative to it and the name that diagnostics show.

    With an `environment` the hub is what that makes of it, and has a lock of its own. `understand_sourced` understands
    a hub that uses catalogs, and asks for what is in their files; `find_catalog` has those that others keep;
    `open_layers` opens a hub that includes others, or has an environment (its name, file and content), and asks for
    the files that a pattern matches. `drafts` stand in place of what is in the documents that they name. `enforce`
    holds a compiled hub against the policies that it names in the project's folder, on a day. Files are read from
    `tree`, which is the folder as it is unless another is given. `open_definitions` has what reads definitions: it may
    know some of them already, and keep others.
    """

    root: Path
    hub_file: str = HUB_FILE
    environment: str = ""
    understand_sourced: UnderstandSourced = field(default=_refuse_catalogs, compare=False, repr=False)
    open_layers: OpenLayers = field(default=_refuse_layers, compare=False, repr=False)
    find_catalog: FindCatalog = field(default=_find_nothing, compare=False, repr=False)
    drafts: Mapping[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    enforce: Enforce = field(default=_refuse_policies, compare=False, repr=False)
    tree: Tree | None = field(default=None, compare=False, repr=False)
    open_definitions: OpenDefinitions = field(default=_open_definitions, compare=False, repr=False)

    @property
    def files(self) -> Tree:
        """What the project's files are read from."""
        return self.tree if self.tree is not None else Folder(self.root)

    @property
    def lock_file(self) -> str:
        """The lock's name: the hub's own with another suffix, or the environment's in a folder of locks."""
        return f"{self._stem}.lock"

    @property
    def tools_folder(self) -> str:
        """The name of the folder with the readable tool definitions."""
        return f"{self._stem}.tools"

    @property
    def runtime_folder(self) -> Path:
        """Where the runtime keeps what it makes; never committed."""
        return self.root / RUNTIME_FOLDER

    @property
    def _stem(self) -> str:
        if self.environment:
            return f"{LOCKS_FOLDER}/{self.environment}"
        return self.hub_file.removesuffix(".yaml").removesuffix(".yml")

    def read_document(self, name: str) -> bytes | None:
        """Return what is in the hub document `name`, or another that belongs to it; a byte too many at most."""
        draft = self.drafts.get(name)
        return draft if draft is not None else self.files.read(name, limit=MAX_BYTES)

    def validate(self) -> Validated:
        """Validate the hub document; raises RuntimeFailure when it cannot be read."""
        with _nothing_dropped():
            return self._validate()

    def _validate(self, opened: Document | None = None) -> Validated:
        document = opened if opened is not None else self.open()
        if not document.uses_catalogs:
            return understand(document)
        return self.understand_sourced(document, self.catalog_reader())

    def read_hub(self) -> bytes:
        """Return what is in the hub document, a byte too many at most; raises RuntimeFailure when it cannot be read."""
        data = self.read_document(self.hub_file)
        if data is None:
            raise RuntimeFailure(
                f"{self.hub_file} cannot be read",
                detail=f"No such file: {self.root / self.hub_file}",
                resolution="run mcphub in its folder, give its path with --file, or begin with `mcphub init`",
            )
        return data

    def open(self) -> Document:
        """Read the hub document with all that belongs to it; raises RuntimeFailure."""
        data = self.read_hub()
        document = open_document(self.hub_file, data)
        if not (document.includes or self.environment):
            return document
        return self.open_layers(self.hub_file, data, self._included, self._overlay() if self.environment else None)

    def _included(self, pattern: str) -> dict[str, bytes | str]:
        found = self.files.find(pattern, limit=MAX_BYTES)
        return {**found, **{name: draft for name, draft in self.drafts.items() if name in found}}

    def _overlay(self) -> tuple[str, str, bytes]:
        """Return the environment's name, file and content; raises RuntimeFailure where there is none."""
        file = f"{ENVIRONMENTS_FOLDER}/{self.environment}.yaml"
        data = self.read_document(file)
        if data is None:
            known = sorted(
                name.removesuffix(".yaml") for name in self.files.names(ENVIRONMENTS_FOLDER) if name.endswith(".yaml")
            )
            raise RuntimeFailure(
                f"there is no environment `{self.environment}`",
                detail=f"{file} cannot be found" + (f"; there are {', '.join(known)}" if known else ""),
                resolution=suggest(self.environment, known) or f"write {file}: it overrides what {self.hub_file} says",
            )
        return self.environment, file, data

    def catalog_reader(self) -> ReadCatalog:
        """Return what reads the catalogs of the hub, as they are locked; the lock is read when it is needed."""
        pins = cache(self._pins)

        def read(name: str, source: CatalogSource) -> CatalogFile:
            if source.kind == "path":
                return CatalogFile(data=self.files.read_inside(source.location, limit=MAX_CATALOG_BYTES))
            locked = pins().get(name)
            is_same = locked is not None and locked.source == str(source)
            return self.find_catalog(source, locked if is_same else None)

        return read

    def _pins(self) -> Mapping[str, LockedCatalog]:
        lock = self.open_lock().lock
        return lock.catalogs if lock is not None else {}

    def open_lock(self) -> LockFile:
        """Read the lock."""
        draft = self.drafts.get(self.lock_file)
        data = draft if draft is not None else self.files.read(self.lock_file, limit=MAX_LOCK_BYTES)
        found = open_lock(self.lock_file, data)
        return replace(found, writer=f"mcphub lock --env {self.environment}") if self.environment else found

    def compile(
        self, *, locked: bool, as_of: str | None = None, frozen: bool = False, opened: Document | None = None
    ) -> Compiled:
        """Validate the hub and bind it to its lock; see `compile_hub`. Raises RuntimeFailure when files fail.

        With `as_of`, a day as YYYY-MM-DD, it is also held against its policies. `opened` is what `open` returned, where
        that is at hand.
        """
        with _nothing_dropped():
            return self._compile(locked=locked, as_of=as_of, frozen=frozen, opened=opened)

    def _compile(self, *, locked: bool, as_of: str | None, frozen: bool, opened: Document | None) -> Compiled:
        validated, lock_file = self._validate(opened), self.open_lock()
        names = lock_file.lock.servers if lock_file.lock is not None else ()
        definitions = self._all_definitions(names)
        files = self.file_digests(validated.hub) if validated.hub is not None else {}
        with self.open_definitions(
            self.tools_folder, sum(len(data or b"") for _, data in definitions.values())
        ) as read:
            compiled = compile_hub(
                validated,
                lock_file,
                definitions,
                files,
                locked=locked,
                frozen=frozen,
                read=read,
                offers=self._offers(lock_file.lock),
            )
        if as_of is None or compiled.hub is None or not compiled.hub.has_policies:
            return compiled
        return self.enforce(compiled, self.files, as_of)

    def _all_definitions(self, servers: Iterable[str]) -> dict[str, tuple[str, bytes | None]]:
        folder, read = self.tools_folder, self.files.read
        files = {server: f"{folder}/{server}.json" for server in servers}
        return {server: (name, read(name, limit=MAX_LOCK_BYTES)) for server, name in files.items()}

    def definitions(self, server: str) -> tuple[str, bytes | None]:
        """Return name and content of the readable definitions of `server`, None where there are none."""
        return self._all_definitions([server])[server]

    def offers(self, server: str) -> tuple[str, bytes | None]:
        """Return the same of what `server` offers beside its tools."""
        name = f"{self.tools_folder}/{server}.offers.json"
        return name, self.files.read(name, limit=MAX_LOCK_BYTES)

    def _offers(self, lock: Lock | None) -> dict[str, tuple[str, bytes | None]]:
        servers = lock.servers.items() if lock is not None else ()
        return {name: self.offers(name) for name, each in servers if each.offers}

    def file_digests(self, hub: Hub) -> dict[str, str]:
        """Return the digest of each file that an enabled server or its secrets run, by its name, if it is one."""
        enabled = [server for server in hub.servers if server.enabled]
        names = {path for server in enabled for path in locked_files(server)}
        return self.files.digests(names, {code_folder(server) for server in enabled} - {""})

    def save_lock(
        self, lock: Lock, definitions: Mapping[str, Definitions], offers: Mapping[str, OfferDefinitions] = NO_OFFERS
    ) -> tuple[str, ...]:
        """Write the lock and the readable definitions; return the names of the files that changed.

        A server of the lock without `definitions` keeps the files that it has, and one that is not in it any more none.
        `offers` are the definitions of what servers with `definitions` offer beside tools.
        The lock comes last: interrupted before it, the definitions differ from the lock, which every reader tells.
        Raises RuntimeFailure.
        """
        before = self.open_lock().lock
        contents = {f"{self.tools_folder}/{name}.json": write_definitions(each) for name, each in definitions.items()}
        contents |= {f"{self.tools_folder}/{name}.offers.json": write_offers(each) for name, each in offers.items()}
        changed = [name for name, data in contents.items() if self._replace(name, data)]
        gone = set(before.servers if before is not None else ()) - lock.servers.keys()
        files = [f"{self.tools_folder}/{name}.json" for name in gone]
        files += [f"{self.tools_folder}/{name}.offers.json" for name in gone | (definitions.keys() - offers.keys())]
        changed += [file for file in files if self._remove(file)]
        if self._replace(self.lock_file, write_lock(lock)):
            changed.append(self.lock_file)
        return tuple(sorted(changed))

    def _remove(self, name: str) -> bool:
        """Remove a file of the project; return whether there was one."""
        path = self.root / name
        if not path.is_file():
            return False
        path.unlink()
        return True

    def _replace(self, name: str, data: bytes) -> bool:
        path = self.root / name
        if read_file(path, limit=MAX_LOCK_BYTES) == data:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, data)
        return True
