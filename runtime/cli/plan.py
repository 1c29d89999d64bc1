"""`mcphub plan`: what an apply would do, and why. Changes nothing."""

import json
from pathlib import Path

import click

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.plan.file import write_plan
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.plan import Plan
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.compiler.plan.text import render_plan
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.observation import code_digests, observe_record
from mcphub_gitops.runtime.apply.state import Applied, read_applied, refuse_other_hub
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.exits import Exit, exit_of
from mcphub_gitops.runtime.cli.options import (
    as_of_option,
    fetching,
    frozen_options,
    layered_project_option,
    report_option,
)
from mcphub_gitops.runtime.cli.output import FORMATS, show_compiled, show_json, tell
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import write_file
from mcphub_gitops.runtime.garbage import unsearched
from mcphub_gitops.runtime.project import Project


@click.command(
    epilog="\b\nExamples:\n  mcphub plan\n  mcphub plan -o plan.json\n  mcphub plan --offline --detailed-exitcode\n"
    "  mcphub plan --against origin/main\n  mcphub plan --against main --head topic --output markdown -o comment.md",
)
@layered_project_option
@report_option("human", "json", "markdown", "github", "gitlab", "sarif")
@click.option(
    "-o",
    "saved",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the plan for `mcphub apply`; with --against the review, as --output says.",
)
@click.option("--against", metavar="REV", help="Show what changes from the commit REV: a review, for a pull request.")
@click.option("--head", metavar="REV", help="With --against: to this commit, and not to the folder as it is.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@click.option(
    "--offline",
    is_flag=True,
    help="Trust the record of the last apply: look neither at what is installed nor at what this machine can do.",
)
@frozen_options
@as_of_option
def plan(
    *,
    project: Project,
    output: str,
    saved: Path | None,
    as_of: str,
    against: str | None,
    head: str | None,
    detailed_exitcode: bool,
    offline: bool,
    frozen: bool,
) -> int:
    """Show what `mcphub apply` would do: permissions first, then each change with its cause.

    With --against, both sides are read from git and files: nothing is checked out, fetched or started. What the
    machine runs does not count then. --output markdown is a pull request's comment, see docs/review.md.

    With --output json the result is the plan, or what is wrong; with github, gitlab or sarif it is what is wrong or
    worth a look, and the plan is for people. Exit code 0; 1 on errors; 2 when there are changes and
    --detailed-exitcode is given; 3 when nothing but its policies deny it.
    """
    if against is not None and frozen:
        raise click.UsageError("--frozen is about what is applied: a review, --against, binds each side to its lock.")
    if against is not None:
        shown = {"output": output, "as_of": as_of, "saved": saved, "detailed_exitcode": detailed_exitcode}
        code: int = lazy.load("against").review_against(project, against, head, **shown)
        return code
    if head is not None or output == "markdown":
        raise click.UsageError("--head and --output markdown are for reviews: say what to compare with, --against REV")
    compiled = (project if offline else fetching(project)).compile(locked=True, as_of=as_of, frozen=frozen)
    if has_errors(compiled.diagnostics) or compiled.desired is None:
        show_compiled(compiled, output, project.root)
        return exit_of(compiled.diagnostics) or Exit.ERROR
    # A plan is one document for programs: what is worth a look is told beside it.
    show_compiled(compiled, "human" if output in FORMATS else output, project.root)
    with unsearched():
        found = _make(project, compiled.desired, offline=offline)
        _show(found, saved, project, output)
    return Exit.CHANGES if detailed_exitcode and not found.is_empty else Exit.OK


def _make(project: Project, desired: Desired, *, offline: bool) -> Plan:
    applied = read_applied(Layout(folder=project.runtime_folder))
    refuse_other_hub(desired, applied)
    return reconcile(desired, _observe(project, desired, applied, offline=offline), Options())


def _show(found: Plan, saved: Path | None, project: Project, output: str) -> None:
    if saved is not None:
        _save(saved, write_plan(found), project)
    if output == "json":
        show_json(json.loads(write_plan(found)))
    else:
        last = f"Saved: {saved}. Apply exactly this with `mcphub apply {saved}`.\n" if saved is not None else ""
        tell(render_plan(found) + last, output)


def _save(path: Path, data: bytes, project: Project) -> None:
    if path.resolve() in {project.root / project.hub_file, project.root / project.lock_file}:
        raise RuntimeFailure(f"{path} is the hub's own file", resolution="save the plan under another name")
    if path.exists() and not path.is_file():
        # A device or a pipe is written to, not replaced.
        path.write_bytes(data)
    else:
        write_file(path, data)


def _observe(project: Project, desired: Desired, applied: Applied | None, *, offline: bool) -> Observed:
    if offline:
        return observe_record(applied, code_digests(desired, project.root))
    found: Observed = lazy.load("composition").look(project, desired)
    return found
