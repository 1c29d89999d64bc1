"""A review as a JSON document for programs (`schemas/review.v1.json`): all of it, nothing cut."""

import json
from typing import Any

from mcphub_gitops.compiler.lock.movement import describe_movement
from mcphub_gitops.compiler.plan.plan import Change, FieldChange
from mcphub_gitops.compiler.review import phrase
from mcphub_gitops.compiler.review.model import (
    Connections,
    Cost,
    Exposure,
    GuardChange,
    Judged,
    Permission,
    Reach,
    Review,
    Setting,
    Summary,
    Travel,
)
from mcphub_gitops.compiler.review.side import Side
from mcphub_gitops.compiler.review.tokens import TOKENIZER
from mcphub_gitops.compiler.review.tool_document import describe_offer, describe_tool
from mcphub_gitops.compiler.source import Span, is_seen

FORMAT = "mcphub.review/v1"


def render_document(review: Review) -> str:
    """Return the review as indented JSON; what a reader would not see is written as an escape."""
    text = json.dumps(describe_review(review), indent=2, ensure_ascii=False, allow_nan=False)
    lines = (line if line.isascii() else "".join(map(_shown, line)) for line in text.split("\n"))
    return "\n".join(lines) + "\n"


def describe_review(review: Review) -> dict[str, Any]:
    """Return the review as plain data."""
    return {
        "format": FORMAT,
        "kind": review.after.kind,
        "hub": review.after.hub or review.before.hub,
        "environment": review.after.environment,
        "review": review.after.review,
        "base": review.before.commit,
        "head": review.after.commit,
        "changes": not review.is_empty,
        "denied": review.is_denied,
        "before": _side(review.before),
        "after": _side(review.after),
        "headline": review.headline,
        "counts": _counts(review.summary),
        "permissions": list(map(_permission, review.permissions)),
        "unchanged": list(review.unchanged),
        "travels": list(map(_travel, review.travels)),
        "reach": list(map(_reach, review.reach)),
        "untouched": list(review.untouched),
        "clients": _clients(review.connections),
        "tools": list(map(describe_tool, review.tools)),
        "exposures": list(map(_exposure, review.exposures)),
        "offers": list(map(describe_offer, review.offers)),
        "tokens": {"tokenizer": TOKENIZER, "paths": list(map(_cost, review.costs))},
        "rules": list(map(_guard, review.guards)),
        "policies": list(map(_judged, review.verdicts)),
        "servers": list(map(_change, review.servers)),
        "gateway": list(map(_field, review.gateway)),
        "settings": list(map(_setting, review.settings)),
        "pins": [describe_movement(each, phrase.hide) for each in review.pins],
        "effects": list(review.effects),
        "undo": list(review.undo),
        "unchecked": list(review.unchecked),
    }


def _setting(each: Setting) -> dict[str, Any]:
    return {
        "mark": each.mark,
        "path": each.path,
        "before": _hidden(each.before),
        "after": _hidden(each.after),
        "place": _place(each.span),
    }


def _side(side: Side) -> dict[str, Any]:
    return {"name": side.name, "commit": side.commit, "review": side.review, "found": side.found}


def _counts(summary: Summary) -> dict[str, Any]:
    return {
        "added": list(summary.added),
        "removed": list(summary.removed),
        "renamed": dict(summary.renamed),
        "changed": summary.changed,
        "common": summary.common,
        "otherImage": summary.other_image,
        "otherTools": summary.other_tools,
        "otherToolsSameImage": summary.other_tools_same_image,
        "toolsAdded": summary.tools_added,
        "toolsRemoved": summary.tools_removed,
        "toolsChanged": summary.tools_changed,
    }


def _travel(each: Travel) -> dict[str, Any]:
    return {
        "server": each.server,
        "variable": each.variable,
        "reference": phrase.hide(each.reference),
        "ways": list(each.ways),
        "sharing": list(each.sharing),
        "profiles": list(each.profiles),
    }


def _exposure(each: Exposure) -> dict[str, Any]:
    return {"server": each.server, "tool": each.tool, "before": each.before, "after": each.after}


def _cost(each: Cost) -> dict[str, Any]:
    return {"profile": each.name, "path": each.path, "before": each.before, "after": each.after}


def _permission(each: Permission) -> dict[str, Any]:
    return {
        "mark": each.mark,
        "server": each.server,
        "kind": each.kind,
        "fact": each.fact,
        "before": _hidden(each.before),
        "after": _hidden(each.after),
        "text": phrase.what(each),
        "place": _place(each.span),
    }


def _place(span: Span | None) -> dict[str, Any] | None:
    return {"file": span.source, "line": span.line, "column": span.column} if span is not None else None


def _hidden(value: str | None) -> str | None:
    return phrase.hide(value) if value is not None else None


def _reach(each: Reach) -> dict[str, Any]:
    return {
        "profile": each.name,
        "path": each.path,
        "was": each.was,
        "gained": list(each.gained),
        "lost": list(each.lost),
        "changed": list(each.changed),
        "servers": list(each.servers),
        "admitted": list(each.admitted),
        "shutOut": list(each.shut_out),
    }


def _clients(connections: Connections) -> dict[str, Any]:
    return {
        "moved": [{"client": each.client, "before": each.before, "after": each.after} for each in connections.moved],
        "touched": {path: list(clients) for path, clients in connections.at.items() if clients},
        "untouched": list(connections.untouched),
    }


def _guard(each: GuardChange) -> dict[str, Any]:
    return {
        "mark": each.mark,
        "kind": each.kind,
        "name": each.name,
        "subject": each.subject,
        "weight": each.weight.value,
        "fields": [_field(field) for field in each.fields],
        "place": _place(each.span),
    }


def _judged(each: Judged) -> dict[str, Any]:
    verdict = each.verdict
    waiver = verdict.waiver
    return {
        "rule": verdict.rule.name,
        "level": verdict.rule.level,
        "subject": verdict.subject,
        "outcome": "" if each.gone else verdict.outcome,
        "was": each.was,
        "message": verdict.rule.message,
        "place": _place(verdict.rule.span),
        "waiver": None
        if waiver is None
        else {"owner": waiver.owner, "reason": waiver.reason, "expires": waiver.expires},
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "server": change.name,
        "action": change.action.name.lower(),
        "was": change.old_name if change.was else "",
        "cause": change.cause,
        "fields": [_field(each) for each in change.fields],
    }


def _field(field: FieldChange) -> dict[str, Any]:
    return {"name": field.name, "before": _hidden(field.before), "after": _hidden(field.after)}


def _shown(char: str) -> str:
    return char if is_seen(char) else json.dumps(char)[1:-1]
