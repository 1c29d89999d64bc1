"""A compiled hub with what its policies say to it. Loaded when a hub has policies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.policy.check import check_policies, read_policies
from mcphub_gitops.compiler.policy.identity import policy_digest
from mcphub_gitops.compiler.policy.model import PolicyFile, Verdict, rules_of
from mcphub_gitops.compiler.read.redaction import redact
from mcphub_gitops.compiler.resolve.model import Hub, PolicyBundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforced(Compiled):
    """A compiled hub that was held against its `policies`, whose rules have the names `rules`.

    `desired` is None where they deny it.
    """

    verdicts: tuple[Verdict, ...] = ()
    rules: frozenset[str] = frozenset()
    policies: tuple[PolicyFile, ...] = ()


def enforce(compiled: Compiled, hub: Hub, matches: Mapping[str, Mapping[str, bytes]], as_of: str) -> Enforced:
    """Hold `compiled`, which is what `hub` came to, against its policies on the day `as_of` (YYYY-MM-DD).

    `matches` has the files, by name, of each of the hub's patterns, and of its bundles that are here. Policies with
    mistakes of their own decide nothing.
    """
    missing = tuple(_missing(hub, matches))
    files = {name: data for found in matches.values() for name, data in found.items()}
    policies, mistakes = read_policies(files)
    problems = (*compiled.diagnostics, *missing, *mistakes)
    sources = (*compiled.sources, *(policy.source for policy in policies))
    verdicts: tuple[Verdict, ...] = ()
    if not has_errors((*missing, *mistakes)):
        is_whole = compiled.desired is not None
        checked = check_policies(hub, compiled.bound, policies, as_of, is_whole=is_whole)
        problems, verdicts = (*problems, *checked.diagnostics), checked.verdicts
    bound = compiled.bound
    if bound is not None:
        bound = replace(bound, policy=policy_digest(policies))
    return Enforced(
        sources=sources,
        hub=hub,
        desired=bound if compiled.desired is not None and not has_errors(problems) else None,
        stale=compiled.stale,
        diagnostics=redact(sort(problems), sources),
        bound=bound,
        lock=compiled.lock,
        verdicts=verdicts,
        rules=frozenset(rule.name for rule in rules_of(policies)),
        policies=policies,
    )


def _missing(hub: Hub, matches: Mapping[str, Mapping[str, bytes]]) -> Iterator[Diagnostic]:
    for each in hub.policies:
        if not matches.get(each.value):
            detail = f"`{each.value}` names no file of the hub's folder."
            yield Diagnostic(code=codes.POLICY_FILE, detail=detail, span=each.span)
    yield from (_absent(each) for each in hub.bundles if str(each) not in matches)


def _absent(bundle: PolicyBundle) -> Diagnostic:
    detail = f"`{bundle}` is not on this machine, and nothing was fetched just now."
    return Diagnostic(code=codes.NO_BUNDLE, detail=detail, span=bundle.span, help="run `mcphub lock`, which fetches it")
