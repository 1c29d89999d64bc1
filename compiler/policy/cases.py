"""A team's own cases: what is given held against the rules, and what was expected of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.policy.judgement import Breach, find_breaches
from mcphub_gitops.compiler.policy.model import Case, Expected, PolicyFile, Rule, cases_of, rules_of, tags_of
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.resolve.model import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A rule that does not say what a case expects: `found` is what it says, and why in `reason`."""

    rule: Text
    expected: Expected
    found: Expected
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A case with what it misses; it is passed when that is nothing."""

    case: Case
    misses: tuple[Miss, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """All cases, and the rules that no case expects to deny anything: nobody has seen those at work."""

    outcomes: tuple[Outcome, ...]
    untested: tuple[Rule, ...]


def unknown_rules(policies: Sequence[PolicyFile]) -> Iterator[Diagnostic]:
    """Yield a diagnostic for each rule that a case names and none of `policies` has."""
    known = {rule.name for rule in rules_of(policies)}
    named = (rule for case in cases_of(policies) for rule, _ in case.expect)
    for rule in named:
        if rule.value not in known:
            detail = f"No rule is called `{rule.value}`."
            help_ = suggest(rule.value, known)
            yield Diagnostic(code=codes.POLICY_NAME, detail=detail, span=rule.span, help=help_)


def run_cases(policies: Sequence[PolicyFile]) -> Tested:
    """Hold every case of `policies` against all of their rules; waivers do not count."""
    rules, tags = rules_of(policies), tags_of(policies)
    outcomes = tuple(
        Outcome(case=case, misses=tuple(_misses(case, find_breaches(case.given, rules, tags))))
        for case in cases_of(policies)
    )
    seen = {rule.value for each in outcomes for rule, expected in each.case.expect if expected == "denied"}
    return Tested(outcomes=outcomes, untested=tuple(rule for rule in rules if rule.name not in seen))


def _misses(case: Case, breaches: Sequence[Breach]) -> Iterator[Miss]:
    for rule, expected in case.expect:
        found = [each for each in breaches if each.rule.name == rule.value]
        outcome: Expected = "denied" if found else "allowed"
        undecided = next((each.undecided for each in found if each.undecided), "")
        if outcome != expected or undecided:
            yield Miss(rule=rule, expected=expected, found=outcome, reason=_reason(found, undecided))


def _reason(breaches: Sequence[Breach], undecided: str) -> str:
    if undecided:
        return f"it cannot be decided: {undecided}"
    subjects = ", ".join(f"`{each.subject}`" for each in breaches)
    return f"{subjects} break{'s' if len(breaches) == 1 else ''} it" if breaches else "nothing that is given breaks it"
