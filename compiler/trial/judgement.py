"""A case held against what a hub came to."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from mcphub_gitops.compiler.codes import Severity
from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.enumeration import quoted
from mcphub_gitops.compiler.policy.model import Verdict
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.resolve.model import Server, Text
from mcphub_gitops.compiler.trial.model import Case, Coming, Miss, Names

_SHOWN = 5
_WORSE: tuple[Coming, ...] = ("kept", "waived", "warned", "denied")


def judge(case: Case, compiled: Compiled, verdicts: Collection[Verdict], rules: Collection[str]) -> tuple[Miss, ...]:
    """Return what of `case` does not hold for `compiled`, of whose policies `rules` are the names.

    With errors that the case does not expect nothing else is looked at: what there is of the hub would be a part.
    """
    unexpected = tuple(_error_misses(case, compiled))
    if unexpected:
        return unexpected
    return (
        *(miss for key, names in case.sets.items() for miss in _misses(key, names, _names_of(key, compiled))),
        *_profile_misses(case, compiled),
        *_policy_misses(case, verdicts, rules),
    )


def _error_misses(case: Case, compiled: Compiled) -> Iterator[Miss]:
    errors = [each for each in compiled.diagnostics if each.severity is Severity.ERROR]
    # In the order of places, so that the first of each code stands last here and stays.
    found = {each.code.name: each for each in reversed(errors)}
    for code in sorted(found.keys() - case.errors):
        first = found[code]
        yield Miss(said=f"{first.span}: {code}, {first.code.summary}: {first.detail}", span=case.span)
    for code in sorted(case.errors - found.keys()):
        yield Miss(said=f"{code} was expected, and the hub has no such error", span=case.span)


def _names_of(key: str, compiled: Compiled) -> list[str]:
    if key == "tools":
        bound = compiled.bound.servers if compiled.bound is not None else ()
        return [f"{server.name}/{tool.name}" for server in bound for tool in server.tools]
    servers = _enabled(compiled)
    if key == "servers":
        return [server.name for server in servers]
    return [f"{server.name}/{secret.variable}" for server in servers for secret in server.secrets]


def _enabled(compiled: Compiled) -> list[Server]:
    return [each for each in compiled.hub.servers if each.enabled] if compiled.hub is not None else []


def _misses(what: str, names: Names, found: Collection[str]) -> Iterator[Miss]:
    for glob in (*(names.are or ()), *names.have):
        if not _matching(glob, found):
            help_ = suggest(glob.value, found)
            yield Miss(said=f"{what} lack `{glob.value}`{f': {help_}' if help_ else ''}", span=glob.span)
    for glob in names.lack:
        there = _matching(glob, found)
        if there:
            yield Miss(said=f"{what} have {quoted(there, _SHOWN)}, which `{glob.value}` says they lack", span=glob.span)
    if names.are is not None:
        surplus = {*found}.difference(*(_matching(glob, found) for glob in names.are))
        if surplus:
            yield Miss(said=f"{what} have {quoted(sorted(surplus), _SHOWN)} beside these", span=names.span)


def _matching(glob: Text, names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if fnmatchcase(name, glob.value))


def _profile_misses(case: Case, compiled: Compiled) -> Iterator[Miss]:
    profiles = compiled.bound.profiles if compiled.bound is not None else ()
    tools = {
        profile.name: [f"{server}/{tool}" for server, names in profile.tools.items() for tool in names]
        for profile in profiles
    }
    for name, names in case.profiles:
        if name.value in tools:
            yield from _misses(f"tools of the profile `{name.value}`", names, tools[name.value])
        else:
            yield _unknown(f"there is no profile `{name.value}`", name, tools)


def _policy_misses(case: Case, verdicts: Collection[Verdict], rules: Collection[str]) -> Iterator[Miss]:
    found: dict[str, Verdict] = {}
    for verdict in verdicts:
        now = found.setdefault(verdict.rule.name, verdict)
        if _WORSE.index(verdict.outcome) > _WORSE.index(now.outcome):
            found[verdict.rule.name] = verdict
    for rule, coming in case.policies:
        if rule.value not in rules:
            yield _unknown(f"no policy of the hub has a rule `{rule.value}`", rule, rules)
            continue
        verdict_ = found.get(rule.value)
        outcome: Coming = verdict_.outcome if verdict_ is not None else "kept"
        if outcome != coming:
            whose = f", for `{verdict_.subject}`" if verdict_ is not None else ""
            said = f"the rule `{rule.value}` was expected to be {coming}, and is {outcome}{whose}"
            yield Miss(said=said, span=rule.span)


def _unknown(said: str, name: Text, known: Mapping[str, object] | Collection[str]) -> Miss:
    help_ = suggest(name.value, known)
    return Miss(said=f"{said}{f': {help_}' if help_ else ''}", span=name.span)
