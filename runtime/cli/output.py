"""How results are shown: diagnostics as text or as JSON, failures, and counts in words."""

import json
from collections.abc import Iterable

import click

from mcphub_gitops.compiler.diagnostic import Diagnostic, render
from mcphub_gitops.compiler.source import Position, Source, Span

FORMATS = ("human", "json")


def show_diagnostics(diagnostics: Iterable[Diagnostic], sources: Iterable[Source], output: str = "human") -> None:
    """Print diagnostics: people read them on standard error, programs as one document on standard output."""
    if output == "json":
        problems = [_document(each) for each in diagnostics]
        show_json({"format": "mcphub.diagnostics/v1", "diagnostics": problems})
        return
    known = {source.name: source for source in sources}
    for diagnostic in diagnostics:
        click.echo(render(diagnostic, known) + "\n", err=True)


def show_json(document: object) -> None:
    """Print one document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


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
