"""What changed in policies themselves: their rules, the tags that those go by, and what they let pass."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from mcphub_gitops.compiler.plan.plan import FieldChange
from mcphub_gitops.compiler.policy.condition import Condition
from mcphub_gitops.compiler.policy.model import PolicyFile, Rule, Tag, Waiver
from mcphub_gitops.compiler.review.model import GuardChange, GuardKind, Mark, Weight
from mcphub_gitops.compiler.source import Span

_LEVELS = ("warn", "deny-unless-approved", "deny")
_WORDS = frozenset({"message", "help", "owner", "reason"})
_WORST = (Weight.WEAKER, Weight.UNSURE, Weight.STRONGER, Weight.SAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guard:
    """A rule, waiver or tag as facts by name; two of one `key` are the same thing at different times."""

    kind: GuardKind
    name: str
    subject: str
    facts: Mapping[str, str]
    span: Span | None = field(compare=False)

    @property
    def key(self) -> tuple[GuardKind, str, str]:
        return self.kind, self.name, self.subject


def compare_guards(before: Sequence[PolicyFile], after: Sequence[PolicyFile]) -> tuple[GuardChange, ...]:
    """Return what differs between two sets of policies, what lets more pass first; which file says it does not count.

    What a condition lets pass is not worked out: one that is another is unsure. So is another tag, for rules may speak
    of it.
    """
    one, other = _by_key(before), _by_key(after)
    found = [each for key in sorted({*one, *other}) for each in _differing(one.get(key, []), other.get(key, []))]
    common = {name for kind, name, _ in one.keys() & other.keys() if kind == "rule"}
    return tuple(sorted((_in_effect(each, common) for each in found), key=lambda each: _WORST.index(each.weight)))


def _in_effect(change: GuardChange, common: Collection[str]) -> GuardChange:
    """Return `change`; a waiver that came or went with its rule is none of a rule that both sides have, `common`."""
    if change.kind != "waiver" or change.name in common:
        return change
    return replace(change, weight=Weight.SAME)


def _by_key(policies: Iterable[PolicyFile]) -> dict[tuple[GuardKind, str, str], list[_Guard]]:
    found: dict[tuple[GuardKind, str, str], list[_Guard]] = {}
    for policy in policies:
        for guard in chain(map(_rule, policy.rules), map(_waiver, policy.waivers), map(_tag, policy.tags)):
            found.setdefault(guard.key, []).append(guard)
    return found


def _rule(rule: Rule) -> _Guard:
    facts = {
        "level": rule.level,
        "match.kind": rule.kind,
        "match.when": _condition(rule.when),
        "deny": _condition(rule.deny),
        "message": rule.message,
        "help": rule.help,
    }
    return _Guard(kind="rule", name=rule.name, subject="", facts=_said(facts), span=rule.span)


def _waiver(waiver: Waiver) -> _Guard:
    facts = {"expires": waiver.expires, "owner": waiver.owner, "reason": waiver.reason}
    return _Guard(kind="waiver", name=waiver.rule.value, subject=waiver.subject, facts=facts, span=waiver.span)


def _tag(tag: Tag) -> _Guard:
    facts = {"when": _condition(tag.when)}
    return _Guard(kind="tag", name=tag.tag, subject=tag.kind, facts=facts, span=tag.when.text.span)


def _condition(condition: Condition | None) -> str:
    return condition.text.value.strip() if condition is not None else ""


def _said(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value}


def _differing(before: list[_Guard], after: list[_Guard]) -> Iterator[GuardChange]:
    gone = [each for each in before if each not in after]
    new = [each for each in after if each not in before]
    if len(gone) == len(new) == 1:
        yield _changed(gone[0], new[0])
        return
    yield from (_whole(each, is_new=False) for each in gone)
    yield from (_whole(each, is_new=True) for each in new)


def _whole(guard: _Guard, *, is_new: bool) -> GuardChange:
    """Return that `guard` came, or went."""
    fields = tuple(
        FieldChange(name=name, before=None if is_new else value, after=value if is_new else None)
        for name, value in guard.facts.items()
    )
    lets_pass = guard.kind == "waiver"
    weight = Weight.UNSURE if guard.kind == "tag" else Weight.WEAKER if lets_pass is is_new else Weight.STRONGER
    return GuardChange(
        mark="+" if is_new else "-",
        kind=guard.kind,
        name=guard.name,
        subject=guard.subject,
        weight=weight,
        fields=fields,
        span=guard.span,
    )


def _changed(before: _Guard, after: _Guard) -> GuardChange:
    names = dict.fromkeys([*before.facts, *after.facts])
    pairs = ((name, before.facts.get(name), after.facts.get(name)) for name in names)
    fields = tuple(FieldChange(name=name, before=one, after=other) for name, one, other in pairs if one != other)
    return GuardChange(
        mark="~",
        kind=after.kind,
        name=after.name,
        subject=after.subject,
        weight=min(map(_weight, fields), key=_WORST.index),
        fields=fields,
        span=after.span,
    )


def _weight(change: FieldChange) -> Weight:
    """Return what another value of a fact does; `change.before` and `change.after` differ."""
    before, after = change.before or "", change.after or ""
    if change.name in _WORDS:
        return Weight.SAME
    if change.name == "level":
        is_weaker = _LEVELS.index(after) < _LEVELS.index(before)
    elif change.name == "expires":
        is_weaker = after > before
    elif change.name == "match.when" and not (before and after):
        # Without one, a rule is about all things of its kind.
        is_weaker = bool(after)
    else:
        return Weight.UNSURE
    return Weight.WEAKER if is_weaker else Weight.STRONGER


def describe_weakening(changes: Collection[GuardChange]) -> str:
    """Return what lets more pass as a sentence without its end; empty where nothing does."""
    found = Counter((each.weight, each.kind, each.mark) for each in changes)
    weaker = [
        f"{found[Weight.WEAKER, kind, mark]} {one if found[Weight.WEAKER, kind, mark] == 1 else several}"
        for kind, mark, one, several in _WEAKER
        if found[Weight.WEAKER, kind, mark]
    ]
    if weaker:
        return f"Policies let more pass: {', '.join(weaker)}"
    unsure = sum(each.weight is Weight.UNSURE for each in changes)
    return f"Policies may let more pass: {unsure} {'part' if unsure == 1 else 'parts'} changed" if unsure else ""


_WEAKER: tuple[tuple[GuardKind, Mark, str, str], ...] = (
    ("rule", "-", "rule is gone", "rules are gone"),
    ("rule", "~", "rule is weaker", "rules are weaker"),
    ("waiver", "+", "waiver is new", "waivers are new"),
    ("waiver", "~", "waiver holds longer", "waivers hold longer"),
)
