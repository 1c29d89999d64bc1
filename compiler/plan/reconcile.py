"""Desired and observed to a plan: every decision of an apply is made here, and none touches the world."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.plan import Action, Change, FieldChange, Operation, OpType, Plan
from mcphub_gitops.compiler.resolve.path import is_below

ABSENT = "absent"

_SELECTION = ("tool.", "hidden.")
"""Facts that only the gateway's routes depend on; all others are given to a child when it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user may choose about a plan."""

    prune: bool = True


def reconcile(desired: Desired, observed: Observed, options: Options) -> Plan:
    """Return the plan that makes `observed` into `desired`; empty when they agree."""
    changes = tuple(_changes(desired, observed))
    operations = tuple(_operations(desired, observed, changes, options))
    touched = {operation.address for operation in operations} | {change.address for change in changes}
    probed = {operation.target for operation in operations if operation.type is OpType.PROBE}
    touched |= {f"file.{path}" for server in desired.servers if server.name in probed for path in server.files}
    return Plan(
        desired=desired,
        changes=changes,
        operations=operations,
        base=tuple((address, fingerprint_of(address, observed)) for address in sorted(touched)),
        isolation=observed.isolation,
    )


def fingerprint_of(address: str, observed: Observed) -> str:
    """Return what `observed` says of the object at `address`, as one comparable word."""
    kind, _, name = address.partition(".")
    if kind == "server":
        fields = observed.servers.get(name)
        return ABSENT if fields is None else fingerprint(dict(fields))
    if kind == "environment":
        return "present" if name in observed.environments else ABSENT
    if kind == "file":
        return observed.files.get(name, ABSENT)
    return observed.generation or ABSENT


def find_moved(plan: Plan, observed: Observed) -> tuple[str, ...]:
    """Return the addresses of the objects that are no longer what they were when `plan` was made."""
    moved = [address for address, before in plan.base if fingerprint_of(address, observed) != before]
    moved += [f"file.{path}" for server in plan.desired.servers for path in foreign_files(server, observed)]
    return tuple(moved)


def foreign_files(server: DesiredServer, observed: Observed) -> tuple[str, ...]:
    """Return the files that stand among the code of `server` and are not locked."""
    if not server.code:
        return ()
    return tuple(sorted(path for path in observed.files.keys() - server.files.keys() if is_below(path, {server.code})))


def _changes(desired: Desired, observed: Observed) -> Iterator[Change]:
    wanted = {server.name: server for server in desired.servers}
    for name in sorted({*wanted, *observed.servers}):
        before = observed.servers.get(name)
        change = _change(name, before, wanted[name].fields() if name in wanted else None)
        if change is not None:
            yield change
    if observed.review != desired.review_digest() or not observed.generation or _lost_scratch(desired, observed):
        action = Action.UPDATE if observed.review else Action.CREATE
        fields = tuple(_field_changes(observed.gateway, desired.gateway()))
        yield Change(address="generation", action=action, cause=_generation_cause(desired, observed), fields=fields)


def _change(name: str, before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> Change | None:
    address = f"server.{name}"
    fields = tuple(_field_changes(before or {}, after or {}))
    if after is None:
        return Change(address=address, action=Action.DESTROY, cause="it is no longer in the hub", fields=fields)
    if before is None:
        return Change(address=address, action=Action.CREATE, cause="it is new in the hub", fields=fields)
    if not fields:
        return None
    forcing = [field.name for field in fields if not field.name.startswith(_SELECTION)]
    if forcing:
        cause = f"{_listed(forcing)} changed, which a running server does not see"
        return Change(address=address, action=Action.REPLACE, cause=cause, fields=fields)
    return Change(address=address, action=Action.UPDATE, cause="the tools it serves changed", fields=fields)


def _field_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[FieldChange]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield FieldChange(name=name, before=before.get(name), after=after.get(name))


def _lost_scratch(desired: Desired, observed: Observed) -> set[str]:
    return {server.name for server in desired.servers if server.name in observed.servers} - observed.scratch


def _generation_cause(desired: Desired, observed: Observed) -> str:
    if not observed.review:
        return "nothing is applied yet"
    if observed.review == desired.review_digest():
        return "its files are not what was applied"
    return "the hub or its lock changed"


def _operations(
    desired: Desired, observed: Observed, changes: tuple[Change, ...], options: Options
) -> Iterator[Operation]:
    """Yield operations stage by stage; those of one stage do not depend on one another."""
    causes = {change.address: change.cause for change in changes}
    missing = _missing_environments(desired, observed)
    for digest, package in missing.items():
        yield Operation(type=OpType.INSTALL, target=digest, cause=f"{package} is not installed")
    yield from _probes(desired, causes, missing)
    if "generation" in causes:
        yield Operation(type=OpType.SWITCH, target="", cause=causes["generation"])
    yield from _removals(desired, observed, causes, options)


def _probes(desired: Desired, causes: Mapping[str, str], missing: Mapping[str, str]) -> Iterator[Operation]:
    for server in desired.servers:
        if f"server.{server.name}" in causes:
            yield Operation(type=OpType.PROBE, target=server.name, cause=causes[f"server.{server.name}"])
        elif server.environment is not None and server.environment.digest in missing:
            yield Operation(type=OpType.PROBE, target=server.name, cause="its environment is installed anew")


def _removals(desired: Desired, observed: Observed, causes: Mapping[str, str], options: Options) -> Iterator[Operation]:
    for name in sorted(observed.scratch - {server.name for server in desired.servers}):
        cause = causes.get(f"server.{name}", "an interrupted apply left its scratch folder")
        yield Operation(type=OpType.RETIRE, target=name, cause=cause)
    if options.prune:
        used = {server.environment.digest for server in desired.servers if server.environment is not None}
        for digest in sorted(observed.environments - used):
            yield Operation(type=OpType.PRUNE, target=digest, cause="no server uses it")


def _missing_environments(desired: Desired, observed: Observed) -> dict[str, str]:
    wanted = (server.environment for server in desired.servers if server.environment is not None)
    return {each.digest: each.package for each in wanted if each.digest not in observed.environments}


def _listed(names: list[str], most: int = 3) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
