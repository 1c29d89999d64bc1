"""What `mcphub validate --fix` and `--diff` do: carry out the fixes of the hub document until none is left."""

from dataclasses import dataclass

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
    """The hub document before and after, what was fixed, and what the compiler says of the result."""

    before: bytes
    after: bytes
    old: Source
    new: Source
    fixed: tuple[Diagnostic, ...]
    compiled: Compiled


def write_fixes(project: Project) -> Compiled:
    """Fix the hub document in its file, tell what was changed, and return what it amounts to then.

    Raises RuntimeFailure when the file cannot be written, or was changed meanwhile.
    """
    mended = _mend(project)
    if mended.fixed:
        if project.read_hub() != mended.before:
            raise RuntimeFailure(
                f"{project.hub_file} was changed meanwhile", resolution="nothing is written; run the command again"
            )
        write_file(project.root / project.hub_file, mended.after)
    for each in mended.fixed:
        title = each.fix.title if each.fix is not None else ""
        click.echo(printable(f"Fixed: {each.span}: {each.code.name}: {title}"), err=True)
    if not mended.fixed:
        click.echo("Nothing can be fixed for certain.", err=True)
    return mended.compiled


def print_fixes(project: Project) -> Compiled:
    """Print as a unified diff what `write_fixes` would change; return what the document amounts to as it is."""
    mended = _mend(project)
    for line in show_difference(mended.old, mended.new):
        click.echo(line)
    return project.compile(locked=False, data=mended.before)


def _mend(project: Project) -> _Mended:
    before = after = project.read_hub()
    compiled = project.compile(locked=False, data=before)
    old = _hub_source(project, compiled)
    fixed: list[Diagnostic] = []
    for _ in range(_MOST_ROUNDS):
        repaired = repair(_hub_source(project, compiled), compiled.diagnostics)
        if not repaired.fixed:
            break
        fixed.extend(repaired.fixed)
        after = repaired.text.encode()
        compiled = project.compile(locked=False, data=after)
    new = _hub_source(project, compiled)
    return _Mended(before=before, after=after, old=old, new=new, fixed=tuple(fixed), compiled=compiled)


def _hub_source(project: Project, compiled: Compiled) -> Source:
    """Return the hub document's source; those of others, such as a catalog, are fixed where they are written."""
    return next(source for source in compiled.sources if source.name == project.hub_file)
