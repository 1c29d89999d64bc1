"""Diagnostics for programs: loaded when another format than the human one is asked for."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import click

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.report.document import render_json, render_json_lines
from mcphub_gitops.compiler.report.github import render_github
from mcphub_gitops.compiler.report.gitlab import render_gitlab
from mcphub_gitops.compiler.report.identity import Report, Verdicts
from mcphub_gitops.compiler.report.sarif import render_sarif
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.runtime.failure import RuntimeFailure

_SUMMARY = "GITHUB_STEP_SUMMARY"
"""Names the file whose Markdown a GitHub job shows as its summary."""


def show_report(
    diagnostics: tuple[Diagnostic, ...],
    sources: Mapping[str, Source],
    output: str,
    root: Path,
    verdicts: Verdicts | None = None,
) -> None:
    """Print `diagnostics` of the project in `root` on standard output; raises RuntimeFailure."""
    report = Report(
        diagnostics=diagnostics,
        sources=sources,
        folder=_folder(root),
        version=version("mcphub-gitops"),
        verdicts=verdicts,
    )
    click.echo(_RENDERERS[output](report), nl=False)


@contextmanager
def no_commands() -> Iterator[None]:
    """Keep GitHub from taking anything that is printed meanwhile for a workflow command."""
    token = os.urandom(16).hex()
    click.echo(f"::stop-commands::{token}")
    try:
        yield
    finally:
        click.echo(f"::{token}::")


def _github(report: Report) -> str:
    annotated = render_github(report)
    # Before the summary, which may fail.
    click.echo(annotated.commands, nl=False)
    if annotated.left_out:
        path = os.environ.get(_SUMMARY, "")
        if path:
            _append(Path(path), annotated.summary.encode("utf-8", "replace"))
        where = "they stand in the job's summary" if path else f"{_SUMMARY} names no file for them"
        click.echo(f"Too many for annotations: {annotated.left_out}; {where}.", err=True)
    return ""


def _append(path: Path, data: bytes) -> None:
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise RuntimeFailure(
            "the job's summary cannot be written",
            detail=f"{path}: {error.strerror}",
            resolution=f"{_SUMMARY} names it: GitHub sets that in each step",
        ) from error


def _sarif(report: Report) -> str:
    document = render_sarif(report)
    for notice in document.notices:
        click.echo(notice, err=True)
    return document.text


_RENDERERS = {
    "json": render_json,
    "jsonl": render_json_lines,
    "github": _github,
    "gitlab": render_gitlab,
    "sarif": _sarif,
}


def _folder(root: Path) -> str:
    """Return where `root` lies in its repository; outside of one, as seen from where the user stands."""
    above = [folder for folder in (root, *root.parents) if (folder / ".git").exists()]
    base = above[0] if above else Path.cwd()
    found = root.relative_to(base).as_posix() if root.is_relative_to(base) else ""
    return "" if found == "." else found
