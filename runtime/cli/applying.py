"""What `apply` and `up` have in common: a plan is made, shown and carried out under the writer lock."""

import asyncio
from collections.abc import Iterable

import click

from mcphub_gitops.compiler.enumeration import count
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.plan.plan import Plan
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.compiler.plan.staleness import find_moved, find_unlike, find_unmended
from mcphub_gitops.compiler.plan.text import render_digests, render_plan
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.apply.inspection import observe
from mcphub_gitops.runtime.apply.presence import find_gateway
from mcphub_gitops.runtime.apply.report import Report
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.apply.state import read_applied, refuse_other_hub
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.composition import prepare
from mcphub_gitops.runtime.cli.exits import Exit, describe, exit_of
from mcphub_gitops.runtime.cli.options import fetching
from mcphub_gitops.runtime.cli.output import show_compiled
from mcphub_gitops.runtime.cli.progress import reporting
from mcphub_gitops.runtime.failure import StalePlanError
from mcphub_gitops.runtime.garbage import unsearched
from mcphub_gitops.runtime.project import Project
from mcphub_gitops.runtime.witness import doubt


def compile_desired(
    project: Project, as_of: str, output: str = "human", *, frozen: bool = False, offline: bool = False
) -> Desired | Exit:
    """Return what the hub and its lock amount to, or the exit code when either has errors or policies deny it.

    Shows what is wrong with them. `as_of` is the day on which policies are checked. With `frozen` the lock need not
    fit, with `offline` no catalog is fetched.
    """
    compiled = (project if offline else fetching(project)).compile(locked=True, as_of=as_of, frozen=frozen)
    show_compiled(compiled, output, project.root)
    if compiled.diagnostics:
        doubt("more is said than what the plan says")
    return compiled.desired if compiled.desired is not None else exit_of(compiled.diagnostics) or Exit.ERROR


def prepare_for(desired: Desired, project: Project, *, offline: bool = False) -> Site:
    """Return the machine as seen from `project`; raises RuntimeFailure when another hub than `desired` is applied."""
    site = prepare(project, offline=offline)
    refuse_other_hub(desired, read_applied(site.layout))
    return site


def make_plan(desired: Desired, site: Site, options: Options | None = None) -> Plan:
    """Return the plan from what is there to `desired`, and show it."""
    plan = find_plan(desired, site, options)
    click.echo(render_plan(plan), nl=False)
    return plan


def find_plan(desired: Desired, site: Site, options: Options | None = None) -> Plan:
    """Return the plan from what is there to `desired`."""
    observed = asyncio.run(observe(desired, site))
    with unsearched():
        return reconcile(desired, observed, options or Options())


def confirm_saved(plan: Plan, site: Site) -> Plan:
    """Return a saved plan that still holds, and show it.

    Raises StalePlanError when an object that it touches has moved, when it is not what mcphub makes of its own desired
    state (a plan is a file, and can be edited), or when this machine holds servers in less than was reviewed. What was
    changed elsewhere since is told, and left to another plan.
    """
    observed = asyncio.run(observe(plan.desired, site))
    moved = find_moved(plan, observed)
    if moved:
        raise _stale(plan, "what it was made from has moved", map(str, moved))
    found = reconcile(plan.desired, observed, Options())
    unlike = find_unlike(plan, found)
    if unlike:
        detail = (f"{address} is to be treated otherwise now" for address in unlike)
        raise _stale(plan, "its operations are not those that its own hub needs", detail)
    click.echo(render_plan(plan), nl=False)
    lost = [
        f"server.{name}: {measure}"
        for name, isolation in plan.isolation.items()
        for measure in isolation.measures
        if name not in found.isolation or measure not in found.isolation[name].measures
    ]
    if lost:
        raise _stale(plan, "this machine holds servers in less than the plan says", lost)
    for words in find_unmended(plan, found):
        click.echo(f"warning: {printable(words)}; this plan leaves it, and `mcphub plan` shows what mends it", err=True)
    return plan


def _stale(plan: Plan, why: str, details: Iterable[str]) -> StalePlanError:
    environment = f" --env {plan.desired.environment}" if plan.desired.environment else ""
    return StalePlanError(
        f"the plan is stale: {why}",
        detail="\n".join(details),
        resolution=f"make a new plan with `mcphub plan{environment} -o plan.json`, and review it",
    )


def carry_out(plan: Plan, site: Site) -> int:
    """Carry out `plan` and tell how it went; the caller holds the writer lock."""
    if plan.is_empty:
        return Exit.OK
    with reporting() as reporter:
        report: Report = lazy.load("executing").execute(plan, site, reporter)
    for name, failure in report.missing:
        click.echo(f"warning: server {name} does not answer; it is optional, and done without for now", err=True)
        click.echo(describe(failure), err=True)
    for _, failure in report.failures:
        click.echo(describe(failure), err=True)
    if report.failures:
        return _tell_failure(report, site)
    tools = sum(len(server.tools) for server in plan.desired.servers)
    click.echo(f"Applied: {count(len(plan.desired.servers), 'server')} with {count(tools, 'tool')}.")
    click.echo(render_digests(plan), nl=False)
    gateway = find_gateway(site.layout)
    if gateway is not None and gateway.listen and gateway.listen != plan.desired.listen:
        click.echo(f"The running gateway still listens on {gateway.listen}: run `mcphub down` and `mcphub up`.")
    elif gateway is not None:
        click.echo("The running gateway serves it." if gateway.url else "The gateway of one client serves it.")
    return Exit.OK


def _tell_failure(report: Report, site: Site) -> int:
    if report.switched:
        click.echo("The new generation is current, but what comes after failed. Run `mcphub apply` again.", err=True)
        return Exit.PARTLY_APPLIED
    served = "What was applied before is still served." if site.layout.current.is_symlink() else "Nothing is served."
    click.echo(f"Not applied. {served} What was begun stands in {site.layout.journal}.", err=True)
    return Exit.ERROR
