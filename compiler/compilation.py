"""A hub and its lock together: what the hub amounts to, and everything that is wrong with either."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.codes import Code
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.lock.catalogs import find_stale_catalogs
from mcphub_gitops.compiler.lock.definitions import Definitions, read_definitions
from mcphub_gitops.compiler.lock.file import read_lock
from mcphub_gitops.compiler.lock.freshness import Stale, find_stale
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.lock.offers import read_offers
from mcphub_gitops.compiler.lock.unchecked import find_unbindable
from mcphub_gitops.compiler.plan.desired import Desired, build
from mcphub_gitops.compiler.read.redaction import redact
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.source import Source, Span
from mcphub_gitops.compiler.validation import Validated

ReadDefinitions = Callable[[str, bytes | None, Mapping[str, str]], tuple[Definitions, tuple[Diagnostic, ...]]]

NO_LOCK = Lock(servers=MappingProxyType({}))
Files = Mapping[str, tuple[str, bytes | None]]
"""Name and content of a file of each server."""

NO_FILES: Files = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFile:
    """A lock as it was read: `lock` is None when the file is wrong, `missing` when there is none.

    `writer` is the command that writes it.
    """

    name: str
    source: Source
    lock: Lock | None
    diagnostics: tuple[Diagnostic, ...] = ()
    missing: bool = False
    writer: str = "mcphub lock"

    @property
    def help(self) -> str:
        """What to do where it lacks something."""
        return f"run `{self.writer}`, and commit what it writes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What a hub and its lock amount to; `desired` is None when either has errors. `stale` is what the lock lacks.

    `bound` is the part of the hub whose lock fits, whatever is wrong with the rest; None where nothing could be bound.
    `lock` is the lock, which may have more.
    """

    sources: tuple[Source, ...]
    hub: Hub | None
    desired: Desired | None
    stale: tuple[Stale, ...]
    diagnostics: tuple[Diagnostic, ...]
    bound: Desired | None = None
    lock: Lock | None = None


def open_lock(name: str, data: bytes | None) -> LockFile:
    """Read the lock `data` (None: there is no file), known to the user as `name`."""
    if data is None:
        return LockFile(name=name, source=Source(name, ""), lock=NO_LOCK, missing=True)
    lock, source, problems = read_lock(name, data)
    return LockFile(name=name, source=source, lock=lock, diagnostics=problems)


def compile_hub(
    validated: Validated,
    lock_file: LockFile,
    definitions: Files,
    files: Mapping[str, str],
    *,
    locked: bool,
    frozen: bool = False,
    read: ReadDefinitions = read_definitions,
    offers: Files = NO_FILES,
) -> Compiled:
    """Bind a validated hub to its lock; never raises on any input.

    `definitions` holds name and content of each locked server's readable definitions, `files` the digests of the files
    that commands name. With `locked`, a lock that does not fit is an error; without, what it cannot answer yet is a
    note, and everything else is still checked. With `frozen` it is not looked at whether the lock fits, which is
    warned of, and what cannot be run from it is an error. `read` reads definitions as `read_definitions` does.
    `offers` are the files behind what servers offer beside their tools, of those whose lock has something of that.
    """
    sources = (*validated.sources, lock_file.source)
    hub, lock = validated.hub, lock_file.lock
    problems = [*validated.diagnostics, *lock_file.diagnostics]
    if hub is None or lock is None:
        return Compiled(sources=sources, hub=hub, desired=None, stale=(), diagnostics=redact(sort(problems), sources))
    stale = find_unbindable(hub, lock) if frozen else find_stale(hub, lock, files)
    if frozen:
        outdated = [*_unbindable_problems(hub, lock_file, stale, problems)]
    else:
        code = codes.STALE_LOCK if locked else codes.NOT_LOCKED
        outdated = [*_stale_problems(hub, lock_file, stale, problems, code)]
    problems.extend(outdated)
    desired, unbound = _bind(hub, lock, stale, definitions, read, offers=offers)
    problems.extend(unbound)
    fits = not stale and (frozen or not outdated) and not has_errors(problems)
    told = redact(sort(problems), sources)
    return Compiled(
        sources=sources,
        hub=hub,
        desired=desired if fits else None,
        stale=stale,
        diagnostics=told,
        bound=desired,
        lock=lock,
    )


