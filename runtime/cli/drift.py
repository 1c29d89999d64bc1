"""`mcphub drift`: how the world differs from what was applied."""

import asyncio

import click

from mcphub_gitops.compiler.compilation import Compiled
from mcphub_gitops.compiler.enumeration import count
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.plan.file import digests_of
from mcphub_gitops.compiler.plan.text import render_digests
from mcphub_gitops.runtime.apply.drift import Drift, find_drift, find_tag_drift, find_tool_drift, within_reach
from mcphub_gitops.runtime.apply.inspection import observe
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.lease import hold
from mcphub_gitops.runtime.apply.presence import find_gateway
from mcphub_gitops.runtime.apply.question import sweep
from mcphub_gitops.runtime.apply.state import Applied, read_applied
from mcphub_gitops.runtime.cli.applied import as_applied
from mcphub_gitops.runtime.cli.composition import compose, layout_of
from mcphub_gitops.runtime.cli.exits import Exit, exit_of
from mcphub_gitops.runtime.cli.options import fetching, layered_project_option, offline_option, output_option, today
from mcphub_gitops.runtime.cli.output import show_json
from mcphub_gitops.runtime.cli.progress import reporting
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project

_REMEDIES = {
    "hub": "bring the hub back to what was applied, or review `mcphub plan` and apply it",
    "generation": "`mcphub apply` writes it again",
    "container": "`mcphub apply` makes it again as it was applied",
    "image": "nothing runs otherwise for it; take the new image with `mcphub update SERVER`",
    "environment": "`mcphub apply` installs it again from the lock",
    "gateway": "restart the gateway: `mcphub down`, then `mcphub up`",
    "file": "restore the file, or run `mcphub lock` and review what changed",
    "tools": "find out why; `mcphub lock` accepts the new definitions after a review",
}


@click.command(epilog="\b\nExamples:\n  mcphub drift\n  mcphub drift --output json\n  mcphub drift --offline")
@layered_project_option
@output_option
@offline_option("no registry is asked where tags lead, and no server that others run or whose secrets a store has")
def drift(project: Project, output: str, *, offline: bool) -> int:
    """Compare the hub, the installed files and the servers' live tools with what was applied.

    Every installed file is compared with its hash, and every server is started once and asked for its tools. What is
    applied says which environment the hub is compared in; with --env, another one is an error. Exit code 0 when nothing
    has moved, 2 when something has, 1 on errors, such as when nothing is applied.
    """
    layout = layout_of(project)
    applied = read_applied(layout)
    if applied is None:
        raise RuntimeFailure("nothing is applied, so nothing can have drifted", resolution="run `mcphub apply`")
    project = as_applied(project, applied)
    desired = applied.plan.desired
    asked = within_reach(desired) if offline else desired
    found = _find(project, layout, applied, asked, offline=offline)
    by_name = [server.name for server in asked.servers if server.by_name]
    unasked = sorted({server.name for server in desired.servers} - {server.name for server in asked.servers})
    if output == "json":
        entries = [{"kind": each.kind.value, "address": each.address, "detail": each.detail} for each in found]
        head = {"format": "mcphub.drift/v1", **digests_of(applied.plan), "environment": desired.environment}
        show_json({**head, "drift": entries, "byName": by_name, "offline": offline, "unasked": unasked})
    else:
        _show(found)
        if by_name:
            click.echo(f"Of {', '.join(by_name)} only the names of tools were compared: the lock has no more of them.")
        if offline:
            click.echo(f"Without a network, nobody asked where tags lead{_and_whom(unasked)}")
        click.echo(render_digests(applied.plan), nl=False)
    return Exit.CHANGES if found else Exit.OK


def _find(project: Project, layout: Layout, applied: Applied, asked: Desired, *, offline: bool) -> tuple[Drift, ...]:
    """Return what differs from what is `applied`; of its servers those of `asked` are asked for their tools."""
    # What is denied today was allowed when it was applied, and is compared all the same.
    compiled = (project if offline else fetching(project)).compile(locked=True, as_of=today())
    current = compiled.desired or (compiled.bound if exit_of(compiled.diagnostics) is Exit.POLICY_DENIED else None)
    desired = applied.plan.desired
    with hold(layout.writer_lock, "mcphub drift", wait=0.5):
        site = compose(project, realm=layout.lineage(), offline=offline)
        sweep(site)
        observed = asyncio.run(observe(desired, site))
        found = find_drift(applied, observed, current, find_gateway(layout))
        with reporting() as reporter:
            found += () if offline else asyncio.run(find_tag_drift(desired, site, reporter))
            found += asyncio.run(find_tool_drift(asked, observed, site, reporter, _eras(project, desired, compiled)))
    return found


def _and_whom(unasked: list[str]) -> str:
    return f", nor these servers for their tools: {', '.join(unasked)}." if unasked else "."


def _eras(project: Project, applied: Desired, compiled: Compiled) -> dict[str, str]:
    """Return the protocol eras of the lock, where that is the one that was applied: a plan does not have them."""
    lock = project.open_lock().lock
    if lock is None or compiled.desired is None or compiled.desired.review_digest() != applied.review_digest():
        return {}
    return {name: server.era for name, server in lock.servers.items()}


def _show(found: tuple[Drift, ...]) -> None:
    if not found:
        click.echo("No drift. The world is what was applied.")
        return
    for each in found:
        place = each.address if each.address == each.kind.value else f"{each.kind.value}: {each.address}"
        click.echo(f"{place}: {each.detail}")
    click.echo(f"\nDrift: {count(len(found), 'difference')}.")
    for kind in dict.fromkeys(each.kind.value for each in found):
        click.echo(f"  {kind}: {_REMEDIES[kind]}")
