"""The text form of a plan: a documented format that people read and golden cases compare."""

import re
from collections.abc import Iterator, Mapping
from posixpath import commonprefix

from mcphub_gitops.compiler.plan.observed import Isolation
from mcphub_gitops.compiler.plan.permission import PERMISSIONS, describe_permission
from mcphub_gitops.compiler.plan.plan import Action, Change, FieldChange, Plan
from mcphub_gitops.compiler.source import is_seen

_BEFORE = 20
"""Code points shown before the place where two long values begin to differ."""

_LONGEST = 100
"""Longest value, in code points, that a line shows."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SHORT_DIGEST = len("sha256:") + 12


def render_plan(plan: Plan) -> str:
    """Return the plan as people read it: permissions first, then each change with its cause, then the count."""
    if plan.is_empty:
        return "No changes. What is applied is what the hub and its lock say.\n"
    blocks = [*_permission_block(plan), *(_change_block(change) for change in plan.changes)]
    repairs = _repairs(plan)
    if repairs:
        blocks.append("Also:\n" + "\n".join(repairs))
    blocks.extend(_isolation_block(plan))
    return "\n\n".join([*blocks, _summary(plan)]) + "\n"


def _summary(plan: Plan) -> str:
    words = (("create", Action.CREATE), ("update", Action.UPDATE), ("replace", Action.REPLACE))
    servers = [change for change in plan.changes if change.address.startswith("server.")]
    counts = [f"{sum(each.action is action for each in servers)} to {word}" for word, action in words]
    counts.append(f"{sum(each.action is Action.DESTROY for each in servers)} to destroy")
    renamed = sum(each.action is Action.RENAME for each in servers)
    counts.extend([f"{renamed} to rename"] if renamed else [])
    return f"Plan: {', '.join(counts)}. Review digest: {plan.desired.review_digest()}"


def _permission_block(plan: Plan) -> Iterator[str]:
    lines = [
        f"  {mark} {line} -> {change.address}"
        for change in plan.changes
        for field in change.fields
        for mark, line in _permission(field)
    ]
    if lines:
        yield "Permissions:\n" + "\n".join(lines)


def _permission(field: FieldChange) -> Iterator[tuple[str, str]]:
    kind, _, name = field.name.partition(".")
    if kind == "profile":
        yield from _profile_permission(field, name)
    if kind not in PERMISSIONS:
        return
    for mark, value in (("-", field.before), ("+", field.after)):
        if value is not None:
            yield mark, _clean(describe_permission(field.name, value))


def _profile_permission(field: FieldChange, name: str) -> Iterator[tuple[str, str]]:
    """Yield where a profile is served, and of which servers it has how many tools."""
    profile, kind, server = (*name.split(".", 2), "")[:3]
    for mark, value in (("-", field.before), ("+", field.after)):
        if value is not None and kind == "path":
            yield mark, f"the profile {profile} at {_clean(value)}"
        if value is not None and kind == "server":
            yield mark, f"the profile {profile} with {_clean(value)} of {server}"


def _change_block(change: Change) -> str:
    past = f"{change.action.past} from {change.was}" if change.was else change.action.past
    head = f"{change.action.value} {change.address} will be {past}: {_clean(change.cause)}"
    return "\n".join([head, *(f"    {describe_field(field)}" for field in change.fields)])


def describe_field(field: FieldChange) -> str:
    """Return one line that says how a fact changes: long values from where they differ, and nothing unseen in them."""
    name = _clean(field.name)
    if field.before is None:
        return f"+ {name} = {shorten(field.after or '')}"
    if field.after is None:
        return f"- {name} = {shorten(field.before)}"
    before, after = shorten(field.before), shorten(field.after)
    if before == after:
        # The difference lies in what was cut off, so both are shown from there on.
        same = len(commonprefix([field.before, field.after]))
        start = max(0, same - _BEFORE)
        before, after = f"…{shorten(field.before[start:])}", f"…{shorten(field.after[start:])}"
    return f"~ {name} = {before} -> {after}"


def shorten(value: str) -> str:
    """Return `value` as a line shows it: digests and what is too long are cut, and nothing in it is unseen."""
    clean = _clean(_DIGEST.sub(lambda found: found[0][:_SHORT_DIGEST], value))
    return clean if len(clean) <= _LONGEST else clean[: _LONGEST - 1] + "…"


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


def _clean(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    return "".join(char if is_seen(char) else f"\\u{{{ord(char):x}}}" for char in value)


def _repairs(plan: Plan) -> list[str]:
    """Return a line for each operation that no change above speaks of."""
    changed = {change.address for change in plan.changes}
    causes = {change.cause for change in plan.changes}
    return [
        f"  {operation.type.value} {shorten(operation.address)}: {_clean(operation.cause)}"
        for operation in plan.operations
        if operation.address not in changed and operation.cause not in causes
    ]
