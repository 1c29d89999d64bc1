"""`mcphub up`: from the hub document to a served gateway in one command."""

import click

from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.lease import hold, holder_of
from mcphub_gitops.runtime.apply.presence import find_gateway
from mcphub_gitops.runtime.apply.state import read_applied, refuse_other_hub
from mcphub_gitops.runtime.cli.applying import carry_out, compile_desired, make_plan
from mcphub_gitops.runtime.cli.composition import compose, layout_of
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import as_of_option, frozen_options, layered_project_option, offline_option
from mcphub_gitops.runtime.cli.serving import serve_in_background, serve_project
from mcphub_gitops.runtime.failure import LockHeldError
from mcphub_gitops.runtime.project import Project


@click.command(epilog="\b\nExamples:\n  mcphub up\n  mcphub up --detach")
@layered_project_option
@click.option("--detach", "-d", is_flag=True, help="Leave the gateway running in the background.")
@offline_option("apply as `mcphub apply --offline` does")
@frozen_options
@as_of_option
def up(project: Project, *, detach: bool, as_of: str, offline: bool, frozen: bool) -> int:
    """Validate the hub, check its lock, plan, apply without asking, and serve the gateway.

    A gateway that runs already takes the new generation over. Exit codes as of `mcphub apply`.
    """
    desired = compile_desired(project, as_of, frozen=frozen, offline=offline)
    if isinstance(desired, Exit):
        return desired
    layout = layout_of(project)
    layout.prepare()
    with hold(layout.writer_lock, "mcphub up", wait=0.5):
        site = compose(project, realm=layout.lineage(), offline=offline)
        refuse_other_hub(desired, read_applied(layout))
        code = carry_out(make_plan(desired, site), site)
    if code != Exit.OK:
        return code
    if holder_of(layout.gateway_lock) is not None:
        return _tell_running(layout)
    return serve_in_background(project) if detach else serve_project(project)


def _tell_running(layout: Layout) -> int:
    """Return whether the gateway that runs already can be connected to; raises LockHeldError when it cannot."""
    found = find_gateway(layout)
    if found is not None and not found.url:
        raise LockHeldError(
            "a gateway serves this hub to one client alone, over standard input and output",
            detail="what is applied is served there; nothing listens",
            resolution="end that client, and run `mcphub up` again",
        )
    return Exit.OK
