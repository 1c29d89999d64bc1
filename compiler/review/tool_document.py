"""What changed of tools, prompts and resources, as plain data."""

from collections.abc import Mapping
from typing import Any

from mcphub_gitops.compiler.review import phrase
from mcphub_gitops.compiler.review.finding import Finding
from mcphub_gitops.compiler.review.model import ReviewedTool
from mcphub_gitops.compiler.review.offer import ReviewedOffer


def describe_tool(each: ReviewedTool) -> dict[str, Any]:
    """Return what changed of a tool."""
    change = each.change
    return {
        "server": change.server,
        "tool": change.tool,
        "was": change.was,
        "action": change.action.name.lower(),
        "class": change.worst.value if change.worst is not None else None,
        "seen": each.name,
        "namesOnly": change.names_only,
        "description": _description(change.after),
        "findings": list(map(_finding, change.findings)),
    }


def describe_offer(each: ReviewedOffer) -> dict[str, Any]:
    """Return what changed of a prompt, a resource or a template of one."""
    return {
        "server": each.server,
        "mark": each.mark,
        "kind": each.kind,
        "name": each.own,
        "seen": each.name,
        "class": each.worst.value,
        "description": phrase.hide(each.description),
        "findings": list(map(_finding, each.findings)),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "class": finding.cls.value,
        "where": finding.where,
        "said": finding.said,
        "words": [{"mark": word.mark, "text": phrase.hide(word.text)} for word in finding.words],
    }


def _description(definition: Mapping[str, Any] | None) -> str:
    found = definition.get("description") if definition is not None else None
    return phrase.hide(found) if isinstance(found, str) else ""
