"""Desired and observed to a plan: every decision of an apply is made here, and none touches the world."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mcphub_gitops.compiler.enumeration import quoted
from mcphub_gitops.compiler.later import Later
from mcphub_gitops.compiler.plan.container import aside_name
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.plan.deviation import find_deviations, foreign_files_of
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.plan import Action, Change, FieldChange, Operation, OpType, Plan
from mcphub_gitops.compiler.plan.staleness import fingerprint_of

LOST = "its files are not what was applied"
"""Why a generation is written again that nobody has changed in the documents."""

_NAMED = 3
_OFFERS = ("prompt.", "resource.", "template.", "shut.")
_SELECTION = ("tool.", "hidden.", "description.", *_OFFERS, "reason", "override", "optional")
"""Facts that only the gateway's routes, or its readers, depend on; all others are given to a server when it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user may choose about a plan: `replace` names servers whose containers are made anew in any case."""

    prune: bool = True
    replace: frozenset[str] = frozenset()


def reconcile(desired: Desired, observed: Observed, options: Options) -> Plan:
    """Return the plan that makes `observed` into `desired`; empty when they agree."""
    changes = tuple(_changes(desired, observed))
    operations = tuple(_operations(desired, observed, changes, options))
    touched = {*_touched(changes, operations), *_probed_files(desired, operations)}
    return Plan(
        desired=desired,
        changes=changes,
        operations=operations,
        base=tuple((address, fingerprint_of(address, observed)) for address in sorted(touched)),
        isolation=observed.isolation,
        drift=find_deviations(desired, observed),
        complete=observed.looked,
        applyable=not foreign_files_of(desired.servers, observed),
    )


def _touched(changes: Iterable[Change], operations: Iterable[Operation]) -> Iterator[str]:
    for change in changes:
        yield change.address
        yield from [change.was] if change.was else []
    yield from (operation.address for operation in operations)


def _probed_files(desired: Desired, operations: Iterable[Operation]) -> Iterator[str]:
    probed = {operation.target for operation in operations if operation.type is OpType.PROBE}
    return (f"file.{path}" for server in desired.servers if server.name in probed for path in server.files)


def compare_servers(
    before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]], renames: Mapping[str, str]
) -> Iterator[Change]:
    """Yield what becomes of each server whose facts (`DesiredServer.fields`, by server) differ, in the order of names.

    `renames` has the old name, one of `before`, of each server that has another one now.
    """
    for name in sorted({*after, *before} - {*renames.values()}):
        old = renames.get(name)
        if old is not None:
            yield _rename(name, old, before[old], after[name])
            continue
        change = _change(name, before.get(name), after.get(name))
        if change is not None:
            yield change


def _changes(desired: Desired, observed: Observed) -> Iterator[Change]:
    changes = list(compare_servers(observed.servers, desired.facts(), _renames(desired, observed)))
    yield from changes
    if observed.state != desired.state_digest():
        action = Action.UPDATE if observed.state else Action.CREATE
        fields = tuple(_field_changes(observed.gateway, desired.gateway()))
        cause = _generation_cause(desired, observed, runs_otherwise=bool(changes or fields))
        yield Change(address="generation", action=action, cause=cause, fields=fields)


def _generation_cause(desired: Desired, observed: Observed, *, runs_otherwise: bool) -> str:
    if not observed.state:
        return "nothing is applied yet"
    words = {
        "environment": "its environment",
        "lock": "its lock",
        "policy": "its policies",
        "provenance": "the owner or the catalog of a server",
    }
    standing = desired.standing()
    parts = ["the hub"] if runs_otherwise else []
    parts += [said for name, said in words.items() if observed.standing.get(name, "") != standing[name]]
    return f"{' and '.join([', '.join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)} changed"


def _renames(desired: Desired, observed: Observed) -> dict[str, str]:
    """Return the old name of each server that is applied under it still, by its new one.

    A move that was made already, or whose server was never applied here, is none.
    """
    wanted = desired.facts().keys()
    return {
        new: old
        for new, old in desired.moves.items()
        if old in observed.servers and new not in observed.servers and old not in wanted
    }


def _rename(name: str, old: str, before: Mapping[str, str], after: Mapping[str, str]) -> Change:
    return Change(
        address=f"server.{name}",
        action=Action.RENAME,
        cause="the hub says so, and what belonged to it is kept",
        fields=tuple(_field_changes(before, after)),
        was=f"server.{old}",
    )


