"""What policies say to a hub, for programs: loaded when it has policies."""

from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.enforcement import Enforced
from mcphub_gitops.compiler.policy.model import Verdict
from mcphub_gitops.compiler.report.document import describe_span


def describe_verdicts(compiled: Compiled) -> list[dict[str, object]]:
    """Return the verdicts of `compiled`, in the order of the rules; none where it was not held against policies."""
    return [_document(each) for each in verdicts_of(compiled)]


def verdicts_of(compiled: Compiled) -> tuple[Verdict, ...]:
    """Return the verdicts of `compiled` as they are."""
    return compiled.verdicts if isinstance(compiled, Enforced) else ()


def _document(verdict: Verdict) -> dict[str, object]:
    rule, waiver = verdict.rule, verdict.waiver
    document: dict[str, object] = {
        "rule": rule.name,
        "level": rule.level,
        "kind": rule.kind,
        "subject": verdict.subject,
        "outcome": verdict.outcome,
        "message": rule.message,
        "span": describe_span(rule.span),
    }
    if waiver is not None:
        document["waiver"] = {
            "owner": waiver.owner,
            "reason": waiver.reason,
            "expires": waiver.expires,
            "span": describe_span(waiver.span),
        }
    return document
