"""How results are shown: diagnostics as text or as JSON, failures, and counts in words."""

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click

from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.diagnostic import Diagnostic, render
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.runtime.cli import lazy

FORMATS = ("human", "json")
"""How a result is shown that is no list of diagnostics."""

REPORTS = ("human", "json", "jsonl", "github", "gitlab", "sarif")
"""How diagnostics are shown; see `docs/reports.md`."""


def show_compiled(compiled: Compiled, output: str = "human", root: Path | None = None) -> None:
    """Print what is wrong with a hub; as JSON also what each policy says to it."""
    has_policies = compiled.hub is not None and compiled.hub.has_policies
    verdicts = lazy.load("verdicts").describe_verdicts(compiled) if output == "json" and has_policies else None
    show_diagnostics(compiled.diagnostics, compiled.sources, output, root, verdicts=verdicts)


def show_diagnostics(
    diagnostics: Iterable[Diagnostic],
    sources: Iterable[Source],
    output: str = "human",
    root: Path | None = None,
    *,
    verdicts: list[dict[str, object]] | None = None,
) -> None:
    """Print diagnostics: people read them on standard error, programs as one of REPORTS on standard output.

    `root` is the project's folder, from which the repository's is found, where a format names files from there.
    `verdicts` stand beside them in JSON.
    """
    known = {source.name: source for source in sources}
    if output != "human":
        lazy.load("reporting").show_report(tuple(diagnostics), known, output, root or Path.cwd(), verdicts)
        return
    for diagnostic in diagnostics:
        click.echo(render(diagnostic, known) + "\n", err=True)


def tell(text: str, output: str) -> None:
    """Print a result in words, ended as `text` is: beside a report for programs it goes to standard error.

    GitHub reads both streams for its commands, so there it is printed where none is obeyed.
    """
    with quiet(output):
        click.echo(text, nl=False, err=output not in {"human", "github"})


def quiet(output: str) -> AbstractContextManager[None]:
    """Return what keeps GitHub from obeying words that are printed meanwhile; elsewhere it does nothing."""
    found: AbstractContextManager[None] = lazy.load("reporting").no_commands() if output == "github" else nullcontext()
    return found


def show_json(document: object) -> None:
    """Print one document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def table(rows: list[tuple[str, ...]]) -> str:
    """Return `rows`, of which the first is the heads, in columns that are as wide as they have to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)