def _change(name: str, before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> Change | None:
    address = f"server.{name}"
    if before is None or after is None:
        # All that it has is no decision, and of a hub that is new as much as all of that.
        whole = Later(partial(_field_changes, before or {}, after or {}))
        action, cause = (
            (Action.DESTROY, "it is no longer in the hub") if after is None else (Action.CREATE, "it is new in the hub")
        )
        return Change(address=address, action=action, cause=cause, fields=whole)
    fields = tuple(_field_changes(before, after))
    if not fields:
        return None
    forcing = [field.name for field in fields if not field.name.startswith(_SELECTION)]
    if forcing:
        cause = f"{quoted(forcing, _NAMED)} changed, which a running server does not see"
        marked = tuple(each._replace(forces=not each.name.startswith(_SELECTION)) for each in fields)
        return Change(address=address, action=Action.REPLACE, cause=cause, fields=marked)
    return Change(address=address, action=Action.UPDATE, cause=_update_cause(fields), fields=fields)


def _update_cause(fields: tuple[FieldChange, ...]) -> str:
    names = {field.name for field in fields}
    if names <= {"reason", "override"}:
        return "the reason for what it is given changed"
    if names <= {"reason", "override", "optional"}:
        return "whether it may be missing changed"
    if all(name.startswith(_OFFERS) for name in names):
        return "the prompts or resources it serves changed"
    return "the tools it serves changed"


def _field_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[FieldChange]:
    if not before:
        yield from (FieldChange(name, None, value) for name, value in sorted(after.items()))
    elif before != after:
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                yield FieldChange(name, before.get(name), after.get(name))


def _lost_scratch(desired: Desired, observed: Observed) -> set[str]:
    applied = (server for server in desired.servers if server.name in observed.servers)
    return {server.name for server in applied if server.is_process} - observed.scratch


def _operations(
    desired: Desired, observed: Observed, changes: tuple[Change, ...], options: Options
) -> Iterator[Operation]:
    """Yield operations stage by stage; those of one stage do not depend on one another."""
    causes = _causes(changes)
    if not observed.generation or _lost_scratch(desired, observed):
        causes.setdefault("generation", LOST)
    missing = _missing_environments(desired, observed)
    making = _containers_to_make(desired, observed, causes, missing, options)
    strays = _renamed(desired, observed, making)
    yield from _fetches(_images(desired, making) - observed.images, missing)
    yield from _removed(strays, "it was renamed, and has the place of another")
    names = desired.container_names()
    for server, cause in making.items():
        yield Operation(type=OpType.MAKE, target=names[server], cause=cause)
    yield from _probes(desired, causes, missing, making)
    yield from _moves(desired, observed, causes)
    if "generation" in causes:
        yield Operation(type=OpType.SWITCH, target="", cause=causes["generation"])
    elif making:
        # A gateway that has given a container up looks at it again.
        yield Operation(
            type=OpType.SWITCH, target="", cause=f"{quoted(sorted(making), _NAMED)} runs in a new container"
        )
    # What runs goes on serving, under another name, until its successor does.
    replaced = frozenset(aside_name(names[server]) for server in making if _runs(observed, names[server]))
    yield from _removed(sorted(replaced), "another one has taken its place")
    yield from _removals(desired, observed, causes, options, replaced.union(strays))


def _causes(changes: Sequence[Change]) -> dict[str, str]:
    """Return why each object is touched, by its address; one that was renamed by both."""
    causes = {change.address: change.cause for change in changes}
    return causes | {change.was: f"it is called {change.address} now" for change in changes if change.was}


def _fetches(images: Collection[str], environments: Mapping[str, str]) -> Iterator[Operation]:
    for image in sorted(images):
        yield Operation(type=OpType.PULL, target=image, cause="the engine does not have it")
    for digest, package in environments.items():
        yield Operation(type=OpType.INSTALL, target=digest, cause=f"{package} is not installed")


def _removed(names: Iterable[str], cause: str) -> Iterator[Operation]:
    return (Operation(type=OpType.REMOVE, target=name, cause=cause) for name in names)


def _renamed(desired: Desired, observed: Observed, making: Mapping[str, str]) -> tuple[str, ...]:
    """Return the containers that are what is to be made, under another name: a running gateway still speaks to them."""
    seen_of = {seen.server for seen in observed.containers.values()}
    specs = {each.name: each.spec_digest() for each in desired.servers if each.name in making and each.name in seen_of}
    wanted = frozenset(desired.container_names().values())
    found = (seen.name for seen in observed.containers.values() if seen.spec and specs.get(seen.server) == seen.spec)
    return tuple(sorted(name for name in found if name not in wanted))


def _images(desired: Desired, making: Mapping[str, str]) -> set[str]:
    return {
        container.image
        for server in desired.servers
        if server.calls is not None or server.name in making
        for container in server.containers
    }


def _containers_to_make(
    desired: Desired, observed: Observed, causes: Mapping[str, str], missing: Mapping[str, str], options: Options
) -> dict[str, str]:
    """Return why a container is made, by the server: it is another one, is gone, or is not what was asked for."""
    making = {}
    names = desired.container_names()
    for server in desired.servers:
        if server.container is None:
            continue
        seen = observed.containers.get(names[server.name])
        if seen is None:
            making[server.name] = causes.get(f"server.{server.name}", "its container is gone")
        elif not seen.is_intact:
            making[server.name] = f"its container {seen.trouble}"
        elif server.environment is not None and server.environment.digest in missing:
            # It still sees the folder that is gone.
            making[server.name] = "its environment is installed anew"
        elif server.container.secret_files.keys() - observed.secrets.get(server.name, frozenset()):
            # It still sees the files that are gone, and could not be started again without them.
            making[server.name] = "the files of its secrets are gone"
        elif server.name in options.replace:
            making[server.name] = "it is to be made anew"
    return making


def _probes(
    desired: Desired, causes: Mapping[str, str], missing: Mapping[str, str], making: Mapping[str, str]
) -> Iterator[Operation]:
    for server in desired.servers:
        if server.calls is not None:
            # Nothing of it runs that could be asked.
            continue
        if f"server.{server.name}" in causes:
            yield Operation(type=OpType.PROBE, target=server.name, cause=causes[f"server.{server.name}"])
        elif server.environment is not None and server.environment.digest in missing:
            yield Operation(type=OpType.PROBE, target=server.name, cause="its environment is installed anew")
        elif server.name in making:
            yield Operation(type=OpType.PROBE, target=server.name, cause=making[server.name])


def _moves(desired: Desired, observed: Observed, causes: Mapping[str, str]) -> Iterator[Operation]:
    """Yield a move for each renamed server with a private folder: right before the switch, while the old one serves."""
    processes = {server.name for server in desired.servers if server.is_process}
    for new, old in _renames(desired, observed).items():
        if new in processes and old in observed.scratch:
            yield Operation(type=OpType.MOVE, target=new, cause=causes[f"server.{new}"])


def _runs(observed: Observed, name: str) -> bool:
    return name in observed.containers and observed.containers[name].state == "running"


def _removals(
    desired: Desired,
    observed: Observed,
    causes: Mapping[str, str],
    options: Options,
    removed: frozenset[str],
) -> Iterator[Operation]:
    wanted = {*desired.container_names().values(), *removed}
    for name, seen in sorted(observed.containers.items()):
        if name not in wanted:
            cause = causes.get(f"server.{seen.server}", "an interrupted apply left it")
            yield Operation(type=OpType.REMOVE, target=name, cause=cause)
    # Only a process has a private folder of ours.
    kept = {server.name for server in desired.servers if server.is_process}
    folders = (observed.scratch | observed.former) - kept
    for name in sorted({*folders, *_stale_secrets(desired, observed)}):
        cause = causes.get(f"server.{name}", "an interrupted apply left its files")
        yield Operation(type=OpType.RETIRE, target=name, cause=cause)
    if options.prune:
        used = {server.environment.digest for server in desired.servers if server.environment is not None}
        for digest in sorted(observed.environments - used):
            yield Operation(type=OpType.PRUNE, target=digest, cause="no server uses it")


def _stale_secrets(desired: Desired, observed: Observed) -> Iterator[str]:
    """Yield the servers for which secret files stand on the disk that they do not get."""
    servers = {server.name: server for server in desired.servers}
    for name, files in observed.secrets.items():
        server = servers.get(name)
        if server is None or server.container is None or files - server.container.secret_files.keys():
            yield name


def _missing_environments(desired: Desired, observed: Observed) -> dict[str, str]:
    wanted = (server.environment for server in desired.servers if server.environment is not None)
    return {each.digest: each.package for each in wanted if each.digest not in observed.environments}
