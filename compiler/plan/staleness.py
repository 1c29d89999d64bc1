"""What of a saved plan no longer holds: each object that it touches and that is not what it was, in words."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.plan.desired import DesiredServer
from mcphub_gitops.compiler.plan.deviation import foreign_files_of
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.plan import Change, Operation, OpType, Plan
from mcphub_gitops.compiler.plan.wording import shorten

ABSENT = "absent"

_MOST = 5
"""How many facts of one object are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """An object that is no longer what it was when a plan was made: what was `expected`, and what is `found`.

    `facts` says of single facts that the plan knows how they differ.
    """

    address: str
    expected: str
    found: str
    facts: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = f" ({'; '.join(self.facts)})" if self.facts else ""
        return f"{self.address}: the plan was made when it was {self.expected}; now it is {self.found}{told}"


def fingerprint_of(address: str, observed: Observed) -> str:
    """Return what `observed` says of the object at `address`, as one comparable text that people can read."""
    kind, _, name = address.partition(".")
    if kind == "server":
        fields = observed.servers.get(name)
        return ABSENT if fields is None else f"applied as {fingerprint(dict(fields))}"
    if kind == "environment":
        return "installed" if name in observed.environments else ABSENT
    if kind == "file":
        return observed.files.get(name, ABSENT)
    if kind == "image":
        return "present" if name in observed.images else ABSENT
    if kind == "container":
        return _container(observed, name)
    return observed.generation or ABSENT


def find_moved(plan: Plan, observed: Observed) -> tuple[Moved, ...]:
    """Return every object that is no longer what it was when `plan` was made, in the order of addresses."""
    changes = {change.was or change.address: change for change in plan.changes}
    found = [
        Moved(
            address=address,
            expected=shorten(before),
            found=shorten(now),
            facts=tuple(_facts(changes.get(address), address, observed)),
        )
        for address, before in plan.base
        if (now := fingerprint_of(address, observed)) != before
    ]
    for name, paths in foreign_files_of(plan.desired.servers, observed).items():
        found.extend(
            Moved(address=f"file.{path}", expected="no part of the code", found=f"among the code of server.{name}")
            for path in paths
        )
    return tuple(sorted(found, key=lambda each: each.address))


def find_unlike(plan: Plan, anew: Plan) -> tuple[str, ...]:
    """Return the addresses that `anew`, the plan that is made now, treats otherwise than `plan` does.

    What mends an object that `plan` does not touch, and that has been changed outside since, is none of its business.
    """
    saved, fresh = _acts(plan), _acts(anew)
    unlike = {address for address, _ in saved - fresh}
    unlike |= {operation.address for operation in _more(plan, anew) if not _is_unrelated(operation, plan, anew)}
    changes = {each.address for each in {*plan.changes} ^ {*anew.changes}}
    return tuple(sorted(unlike | changes))


def find_unmended(plan: Plan, anew: Plan) -> tuple[str, ...]:
    """Return what was changed outside since `plan` was made and is not touched by it, as sentences."""
    return tuple(f"{each.address}: {each.detail}" for each in anew.drift if each not in plan.drift)


def _acts(plan: Plan) -> set[tuple[str, Operation | OpType]]:
    return {(each.address, _act(each)) for each in plan.operations}


def _act(operation: Operation) -> Operation | OpType:
    # Why the gateway is switched names every new container, also those that have nothing to do with the plan.
    return operation.type if operation.type is OpType.SWITCH else operation


def _more(plan: Plan, anew: Plan) -> list[Operation]:
    saved = _acts(plan)
    return [each for each in anew.operations if (each.address, _act(each)) not in saved]


def _is_unrelated(operation: Operation, plan: Plan, anew: Plan) -> bool:
    """Tell whether `operation` mends what was changed outside since, or tidies up, where `plan` touches nothing."""
    address = operation.address
    touched = dict(plan.base).keys() | {each.address for each in plan.changes}
    if address in touched:
        return False
    if operation.type in {OpType.PRUNE, OpType.RETIRE}:
        return True
    since = {each.address for each in anew.drift if each not in plan.drift} - touched
    if operation.type is OpType.SWITCH:
        return bool(since)
    holders = {f"server.{name}" for name in _holders(address, anew)}
    return address in since or (bool(holders) and holders <= since)


def _holders(address: str, plan: Plan) -> set[str]:
    """Return the servers that the object at `address` belongs to."""
    kind, _, name = address.partition(".")
    if kind == "server":
        return {name}
    names = plan.desired.container_names()
    return {each.name for each in plan.desired.servers if name in _objects_of(kind, each, names)}


def _objects_of(kind: str, server: DesiredServer, names: Mapping[str, str]) -> Collection[str]:
    """Return the names of the objects of `kind` that `server` uses."""
    if kind == "container":
        return {names.get(server.name, "")}
    if kind == "environment" and server.environment is not None:
        return {server.environment.digest}
    return {each.image for each in server.containers} if kind == "image" else ()


def _container(observed: Observed, name: str) -> str:
    seen = observed.containers.get(name)
    if seen is None:
        return ABSENT
    changed = f", changed in {', '.join(seen.differing)}" if seen.differing else ""
    return f"{seen.state}, made from {seen.spec or 'nothing known'}{changed}"


def _facts(change: Change | None, address: str, observed: Observed) -> Iterator[str]:
    """Yield how the facts that `change` knows of the applied server differ, a few of them."""
    now = observed.servers.get(address.partition(".")[2])
    if change is None or now is None:
        return
    moved = [each for each in change.fields if each.before != now.get(each.name)]
    for each in moved[:_MOST]:
        yield f"{shorten(each.name)} was {_value(each.before)}, and is {_value(now.get(each.name))}"
    if len(moved) > _MOST:
        yield f"{len(moved) - _MOST} more"


def _value(value: str | None) -> str:
    return ABSENT if value is None else shorten(value)
