"""What `apply` and `up` have in common: a plan is made, shown and carried out under the writer lock."""

import asyncio

import click

from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.plan.plan import Plan
from mcphub_gitops.compiler.plan.reconcile import Options, find_moved, reconcile
from mcphub_gitops.compiler.plan.text import render_plan
from mcphub_gitops.runtime.apply.apply import Report, apply_plan
from mcphub_gitops.runtime.apply.lease import holder_of
from mcphub_gitops.runtime.apply.observation import observe
from mcphub_gitops.runtime.apply.question import sweep
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.cli.exits import Exit, describe
from mcphub_gitops.runtime.cli.output import count, show_diagnostics
from mcphub_gitops.runtime.cli.progress import LineReporter
from mcphub_gitops.runtime.failure import StalePlanError
from mcphub_gitops.runtime.project import Project


def compile_desired(project: Project) -> Desired | None:
    """Return what the hub and its lock amount to, None when either has errors; shows what is wrong with them."""
    compiled = project.compile(locked=True)
    show_diagnostics(compiled.diagnostics, compiled.sources)
    return None if has_errors(compiled.diagnostics) else compiled.desired


def make_plan(desired: Desired, site: Site) -> Plan:
    """Return the plan from what is there to `desired`, and show it."""
    plan = reconcile(desired, observe(desired, site), Options())
    click.echo(render_plan(plan), nl=False)
    return plan


def refuse_moved(plan: Plan, site: Site) -> None:
    """Raise StalePlanError when an object that `plan` touches is not what it was when the plan was made."""
    moved = find_moved(plan, observe(plan.desired, site))
    if moved:
        raise StalePlanError(
            "the plan is stale: what it was made from has moved",
            detail="\n".join(f"{address} is not what it was" for address in moved),
            resolution="make a new plan with `mcphub plan`, and review it",
        )


def carry_out(plan: Plan, site: Site) -> int:
    """Carry out `plan` and tell how it went; the caller holds the writer lock."""
    if plan.is_empty:
        return Exit.OK
    sweep(site)
    report = asyncio.run(apply_plan(plan, site, LineReporter()))
    for _, failure in report.failures:
        click.echo(describe(failure), err=True)
    if report.failures:
        return _tell_failure(report, site)
    tools = sum(len(server.tools) for server in plan.desired.servers)
    click.echo(f"Applied: {count(len(plan.desired.servers), 'server')} with {count(tools, 'tool')}.")
    if holder_of(site.layout.gateway_lock) is not None:
        click.echo("The running gateway takes the new generation over by itself.")
    return Exit.OK


def _tell_failure(report: Report, site: Site) -> int:
    if report.switched:
        click.echo("The new generation is served; cleaning up failed. Run `mcphub apply` again.", err=True)
        return Exit.PARTLY_APPLIED
    served = "What was applied before is still served." if site.layout.current.is_symlink() else "Nothing is served."
    click.echo(f"Not applied. {served} What was begun stands in {site.layout.journal}.", err=True)
    return Exit.ERROR
