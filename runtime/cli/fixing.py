"""What `mcphub validate --fix` and `--diff` do: carry out the fixes of the hub's documents until none is left."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import click

from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.repair import repair, show_difference
from mcphub_gitops.compiler.source import Source, printable
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import write_file
from mcphub_gitops.runtime.project import Project

_MOST_ROUNDS = 100
"""A fix may uncover the next: a direction character hides all that comes after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mended:
    """The project with what its documents are to be, their sources as they are, by name, and what was fixed."""

    project: Project
    before: Mapping[str, Source]
    fixed: tuple[Diagnostic, ...]


def write_fixes(project: Project, as_of: str) -> Compiled:
    """Fix the hub's documents in their files, tell what was changed, and return what they amount to then.

    Raises RuntimeFailure when a file cannot be written, or was changed meanwhile.
    """
    mended = _mend(project, as_of)
    drafts = mended.project.drafts
    for name in drafts:
        if project.read_document(name) != mended.before[name].text.encode():
            raise RuntimeFailure(
                f"{name} was changed meanwhile", resolution="nothing is written; run the command again"
            )
    for name, data in drafts.items():
        write_file(project.root / name, data)
    for each in mended.fixed:
        title = each.fix.title if each.fix is not None else ""
        click.echo(printable(f"Fixed: {each.span}: {each.code.name}: {title}"), err=True)
    if not mended.fixed:
        click.echo("Nothing can be fixed for certain.", err=True)
    return mended.project.compile(locked=False, as_of=as_of)


def print_fixes(project: Project, as_of: str) -> Compiled:
    """Print as a unified diff what `write_fixes` would change; return what the documents amount to as they are."""
    mended = _mend(project, as_of)
    after = documents(mended.project)
    for name in mended.project.drafts:
        for line in show_difference(mended.before[name], after[name]):
            click.echo(line)
    return project.compile(locked=False, as_of=as_of)


def documents(project: Project) -> dict[str, Source]:
    """Return the sources of the documents that the hub is made of, by name: no catalog, which others write."""
    document = project.open()
    return {source.name: source for source in (document.source, *document.others)}


def _mend(project: Project, as_of: str) -> _Mended:
    before = documents(project)
    fixed: list[Diagnostic] = []
    for _ in range(_MOST_ROUNDS):
        diagnostics = project.compile(locked=False, as_of=as_of).diagnostics
        drafts = dict(project.drafts)
        found: list[Diagnostic] = []
        for name, source in documents(project).items():
            repaired = repair(source, diagnostics)
            if repaired.fixed:
                found.extend(repaired.fixed)
                drafts[name] = repaired.text.encode()
        if not found:
            break
        fixed.extend(found)
        project = replace(project, drafts=drafts)
    return _Mended(project=project, before=before, fixed=tuple(fixed))
