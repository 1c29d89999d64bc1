"""What all commands share that change the hub document: it is shown, checked, and written whole or not at all."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import unified_diff
from typing import Any

import click

from mcphub_gitops.compiler.codes import Severity
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.enumeration import count
from mcphub_gitops.compiler.read.change import Change
from mcphub_gitops.compiler.read.edit import Refused
from mcphub_gitops.compiler.read.joint import Joint, edit_joint
from mcphub_gitops.compiler.read.layout import lay_out
from mcphub_gitops.compiler.read.redaction import hide_secrets
from mcphub_gitops.compiler.read.roundtrip import UnfitError
from mcphub_gitops.compiler.read.syntax import MapNode, Parsed, parse
from mcphub_gitops.compiler.source import Source, shown_lines
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.output import show_diagnostics
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import write_file
from mcphub_gitops.runtime.project import Project

Servers = dict[str, dict[str, Any]]
"""The hub's servers by name, as plain data."""


def edit_hub(
    project: Project, make: Callable[[dict[str, Any]], Sequence[Change]], *, dry_run: bool, force: bool
) -> int:
    """Make the changes that `make` returns for the hub as plain data, and return the exit code.

    Each is made in the file that it belongs into: the one that has what it is about, or that of the environment.
    Raises RuntimeFailure when a file cannot be read, written or changed at that place.
    """
    before = _read(project)
    if before is None:
        return Exit.ERROR
    try:
        after = edit_joint(before, *make(before.whole()))
    except UnfitError as error:
        after = Refused(reason=str(error))
    if isinstance(after, Refused):
        raise RuntimeFailure(
            f"{project.hub_file} cannot be changed so",
            detail=f"{after.reason[:1].upper()}{after.reason[1:]}.",
            resolution="change it by hand",
        )
    changed = {name: text for name, text in after.items() if text != before.texts[name]}
    if not changed:
        click.echo(f"{project.hub_file if len(before.texts) == 1 else 'The hub'} says so already.")
        return Exit.OK
    for name, text in changed.items():
        show_diff(name, before.texts[name], text)
    problems, sources = _new_errors(project, {name: text.encode() for name, text in changed.items()})
    show_diagnostics(problems, sources)
    if problems and not force:
        click.echo(f"Not written: {count(len(problems), 'error')} would come of it. --force writes it.", err=True)
        return Exit.ERROR
    return _write(project, changed, dry_run=dry_run)


def _read(project: Project) -> Joint | None:
    """Return the texts of the hub; None where one cannot be changed, which is told. Raises RuntimeFailure."""
    document = project.open()
    sources = (document.source, *document.others)
    parts = [parse(source.name, source.text.encode()) for source in sources]
    for parsed in parts:
        if parsed.diagnostics or not isinstance(parsed.root, MapNode):
            _refuse(parsed)
            return None
    over = sources[-1].name if document.environment else ""
    return Joint(texts={parsed.source.name: parsed.source.text for parsed in parts}, over=over)


def lay_out_hub(project: Project, *, check: bool, diff: bool) -> int:
    """Bring the hub document into its layout, or with `check` or `diff` tell whether it is in it; RuntimeFailure."""
    parsed = parse(project.hub_file, project.read_hub())
    if parsed.root is None or parsed.diagnostics:
        return _refuse(parsed)
    text = parsed.source.text
    after = lay_out(text)
    if after == text:
        click.echo(f"{project.hub_file} is laid out.")
        return Exit.OK
    if diff:
        show_diff(project.hub_file, text, after)
    if check:
        click.echo(f"{project.hub_file} is not laid out: run `mcphub fmt`.")
        return Exit.CHANGES
    return _write(project, {project.hub_file: after}, dry_run=diff)


def servers_of(document: dict[str, Any]) -> Servers:
    """Return the servers of a hub that are mappings, which all should be."""
    servers = document.get("servers")
    found = servers.items() if isinstance(servers, dict) else ()
    return {name: server for name, server in found if isinstance(server, dict)}


def show_diff(name: str, before: str, after: str) -> None:
    """Show on standard error how a document changes; no line shows a secret."""
    lines = list(unified_diff(_shown(name, before), _shown(name, after), name, name, lineterm=""))
    for line in lines or [f"{name}: its line breaks change."]:
        click.echo(line, err=True)


def _shown(name: str, text: str) -> list[str]:
    parsed = parse(name, text.encode())
    return shown_lines(hide_secrets(parsed.source, parsed.root))


def _refuse(parsed: Parsed) -> int:
    show_diagnostics(parsed.diagnostics, (hide_secrets(parsed.source, parsed.root),))
    if not parsed.diagnostics:
        raise RuntimeFailure(f"{parsed.source.name} is not a mapping", resolution="see `mcphub validate`")
    click.echo("Nothing was changed.", err=True)
    return Exit.ERROR


def _write(project: Project, texts: Mapping[str, str], *, dry_run: bool) -> int:
    if dry_run:
        click.echo("Not written.")
        return Exit.OK
    for name, text in texts.items():
        write_file(project.root / name, text.encode())
        click.echo(f"Written: {name}")
    return Exit.OK


def _new_errors(project: Project, after: Mapping[str, bytes]) -> tuple[list[Diagnostic], tuple[Source, ...]]:
    """Return the errors that the hub has with the changed files, and had not before."""
    compiled = replace(project, drafts=after).compile(locked=False)
    errors = list(_errors(compiled.diagnostics))
    if not errors:
        return [], compiled.sources
    old = Counter(_kind(each) for each in _errors(project.compile(locked=False).diagnostics))
    new = []
    for each in errors:
        old[_kind(each)] -= 1
        if old[_kind(each)] < 0:
            new.append(each)
    return new, compiled.sources


def _errors(diagnostics: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    return (each for each in diagnostics if each.severity is Severity.ERROR)


def _kind(diagnostic: Diagnostic) -> tuple[str, str]:
    """Return what stays the same of a diagnostic where lines move."""
    return diagnostic.code.name, diagnostic.detail
