"""How results are shown: diagnostics as text or as JSON."""

import json

import click

from mcphub_gitops.compiler.diagnostic import Diagnostic, render
from mcphub_gitops.compiler.source import Position, Span
from mcphub_gitops.compiler.validation import Validated

FORMATS = ("human", "json")


def show(validated: Validated, output: str) -> None:
    """Print the diagnostics: people read them on standard error, programs as one document on standard output."""
    if output == "json":
        problems = [_document(each) for each in validated.diagnostics]
        click.echo(json.dumps({"format": "mcphub.diagnostics/v1", "diagnostics": problems}, indent=2))
        return
    sources = {validated.source.name: validated.source}
    for diagnostic in validated.diagnostics:
        click.echo(render(diagnostic, sources) + "\n", err=True)


def count(number: int, noun: str) -> str:
    """Return ``1 server`` or ``2 servers``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _document(diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "code": diagnostic.code.name,
        "severity": diagnostic.severity.value,
        "summary": diagnostic.code.summary,
        "detail": diagnostic.detail,
        "help": diagnostic.help,
        "span": _span(diagnostic.span),
        "notes": [{"message": note.message, "span": _span(note.span)} for note in diagnostic.notes],
    }


def _span(span: Span) -> dict[str, object]:
    return {"file": span.source, "start": _position(span.start), "end": _position(span.end)}


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column}