def _bind(
    hub: Hub,
    lock: Lock,
    stale: tuple[Stale, ...],
    definitions: Files,
    read: ReadDefinitions,
    *,
    offers: Files,
) -> tuple[Desired, list[Diagnostic]]:
    """Return what the servers come to that the lock can be used for, and what is wrong with them."""
    unusable = {each.server for each in stale if not each.fits}
    usable = {name: server for name, server in lock.servers.items() if name not in unusable}
    found = {}
    problems: list[Diagnostic] = []
    for name, server in usable.items():
        file, data = definitions[name]
        found[name], differing = read(file, data, server.tools)
        problems.extend(differing)
    others = {}
    for name, server in usable.items():
        if server.offers:
            others[name], differing = read_offers(*offers.get(name, (f"{name}.offers.json", None)), server.offers)
            problems.extend(differing)
    desired, unbound = build(hub, Lock(servers=MappingProxyType(usable), catalogs=lock.catalogs), found, others)
    return desired, [*problems, *unbound]


def _told(hub: Hub, lock_file: LockFile, stale: tuple[Stale, ...], problems: list[Diagnostic]) -> tuple[Stale, ...]:
    """Return what of `stale` is worth telling beside `problems`."""
    if not has_errors(problems):
        return stale
    if lock_file.missing:
        return ()
    # A server with errors may not have been decoded, so what the lock has beside the hub's servers means nothing.
    known = {server.name for server in hub.servers}
    return tuple(each for each in stale if each.server in known)


def _catalog_problems(hub: Hub, lock_file: LockFile, problems: list[Diagnostic], code: Code) -> Iterator[Diagnostic]:
    if lock_file.lock is None or lock_file.missing:
        return
    is_whole = not has_errors(problems)
    for each in find_stale_catalogs(hub, lock_file.lock):
        # A catalog with errors was not read, so what the lock has beside the hub's own means nothing.
        if is_whole or each.span is not None:
            yield Diagnostic(
                code=code,
                detail=f"The catalog `{each.name}` {each.reason}.",
                span=each.span or lock_file.source.span(0, 0),
                help=lock_file.help,
            )


def _stale_problems(
    hub: Hub, lock_file: LockFile, stale: tuple[Stale, ...], problems: list[Diagnostic], code: Code
) -> Iterator[Diagnostic]:
    """Yield what the lock does not answer, or answers for something else."""
    yield from _server_problems(hub, lock_file, _told(hub, lock_file, stale, problems), code)
    yield from _catalog_problems(hub, lock_file, problems, code)


def _unbindable_problems(
    hub: Hub, lock_file: LockFile, stale: tuple[Stale, ...], problems: list[Diagnostic]
) -> Iterator[Diagnostic]:
    """Yield what cannot be run from the lock, and that no more than this was looked at."""
    yield from _server_problems(hub, lock_file, _told(hub, lock_file, stale, problems), codes.UNBINDABLE)
    detail = f"Nobody looked at whether {lock_file.name} is what {hub.span.source} asks for."
    yield Diagnostic(code=codes.UNCHECKED, detail=detail, span=_first(hub))


def _server_problems(hub: Hub, lock_file: LockFile, stale: tuple[Stale, ...], code: Code) -> Iterator[Diagnostic]:
    if lock_file.missing and stale:
        detail = f"There is no {lock_file.name} yet."
        yield Diagnostic(code=code, detail=detail, span=_first(hub), help=lock_file.help)
        return
    spans = {server.name: server.span for server in hub.servers}
    for each in stale:
        span = spans.get(each.server, lock_file.source.span(0, 0))
        yield Diagnostic(code=code, detail=f"`{each.server}` {each.reason}.", span=span, help=lock_file.help)


def _first(hub: Hub) -> Span:
    return Span.between(hub.span.source, hub.span.start, hub.span.start)
