"""The text form of a plan: a documented format that people read and golden cases compare."""

from collections.abc import Iterator, Mapping
from posixpath import commonprefix

from mcphub_gitops.compiler.plan.admission import (
    ADMISSIONS,
    OPERATORS_REACH,
    Admission,
    describe_admission,
    is_admission,
    is_token,
)
from mcphub_gitops.compiler.plan.file import plan_digest
from mcphub_gitops.compiler.plan.observed import Isolation
from mcphub_gitops.compiler.plan.permission import PERMISSIONS, describe_permission
from mcphub_gitops.compiler.plan.plan import Action, Change, FieldChange, Plan
from mcphub_gitops.compiler.plan.wording import clean, shorten

_BEFORE = 20
"""Code points shown before the place where two long values begin to differ."""

_GENERATION = "generation"
_PROFILE = "profile"
_PERMISSIONS = frozenset({_PROFILE, *PERMISSIONS, *ADMISSIONS})
"""The kinds of facts that are permissions: their names up to the first dot."""

NOTHING = "No changes. What is applied is what the hub and its lock say."
"""The first line of a plan with nothing to do."""


def render_plan(plan: Plan) -> str:
    """Return the plan as people read it: permissions first, then each change with its cause, then the count.

    What was changed outside stands apart, and both digests at the end.
    """
    if plan.is_empty:
        return "\n\n".join([*_drift_block(plan), f"{NOTHING}\n{render_digests(plan)}"])
    blocks = [*_permission_block(plan), *(_change_block(change) for change in plan.changes), *_drift_block(plan)]
    repairs = _repairs(plan)
    if repairs:
        blocks.append("Also:\n" + "\n".join(repairs))
    blocks.extend(_isolation_block(plan))
    return "\n\n".join([*blocks, _summary(plan)])


def render_digests(plan: Plan) -> str:
    """Return the lines with the digest that a person approves, and with the one of this very plan."""
    return f"Review digest: {plan.desired.review_digest()}\nPlan digest: {plan_digest(plan)}\n"


def _drift_block(plan: Plan) -> Iterator[str]:
    lines = [f"  {clean(each.address)}: {clean(each.detail)}" for each in plan.drift]
    if lines:
        yield "Drift (changed outside):\n" + "\n".join(lines)


def _summary(plan: Plan) -> str:
    words = (("create", Action.CREATE), ("update", Action.UPDATE), ("replace", Action.REPLACE))
    servers = [change for change in plan.changes if change.address.startswith("server.")]
    counts = [f"{sum(each.action is action for each in servers)} to {word}" for word, action in words]
    counts.append(f"{sum(each.action is Action.DESTROY for each in servers)} to destroy")
    renamed = sum(each.action is Action.RENAME for each in servers)
    counts.extend([f"{renamed} to rename"] if renamed else [])
    return f"Plan: {', '.join(counts)}.\n{render_digests(plan)}"


def _permission_block(plan: Plan) -> Iterator[str]:
    lines = [
        f"  {mark} {line} -> {change.address}"
        for change in plan.changes
        for mark, line in _permissions(change, plan.desired.admission)
    ]
    if lines:
        yield "Permissions:\n" + "\n".join(lines)


def _permissions(change: Change, admission: Admission) -> Iterator[tuple[str, str]]:
    for field in change.fields:
        if field.name.partition(".")[0] in _PERMISSIONS:
            yield from _permission(field)
    if change.address == _GENERATION:
        # Tokens are facts of the gateway alone.
        yield from _operators_permission(change, admission)


def _permission(field: FieldChange) -> Iterator[tuple[str, str]]:
    kind, _, name = field.name.partition(".")
    if kind == _PROFILE:
        yield from _profile_permission(field, name)
    describe = describe_admission if is_admission(field.name) else describe_permission
    if kind == _PROFILE and describe is describe_permission:
        return
    for mark, value in (("-", field.before), ("+", field.after)):
        if value is not None:
            yield mark, clean(describe(field.name, value))


def _operators_permission(change: Change, admission: Admission) -> Iterator[tuple[str, str]]:
    """Yield what becomes of the gateway's own token where a hub gets its first tokens, or loses its last."""
    tokens = [field for field in change.fields if is_token(field.name)]
    if tokens and not admission.tokens:
        yield "+", OPERATORS_REACH
    held = [field for field in tokens if field.before is None]
    if change.action is Action.UPDATE and tokens == held and len(held) == len(admission.tokens) > 0:
        yield "-", OPERATORS_REACH


def _profile_permission(field: FieldChange, name: str) -> Iterator[tuple[str, str]]:
    """Yield where a profile is served, and of which servers it has how many tools."""
    profile, kind, server = (*name.split(".", 2), "")[:3]
    for mark, value in (("-", field.before), ("+", field.after)):
        if value is not None and kind == "path":
            yield mark, f"the profile {profile} at {clean(value)}"
        if value is not None and kind == "server":
            yield mark, f"the profile {profile} with {clean(value)} of {server}"


def _change_block(change: Change) -> str:
    past = f"{change.action.past} from {change.was}" if change.was else change.action.past
    head = f"{change.action.value} {change.address} will be {past}: {clean(change.cause)}"
    return "\n".join([head, *(f"    {describe_field(field)}" for field in change.fields)])


def describe_field(field: FieldChange) -> str:
    """Return one line that says how a fact changes: long values from where they differ, and nothing unseen in them."""
    name, forces = clean(field.name), "  # forces replacement" if field.forces else ""
    if field.before is None:
        return f"+ {name} = {shorten(field.after or '')}{forces}"
    if field.after is None:
        return f"- {name} = {shorten(field.before)}{forces}"
    before, after = shorten(field.before), shorten(field.after)
    if before == after:
        # The difference lies in what was cut off, so both are shown from there on.
        same = len(commonprefix([field.before, field.after]))
        start = max(0, same - _BEFORE)
        before, after = f"…{shorten(field.before[start:])}", f"…{shorten(field.after[start:])}"
    return f"~ {name} = {before} -> {after}{forces}"


def _isolation_block(plan: Plan) -> Iterator[str]:
    alike: dict[Isolation, list[str]] = {}
    for name, isolation in sorted(plan.isolation.items()):
        alike.setdefault(isolation, []).append(f"server.{name}")
    if alike:
        yield "Isolation:\n" + "\n".join(_isolation_lines(alike))


def _isolation_lines(alike: Mapping[Isolation, list[str]]) -> Iterator[str]:
    for isolation, addresses in alike.items():
        yield f"  {', '.join(addresses)}"
        yield f"    + {', '.join(isolation.measures) or 'nothing'}"
        yield from (f"    - {words}" for words in isolation.missing)


def _repairs(plan: Plan) -> list[str]:
    """Return a line for each operation that no change above speaks of."""
    changed = {change.address for change in plan.changes}
    causes = {change.cause for change in plan.changes}
    return [
        f"  {operation.type.value} {shorten(operation.address)}: {clean(operation.cause)}"
        for operation in plan.operations
        if operation.address not in changed and operation.cause not in causes
    ]
