"""Policies as one digest: what they say, however it is written and in whichever files."""

from collections.abc import Sequence
from itertools import chain

from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.policy.condition import Condition
from mcphub_gitops.compiler.policy.model import PolicyFile, Rule, Tag, Waiver


def policy_digest(policies: Sequence[PolicyFile]) -> str:
    """Return the digest of all rules, tags and waivers; layout, comments, file names and tests do not count."""
    rules = map(_rule, chain.from_iterable(policy.rules for policy in policies))
    tags = map(_tag, chain.from_iterable(policy.tags for policy in policies))
    waivers = map(_waiver, chain.from_iterable(policy.waivers for policy in policies))
    return fingerprint({"rules": sorted(rules), "tags": sorted(tags), "waivers": sorted(waivers)})


def _rule(rule: Rule) -> list[str]:
    return [rule.name, rule.level, rule.kind, _condition(rule.when), _condition(rule.deny), rule.message, rule.help]


def _tag(tag: Tag) -> list[str]:
    return [tag.tag, tag.kind, _condition(tag.when)]


def _waiver(waiver: Waiver) -> list[str]:
    return [waiver.rule.value, waiver.subject, waiver.owner, waiver.reason, waiver.expires]


def _condition(condition: Condition | None) -> str:
    return condition.text.value.strip() if condition is not None else ""
