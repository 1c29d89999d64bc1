"""`mcphub status`: how the servers of the applied generation fare."""

from collections.abc import Iterator
from typing import Any

import click

from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.plan.file import digests_of
from mcphub_gitops.compiler.plan.text import render_digests
from mcphub_gitops.compiler.resolve.profile import WHOLE
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.lease import holder_of
from mcphub_gitops.runtime.apply.state import read_applied
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.applied import as_applied
from mcphub_gitops.runtime.cli.asking import ask_gateway
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import layered_project_option, output_option
from mcphub_gitops.runtime.cli.output import show_json, table
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project

_COLUMNS = ("SERVER", "RUNS AS", "STATE", "UP FOR", "RESTARTS", "TOOLS", "NOTE")
_PROFILE_COLUMNS = ("PROFILE", "PATH", "SERVERS", "TOOLS")
_TOKEN_COLUMNS = ("TOKEN", "GROUPS", "OPENS")
_BY_NAME = "its tools are held to their names alone"
_SILENT = "A gateway serves one client over standard input and output, and can be asked by nobody else."
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@click.command(epilog="\b\nExamples:\n  mcphub status\n  mcphub status --output json")
@layered_project_option
@output_option
def status(project: Project, output: str) -> int:
    """Show each server that is applied: whether it is up, for how long, its restarts, and the tools it serves.

    Profiles are shown with their paths, and tokens with the paths that they open. The running gateway is asked; where
    none runs, the engine is asked for the containers. What is applied says which environment it is; with --env, another
    one is an error. Exit code 0 when every server is up, 2 when one is not, 1 on errors, as when nothing is applied.
    """
    layout = Layout(folder=project.runtime_folder)
    applied = read_applied(layout)
    if applied is None:
        raise RuntimeFailure("nothing is applied", resolution="run `mcphub apply`, or `mcphub up`")
    project = as_applied(project, applied)
    answer = ask_gateway(layout, "/status")
    runs = answer is not None or holder_of(layout.gateway_lock) is not None
    desired = applied.plan.desired
    rows = list(answer["servers"]) if answer is not None else list(_without_answer(desired, project, runs=runs))
    if output == "json":
        head = {
            "format": "mcphub.status/v1",
            **digests_of(applied.plan),
            "environment": desired.environment,
            "gateway": runs,
        }
        show_json({**head, "servers": rows, "profiles": list(_profiles(desired)), "tokens": list(_tokens(desired))})
    else:
        if answer is None:
            click.echo(f"{_SILENT if runs else 'No gateway is running.'}\n")
        _show_tables(desired, rows)
        click.echo(f"\n{render_digests(applied.plan)}", nl=False)
    return Exit.OK if all(row["state"] == "up" for row in rows) else Exit.CHANGES


def _show_tables(desired: Desired, rows: list[dict[str, Any]]) -> None:
    click.echo(table([_COLUMNS, *map(_row, rows)]))
    if desired.profiles:
        click.echo(f"\n{table([_PROFILE_COLUMNS, *map(_profile_row, _profiles(desired))])}")
    if desired.admission.tokens:
        click.echo(f"\n{table([_TOKEN_COLUMNS, *map(_token_row, _tokens(desired))])}")


def _without_answer(desired: Desired, project: Project, *, runs: bool) -> Iterator[dict[str, Any]]:
    """Yield what can be said of each server where no gateway tells; with `runs`, one has it and does not say."""
    names = desired.container_names()
    seen = (
        {each.name: each for each in lazy.load("composition").look(project, desired).containers.values()}
        if names
        else {}
    )
    for server in desired.servers:
        found = seen.get(names.get(server.name, ""))
        state, reason = ("unknown", "") if runs else ("down", "no gateway runs it")
        if server.container is not None:
            state = "up" if found is not None and found.is_intact else "down"
            reason = "" if state == "up" else f"its container {found.trouble if found is not None else 'is gone'}"
        yield {
            "name": server.name,
            "kind": _kind(server),
            "state": state,
            "reason": reason,
            "tools": len(server.tools),
            "by_name": bool(server.by_name),
        }


def _profiles(desired: Desired) -> Iterator[dict[str, Any]]:
    for profile in desired.profiles:
        count = sum(map(len, profile.tools.values()))
        facts = {"name": profile.name, "path": profile.path, "groups": list(profile.groups)}
        yield {**facts, "servers": list(profile.tools), "tools": count}


def _profile_row(found: dict[str, Any]) -> tuple[str, ...]:
    return found["name"], found["path"], ", ".join(found["servers"]), str(found["tools"])


def _tokens(desired: Desired) -> Iterator[dict[str, Any]]:
    """Yield each token with the paths that it opens."""
    paths = [(WHOLE, desired.admission.groups), *((each.path, each.groups) for each in desired.profiles)]
    for token in desired.admission.tokens:
        opened = [path for path, groups in paths if not set(groups).isdisjoint(token.groups)]
        yield {"name": token.name, "groups": list(token.groups), "paths": opened}


def _token_row(found: dict[str, Any]) -> tuple[str, ...]:
    return found["name"], ", ".join(found["groups"]), ", ".join(found["paths"])


def _kind(server: DesiredServer) -> str:
    if server.calls is not None:
        return "tools"
    return "container" if server.container is not None else "process" if server.is_process else "remote"


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    refused = found.get("quarantined") or {}
    notes = [f"{tool} is quarantined: {why}" for tool, why in refused.items()]
    if found["state"] != "up" and found["reason"]:
        notes.insert(0, found["reason"].partition("\n")[0])
    if found.get("by_name"):
        notes.append(_BY_NAME)
    seconds = found.get("seconds")
    return (
        found["name"],
        found["kind"],
        found["state"],
        _span(seconds) if seconds and found["state"] == "up" else "",
        str(max(found["starts"] - 1, 0)) if "starts" in found else "",
        str(found["tools"]),
        "; ".join(notes),
    )


def _span(seconds: float) -> str:
    """Return a stretch of time in its two largest units."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR}h"
