"""Diagnostics as mcphub's own JSON: one document (`mcphub.diagnostics/v1`), or one line each."""

import json
from collections.abc import Iterable
from typing import Any

from mcphub_gitops.compiler.diagnostic import Diagnostic, Fix
from mcphub_gitops.compiler.report.identity import Report
from mcphub_gitops.compiler.source import Position, Span


def render_json(report: Report) -> str:
    """Return one JSON document, files named as seen from the project."""
    problems = describe_diagnostics(report.diagnostics)
    said = {} if report.verdicts is None else {"verdicts": report.verdicts}
    return json.dumps({"format": "mcphub.diagnostics/v1", "diagnostics": problems, **said}, indent=2) + "\n"


def describe_diagnostics(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Return diagnostics as plain data, as the document has them."""
    return [_document(each) for each in diagnostics]


def render_json_lines(report: Report) -> str:
    """Return one JSON object a line; ASCII alone, so that no text of a user's breaks a line for any reader."""
    return "".join(json.dumps(_document(each)) + "\n" for each in report.diagnostics)


def _document(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code.name,
        "severity": diagnostic.severity.value,
        "summary": diagnostic.code.summary,
        "detail": diagnostic.detail,
        "help": diagnostic.help,
        "span": describe_span(diagnostic.span),
        "notes": [{"message": note.message, "span": describe_span(note.span)} for note in diagnostic.notes],
        "fix": _fix(diagnostic.fix) if diagnostic.fix is not None else None,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    replacements = [{"span": describe_span(each.span), "text": each.text} for each in fix.replacements]
    return {"title": fix.title, "replacements": replacements}


def describe_span(span: Span) -> dict[str, Any]:
    """Return a place as JSON has it."""
    return {"file": span.source, "start": _position(span.start), "end": _position(span.end)}


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column}
