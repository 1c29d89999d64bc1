"""What `mcphub test` does: loaded when it is called."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import click

from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.diagnostic import has_errors, sort
from mcphub_gitops.compiler.enforcement import Enforced
from mcphub_gitops.compiler.enumeration import count
from mcphub_gitops.compiler.report.document import describe_span
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.compiler.trial.document import MAX_BYTES, read_tests
from mcphub_gitops.compiler.trial.judgement import judge
from mcphub_gitops.compiler.trial.model import Case, Miss
from mcphub_gitops.runtime.cli.enforcing import read_document
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.output import show_diagnostics, show_json
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import find_files
from mcphub_gitops.runtime.project import Project

PATTERNS = ("tests/*.test.yaml", "*.test.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    case: Case
    misses: tuple[Miss, ...]


def run_tests(project: Project, files: tuple[str, ...], output: str, as_of: str) -> int:
    """Run the tests in `files`, or those of the hub, and tell of them; raises RuntimeFailure when files fail."""
    found = {name: read_document(Path(name), name) for name in files} if files else _of_project(project)
    read = [read_tests(name, data) for name, data in sorted(found.items())]
    mistakes = [problem for _, problems in read for problem in problems]
    if has_errors(mistakes):
        show_diagnostics(sort(mistakes), [each.source for each, _ in read], output)
        return Exit.ERROR

    @cache
    def compile_for(environment: str, day: str) -> Compiled:
        return replace(project, environment=environment).compile(locked=True, as_of=day)

    outcomes = [
        _Outcome(case=case, misses=_judge(case, compile_for(case.environment, case.as_of or as_of)))
        for file, _ in read
        for case in file.cases
    ]
    _tell(outcomes, output)
    return Exit.OK if not any(each.misses for each in outcomes) else Exit.ERROR


def _judge(case: Case, compiled: Compiled) -> tuple[Miss, ...]:
    if isinstance(compiled, Enforced):
        return judge(case, compiled, compiled.verdicts, compiled.rules)
    return judge(case, compiled, (), ())


def _of_project(project: Project) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for pattern in PATTERNS:
        for name, content in find_files(project.root, pattern, limit=MAX_BYTES).items():
            if isinstance(content, str):
                raise RuntimeFailure(f"{name} is not used", detail=f"it {content}")
            found[name] = content
    if not found:
        raise RuntimeFailure(
            f"{project.hub_file} has no tests",
            detail=f"Nothing is called {' or '.join(PATTERNS)}.",
            resolution="write some, or give FILES; `mcphub schema test` says what stands in one",
        )
    return found


def _tell(outcomes: list[_Outcome], output: str) -> None:
    if output == "json":
        show_json({"format": "mcphub.tests/v1", "cases": [_document(each) for each in outcomes]})
        return
    for each in outcomes:
        where = f" ({each.case.environment})" if each.case.environment else ""
        _say(f"{'FAIL' if each.misses else 'ok  '} {each.case.span}: {each.case.name}{where}")
        for miss in each.misses:
            _say(f"     {miss.span}: {miss.said}")
    failed = sum(1 for each in outcomes if each.misses)
    _say(f"{count(len(outcomes) - failed, 'case')} passed, {failed} failed")


def _document(outcome: _Outcome) -> dict[str, object]:
    misses = [{"said": miss.said, "span": describe_span(miss.span)} for miss in outcome.misses]
    case = outcome.case
    return {
        "name": case.name,
        "env": case.environment,
        "passed": not outcome.misses,
        "misses": misses,
        "span": describe_span(case.span),
    }


def _say(line: str) -> None:
    click.echo(printable(line))
