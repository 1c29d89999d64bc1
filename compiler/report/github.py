"""Diagnostics as workflow commands of GitHub Actions, which make annotations, and as Markdown for a job's summary.

Sources: docs.github.com, "Workflow commands for GitHub Actions" ("Setting an error message", "Adding a job summary"),
and the escaping that actions/toolkit does (packages/core/src/command.ts).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mcphub_gitops.compiler.codes import Severity
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.report.identity import Report, count_by_severity, words
from mcphub_gitops.compiler.source import Span, printable

MOST_ANNOTATIONS = 10
"""How many annotations of one level GitHub takes from one step; it drops the others."""

MOST_SUMMARY = 512 * 1024
"""Bytes of a summary: GitHub takes 1 MiB from a step, in which other programs may write as well, or nothing."""

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_HEAD = "| | place | | |\n|---|---|---|---|\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """The workflow commands for the worst of each level, and what they leave out: in a word, and as Markdown."""

    commands: str
    left_out: str
    summary: str


def render_github(report: Report) -> Annotated:
    """Return what to print, and what to append to the job's summary; `left_out` is empty when nothing is."""
    shown: list[Diagnostic] = []
    rest: list[Diagnostic] = []
    room = dict.fromkeys(_COMMANDS, MOST_ANNOTATIONS)
    for diagnostic in report.by_weight():
        (shown if room[diagnostic.severity] else rest).append(diagnostic)
        room[diagnostic.severity] = max(0, room[diagnostic.severity] - 1)
    return Annotated(
        commands="".join(_command(report, each) for each in shown),
        left_out=count_by_severity(rest),
        summary=_summary(report, rest) if rest else "",
    )


def _command(report: Report, diagnostic: Diagnostic) -> str:
    span, code = diagnostic.span, diagnostic.code
    properties = {
        "file": printable(report.path(span)),
        **_place(span),
        "title": f"{code.name}: {code.summary}",
    }
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = "\n".join(words(diagnostic)) or code.summary
    return f"::{_COMMANDS[diagnostic.severity]} {listed}::{_data(message)}\n"


def _place(span: Span) -> dict[str, str]:
    """Return the lines, and where it is a part of one line, the columns: GitHub takes them of no other."""
    place = {"line": str(span.start.line), "endLine": str(span.last_line)}
    if span.start.line == span.end.line:
        return {**place, "col": str(span.start.column), "endColumn": str(span.end.column)}
    return place


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _summary(report: Report, rest: list[Diagnostic]) -> str:
    head = f"### mcphub: {count_by_severity(report.diagnostics)}\n\nNot among the annotations:\n\n{_HEAD}"
    rows, size = [], len(head)
    for row in _rows(report, rest):
        size += len(row.encode())
        if size > MOST_SUMMARY:
            break
        rows.append(row)
    missing = count_by_severity(rest[len(rows) :])
    tail = f"\nThere is no room for {missing} more.\n" if missing else ""
    return f"{head}{''.join(rows)}{tail}\n"


def _rows(report: Report, diagnostics: Iterable[Diagnostic]) -> Iterator[str]:
    for each in diagnostics:
        span = each.span
        place = _markdown(printable(f"{report.path(span)}:{span.start.line}:{span.start.column}"))
        said = "<br>".join(_markdown(line) for line in (each.code.summary, *words(each)))
        yield f"| {each.severity.value} | <code>{place}</code> | {each.code.name} | {said} |\n"


def _markdown(text: str) -> str:
    """Return `text` with all punctuation as character references, which mean nothing in Markdown (CommonMark 6.2)."""
    return _PUNCTUATION.sub(lambda found: f"&#{ord(found[0])};", text)
