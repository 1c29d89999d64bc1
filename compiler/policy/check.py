"""A hub held against its policies on a day: verdicts, and what is wrong, as diagnostics."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.codes import Code
from mcphub_gitops.compiler.diagnostic import Diagnostic, Note
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.policy.document import read_policy
from mcphub_gitops.compiler.policy.facts import facts_of_hub
from mcphub_gitops.compiler.policy.judgement import Breach, find_breaches
from mcphub_gitops.compiler.policy.model import Outcome, PolicyFile, Rule, Verdict, Waiver, rules_of, tags_of
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.source import Source, Span

DENIALS = frozenset({codes.DENIED, codes.UNAPPROVED})
"""The errors that are a policy's word, and nobody's mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What policies say to a hub: the verdicts by rule and subject, and all that is told of them."""

    verdicts: tuple[Verdict, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: tuple[Source, ...]


def read_policies(files: Mapping[str, bytes]) -> tuple[tuple[PolicyFile, ...], tuple[Diagnostic, ...]]:
    """Read policy documents by their names, and what is wrong with each and between them; never raises."""
    read = [read_policy(name, data) for name, data in sorted(files.items())]
    found = tuple(policy for policy, _ in read)
    problems = [problem for _, problems in read for problem in problems]
    return found, (*problems, *_twice(found))


def check_policies(
    hub: Hub, desired: Desired | None, policies: Sequence[PolicyFile], as_of: str, *, is_whole: bool
) -> Checked:
    """Hold `hub` against `policies` on the day `as_of` (YYYY-MM-DD).

    `desired` has the servers whose lock fits. Where that is not all of the hub (not `is_whole`), nothing is said of
    waivers that nothing needs.
    """
    rules = rules_of(policies)
    waivers = tuple(waiver for policy in policies for waiver in policy.waivers)
    breaches = find_breaches(facts_of_hub(hub, desired), rules, tags_of(policies))
    verdicts = tuple(_verdict(breach, waivers, as_of) for breach in breaches if not breach.undecided)
    places = {server.name: server.span for server in hub.servers}
    first = Span.between(hub.span.source, hub.span.start, hub.span.start)
    problems = [
        *(_undecided(each, places.get(each.server, first)) for each in breaches if each.undecided),
        *(_told(each, places.get(each.server, first), as_of) for each in verdicts),
        *_waiver_problems(waivers, rules, verdicts, as_of, is_whole=is_whole),
    ]
    return Checked(verdicts=verdicts, diagnostics=tuple(problems), sources=tuple(policy.source for policy in policies))


def _verdict(breach: Breach, waivers: Iterable[Waiver], as_of: str) -> Verdict:
    rule = breach.rule
    naming = [each for each in waivers if _names(each, rule, breach.subject)]
    # The one that holds longest says until when it is allowed.
    waiver = max(naming, key=lambda each: each.expires, default=None) if rule.level != "deny" else None
    is_waived = waiver is not None and waiver.expires >= as_of
    outcome: Outcome = "waived" if is_waived else "warned" if rule.level == "warn" else "denied"
    return Verdict(rule=rule, subject=breach.subject, server=breach.server, outcome=outcome, waiver=waiver)


def _names(waiver: Waiver, rule: Rule, subject: str) -> bool:
    return waiver.rule.value == rule.name and fnmatchcase(subject, waiver.subject)


def _told(verdict: Verdict, span: Span, as_of: str) -> Diagnostic:
    rule, waiver = verdict.rule, verdict.waiver
    notes = [Note(message=f"the rule `{rule.name}`", span=rule.span)]
    detail = f"`{verdict.subject}` breaks `{rule.name}`: {rule.message}"
    help_ = rule.help
    if verdict.outcome == "waived" and waiver is not None:
        detail = f"`{verdict.subject}` breaks `{rule.name}`, which {waiver.owner} answers for: {waiver.reason}"
        notes.append(Note(message=f"the waiver, which holds until {waiver.expires}", span=waiver.span))
        help_ = ""
    elif waiver is not None:
        notes.append(Note(message=f"the waiver, which expired on {waiver.expires}; this is {as_of}", span=waiver.span))
    code = _code(verdict)
    if code is codes.UNAPPROVED:
        approval = (
            f"have it approved: a waiver for `{rule.name}` and `{verdict.subject}` with owner, reason and last day"
        )
        help_ = f"{help_.rstrip('.')}; or {approval}" if help_ else approval
    return Diagnostic(code=code, detail=detail, span=span, help=help_, notes=tuple(notes))


def _code(verdict: Verdict) -> Code:
    if verdict.outcome == "waived":
        return codes.WAIVED
    return {"warn": codes.DISCOURAGED, "deny": codes.DENIED, "deny-unless-approved": codes.UNAPPROVED}[
        verdict.rule.level
    ]


def _undecided(breach: Breach, span: Span) -> Diagnostic:
    note = Note(message=f"the rule `{breach.rule.name}`", span=breach.rule.span)
    detail = f"`{breach.rule.name}` cannot be decided for `{breach.subject}`: {breach.undecided}."
    help_ = "let its conditions hold for every such thing, or narrow `match`"
    return Diagnostic(code=codes.UNDECIDED, detail=detail, span=span, help=help_, notes=(note,))


def _waiver_problems(
    waivers: Iterable[Waiver], rules: Sequence[Rule], verdicts: Sequence[Verdict], as_of: str, *, is_whole: bool
) -> Iterator[Diagnostic]:
    known = {rule.name: rule for rule in rules}
    for waiver in waivers:
        rule = known.get(waiver.rule.value)
        if rule is None or rule.level == "deny":
            yield _wrong_rule(waiver, rule, known)
        elif waiver.expires < as_of:
            detail = f"It held until {waiver.expires}, and this is {as_of}."
            help_ = "mend what it allowed and remove it, or have it approved anew"
            yield Diagnostic(code=codes.WAIVER_EXPIRED, detail=detail, span=waiver.span, help=help_)
        elif is_whole and not any(_names(waiver, rule, each.subject) for each in verdicts):
            detail = f"Nothing that `{waiver.subject}` names breaks `{rule.name}`."
            yield Diagnostic(code=codes.WAIVER_UNUSED, detail=detail, span=waiver.span, help="remove it")


def _wrong_rule(waiver: Waiver, rule: Rule | None, known: Mapping[str, Rule]) -> Diagnostic:
    if rule is None:
        detail = f"No rule is called `{waiver.rule.value}`."
        help_ = suggest(waiver.rule.value, (name for name, each in known.items() if each.level != "deny"))
        return Diagnostic(code=codes.POLICY_NAME, detail=detail, span=waiver.span, help=help_)
    detail = f"`{rule.name}` is of level `deny`, which no waiver lifts."
    note = Note(message="the rule", span=rule.span)
    help_ = "make its level `deny-unless-approved`, or remove the waiver"
    return Diagnostic(code=codes.POLICY_NAME, detail=detail, span=waiver.span, help=help_, notes=(note,))


def _twice(policies: Iterable[PolicyFile]) -> Iterator[Diagnostic]:
    seen: dict[str, Rule] = {}
    for policy in policies:
        for rule in policy.rules:
            first = seen.setdefault(rule.name, rule)
            if first is not rule:
                detail = f"Two rules are called `{rule.name}`."
                note = Note(message="the first is here", span=first.span)
                yield Diagnostic(code=codes.POLICY_NAME, detail=detail, span=rule.span, notes=(note,))
