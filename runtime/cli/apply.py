"""`mcphub apply`: makes the machine what the hub says, or carries out exactly a saved plan."""

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.plan.file import MAX_BYTES, Unusable, read_plan
from mcphub_gitops.compiler.plan.plan import Plan
from mcphub_gitops.compiler.plan.reconcile import Options
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.runtime.apply.lease import hold
from mcphub_gitops.runtime.cli.applying import (
    carry_out,
    compile_desired,
    confirm_saved,
    make_plan,
    prepare_for,
)
from mcphub_gitops.runtime.cli.composition import layout_of
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import (
    as_of_option,
    frozen_options,
    layered_project_option,
    offline_option,
    report_option,
)
from mcphub_gitops.runtime.cli.output import quiet
from mcphub_gitops.runtime.cli.remembering import Memory
from mcphub_gitops.runtime.failure import RuntimeFailure, StalePlanError
from mcphub_gitops.runtime.files import read_file
from mcphub_gitops.runtime.project import Project

_DIGEST = re.compile("sha256:[0-9a-f]{64}")


@click.command(
    epilog="\b\nExamples:\n  mcphub apply\n  mcphub apply --auto-approve\n  mcphub apply plan.json\n"
    "  mcphub apply --expect sha256:…  # what was approved\n  mcphub apply --replace notes",
)
@layered_project_option
@report_option("human", "github")
@click.argument("saved", metavar="[PLAN]", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--auto-approve", is_flag=True, help="Do not ask. Without a terminal, either this or a PLAN is needed.")
@click.option(
    "--replace",
    "replaced",
    metavar="SERVER",
    multiple=True,
    help="Make the container of SERVER anew, though nothing has changed: with a secret's new value, for example.",
)
@click.option(
    "--expect",
    metavar="DIGEST",
    callback=lambda _context, _option, value: _whole(value),
    help="Refuse unless the review digest is this one, given whole: what was approved.",
)
@offline_option("packages come from the caches, images are on the engine already")
@frozen_options
@as_of_option
def apply(
    project: Project,
    output: str,
    saved: Path | None,
    expect: str | None,
    replaced: tuple[str, ...],
    *,
    as_of: str,
    auto_approve: bool,
    offline: bool,
    frozen: bool,
) -> int:
    """Install, probe and switch to what the hub and its lock say.

    With PLAN, exactly that saved plan is carried out, and refused when what it touches has moved since. Exit code 0
    when done or nothing is to do, 1 on errors, 3 when nothing but the hub's policies deny it, 4 when it is served but
    cleaning up failed, 5 when the plan is stale or not the expected one, 6 when someone else is changing the hub.
    """
    if saved is not None and frozen:
        raise click.UsageError("A saved plan is carried out as it is: --frozen goes with none.")
    plan = _read(saved, project) if saved is not None else None
    memory = Memory(project, as_of)
    with memory.hub.listen():
        desired = _desired(
            plan, project, partial(compile_desired, project, as_of, output, frozen=frozen, offline=offline)
        )
    if isinstance(desired, Exit):
        return desired
    if replaced:
        _check_replaced(replaced, desired, saved)
    review = desired.review_digest()
    if expect is not None and expect != review:
        raise StalePlanError(
            "the hub is not the one that was reviewed",
            detail=f"expected {expect}\nfound    {review}",
            resolution="see with `mcphub plan` what it comes to now, and have that approved",
        )
    layout = layout_of(project)
    layout.prepare()
    with quiet(output), hold(layout.writer_lock, "mcphub apply", wait=0.5):
        with memory.machine.listen():
            site = prepare_for(desired, project, offline=offline)
        if plan is not None:
            return carry_out(confirm_saved(plan, site), site)
        with memory.machine.listen():
            plan = make_plan(desired, site, Options(replace=frozenset(replaced)))
        if not plan.is_empty and not auto_approve:
            _ask()
        code = carry_out(plan, site)
        if code == Exit.OK and output == "human" and not frozen and not offline:
            memory.keep(plan)
        return code


def _desired(plan: Plan | None, project: Project, compile_: Callable[[], Desired | Exit]) -> Desired | Exit:
    """Return what is to be reached, or the exit code when that has errors or is denied; `compile_` asks the hub.

    A hub with policies is held against them when a saved plan is carried out, too: a waiver may have expired since.
    """
    hub = project.validate().hub if plan is not None else None
    if plan is not None and (hub is None or not hub.has_policies):
        return plan.desired
    desired = compile_()
    if plan is None or isinstance(desired, Exit):
        return desired
    if plan.desired.review_digest() != desired.review_digest():
        raise StalePlanError(
            "the plan is not what the hub comes to, so its policies say nothing of it",
            detail=f"plan  {plan.desired.review_digest()}\nhub   {desired.review_digest()}",
            resolution="make a new plan with `mcphub plan -o`, and review it",
        )
    return plan.desired


def _whole(digest: str | None) -> str | None:
    # Some of a digest's digits are found by trial: whoever may write the hub could make one that begins like it.
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise click.BadParameter(f"{digest} is no digest; one is sha256: and 64 hexadecimal digits")
    return digest


def _check_replaced(names: tuple[str, ...], desired: Desired, saved: Path | None) -> None:
    if saved is not None:
        raise click.UsageError("A saved plan is carried out as it is: --replace goes with none.")
    known = desired.container_names()
    for name in names:
        if name not in known:
            raise click.BadParameter(
                f"{name} runs in no container. {suggest(name, known)}".strip(), param_hint="--replace"
            )


def _read(path: Path, project: Project) -> Plan:
    data = read_file(path, limit=MAX_BYTES)
    if data is None:
        raise RuntimeFailure("the plan cannot be read", detail=f"No such file: {path}")
    plan = read_plan(data)
    if isinstance(plan, Unusable):
        raise StalePlanError(
            "the plan cannot be used",
            detail=f"{path}: {plan.reason}",
            resolution="make a new one with `mcphub plan -o`",
        )
    hub = project.validate().hub
    if hub is None or hub.name != plan.desired.hub:
        here = hub.name if hub is not None else "a document that cannot be read"
        raise StalePlanError("the plan belongs to another hub", detail=f"it is for {plan.desired.hub}, this is {here}")
    return plan


def _ask() -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise RuntimeFailure(
            "nobody is there to approve the plan",
            resolution="run `mcphub apply --auto-approve`, or apply a plan that was saved by `mcphub plan -o`",
        )
    click.confirm("Apply this?", abort=True)
