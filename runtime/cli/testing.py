"""What `mcphub policy` does: loaded when it is called."""

from pathlib import Path
from posixpath import dirname, join

import click

from mcphub_gitops.compiler.diagnostic import Diagnostic, has_errors, sort
from mcphub_gitops.compiler.enumeration import count
from mcphub_gitops.compiler.policy.cases import Outcome, Tested, run_cases, unknown_rules
from mcphub_gitops.compiler.policy.check import read_policies
from mcphub_gitops.compiler.policy.model import PolicyFile, Rule
from mcphub_gitops.compiler.report.document import describe_span
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.cli.enforcing import read_bundles, read_document, read_matching
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.output import show_diagnostics, show_json
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project


def run_tests(project: Project, files: tuple[str, ...], output: str) -> int:
    """Run the cases in `files`, or those of the hub; raises RuntimeFailure when files fail."""
    found = {name: read_document(Path(name), name) for name in files} if files else _of_hub(project, with_tests=True)
    policies, mistakes = read_policies(found)
    mistakes = (*mistakes, *unknown_rules(policies))
    if has_errors(mistakes):
        return _tell_mistakes(policies, mistakes, output)
    tested = run_cases(policies)
    if output == "json":
        show_json(_document(tested))
    else:
        _tell(tested)
    return Exit.OK if tested.outcomes and not any(each.misses for each in tested.outcomes) else Exit.ERROR


def list_rules(project: Project, output: str) -> int:
    """List the rules of the hub; raises RuntimeFailure when files fail."""
    policies, mistakes = read_policies(_of_hub(project, with_tests=False))
    if has_errors(mistakes):
        return _tell_mistakes(policies, mistakes, output)
    rules = [rule for policy in policies for rule in policy.rules]
    if output == "json":
        show_json({"format": "mcphub.policies/v1", "rules": [_rule(rule) for rule in rules]})
        return Exit.OK
    for rule in rules:
        _say(f"{rule.span}: {rule.name} ({rule.level}, {rule.kind}): {rule.message}")
    return Exit.OK


def _of_hub(project: Project, *, with_tests: bool) -> dict[str, bytes]:
    validated = project.validate()
    if validated.hub is None or not validated.hub.has_policies:
        raise RuntimeFailure(
            f"{project.hub_file} names no policies", resolution="add `policies: [policies/*.yaml]`, or give FILES"
        )
    patterns = [each.value for each in validated.hub.policies]
    found = {name: data for pattern in patterns for name, data in read_matching(project.files, pattern).items()}
    for folder in sorted({dirname(name) for name in found}) if with_tests else ():
        found |= read_matching(project.files, join(folder, "tests/*.yaml"))
    for files in read_bundles(validated.hub, project.root, fetched=True).values():
        found |= files
    if not found:
        raise RuntimeFailure(f"the policies of {project.hub_file} name no file", detail=", ".join(patterns))
    return found


def _tell_mistakes(policies: tuple[PolicyFile, ...], mistakes: tuple[Diagnostic, ...], output: str) -> Exit:
    show_diagnostics(sort(mistakes), [policy.source for policy in policies], output)
    return Exit.ERROR


def _tell(tested: Tested) -> None:
    for each in tested.outcomes:
        _say(f"{'FAIL' if each.misses else 'ok  '} {each.case.span}: {each.case.name}")
        for miss in each.misses:
            words = f"{miss.rule.value} was expected to be {miss.expected}, and is {miss.found}"
            _say(f"     {miss.rule.span}: {words}: {miss.reason}")
    for rule in tested.untested:
        _say(f"untested {rule.span}: no case is denied by {rule.name}")
    failed = sum(1 for each in tested.outcomes if each.misses)
    passed = len(tested.outcomes) - failed
    _say(f"{count(passed, 'case')} passed, {failed} failed, {count(len(tested.untested), 'rule')} untested")


def _say(line: str) -> None:
    click.echo(printable(line))


def _document(tested: Tested) -> dict[str, object]:
    return {
        "format": "mcphub.policy-tests/v1",
        "cases": [_case(each) for each in tested.outcomes],
        "untested": [_rule(rule) for rule in tested.untested],
    }


def _case(outcome: Outcome) -> dict[str, object]:
    misses = [
        {"rule": miss.rule.value, "expected": miss.expected, "found": miss.found, "reason": miss.reason}
        for miss in outcome.misses
    ]
    return {
        "name": outcome.case.name,
        "passed": not outcome.misses,
        "misses": misses,
        "span": describe_span(outcome.case.span),
    }


def _rule(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "level": rule.level,
        "kind": rule.kind,
        "message": rule.message,
        "span": describe_span(rule.span),
    }
