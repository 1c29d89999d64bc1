"""`mcphub why`: why a server or a tool is as it is. Reads files alone, and needs neither network nor engine."""

from dataclasses import replace
from typing import Any

import click

from mcphub_gitops.compiler.account.server import account_of_server
from mcphub_gitops.compiler.account.statement import Asked, Statement
from mcphub_gitops.compiler.account.text import render_account
from mcphub_gitops.compiler.account.tool import account_of_tool, exposed_names, find_exposed, find_tool, names_of
from mcphub_gitops.compiler.compilation import NO_LOCK
from mcphub_gitops.compiler.lock.definitions import read_definitions
from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.resolve.model import Server
from mcphub_gitops.compiler.resolve.nodes import entries
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.state import read_applied
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import as_of_option, layered_project_option, output_option
from mcphub_gitops.runtime.cli.output import show_diagnostics, show_json
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project


@click.command(
    epilog="\b\nExamples:\n  mcphub why github\n  mcphub why github.create_issue\n"
    "  mcphub why gh_create_issue --env prod --output json"
)
@click.argument("name", metavar="SERVER[.TOOL]")
@layered_project_option
@output_option
@as_of_option
def why(name: str, project: Project, output: str, as_of: str) -> int:
    """Say why a server or a tool is as it is, and which file and line makes it so.

    Of a server: where it is declared and comes from, what it is and may do, its secrets, owner, what policies say of
    it, and whether it is locked and applied. Of a tool: who offers it, which filter allows or denies it, the name that
    clients see and why, and why it is not served where it is not. TOOL is the server's own name for it, or the one
    that clients see, which may also stand alone. Nobody is asked: files tell. Exit code 0; 1 when there is no such
    server or tool, or the hub cannot be read.
    """
    asked = _asked(project, as_of)
    if asked is None:
        return Exit.ERROR
    server, tool = _find(asked, name)
    if tool is None:
        statements = account_of_server(asked, server)
    else:
        statements = account_of_tool(_with_definitions(asked, project, server), server, tool)
    subject = server.name if tool is None else f"{server.name}.{tool}"
    if output == "json":
        found = [_document(each) for each in statements]
        show_json({"format": "mcphub.why/v1", "server": server.name, "tool": tool, "statements": found})
    else:
        click.echo(render_account(subject, asked.hub.name, statements), nl=False)
    return Exit.OK


def _asked(project: Project, as_of: str) -> Asked | None:
    """Return the hub as it can be asked about, None where it cannot be understood, which is told."""
    document, compiled, lock_file = project.open(), project.compile(locked=False, as_of=as_of), project.open_lock()
    if document.root is None or compiled.hub is None:
        show_diagnostics(compiled.diagnostics, compiled.sources)
        return None
    applied, trouble = _applied(project, compiled.hub.name)
    return Asked(
        root=document.root,
        layers=document.layers or (document.root,),
        hub=compiled.hub,
        lock=lock_file.lock or NO_LOCK,
        lock_name=project.lock_file,
        stale=compiled.stale,
        bound=compiled.bound,
        applied=applied,
        trouble=trouble,
        verdicts=lazy.load("verdicts").verdicts_of(compiled) if compiled.hub.has_policies else (),
        diagnostics=compiled.diagnostics,
    )


def _applied(project: Project, hub: str) -> tuple[Desired | None, str]:
    """Return what is applied, and why that cannot be told."""
    try:
        found = read_applied(Layout(folder=project.runtime_folder))
    except RuntimeFailure as failure:
        return None, failure.brief
    if found is None:
        return None, ""
    desired = found.plan.desired
    return (desired, "") if desired.hub == hub else (None, f"the hub {desired.hub} is applied in this folder")


def _find(asked: Asked, name: str) -> tuple[Server, str | None]:
    """Return the server that `name` means, and the tool's own name if it means one; raises RuntimeFailure."""
    word, dot, tool = name.partition(".")
    server = asked.server(word)
    if server is not None and not dot:
        return server, None
    if server is not None:
        own = find_tool(asked, server, tool)
        if own is None:
            known = names_of(asked, server)
            help_ = suggest(tool, known) or "its tools are known when it is locked: run `mcphub lock`"
            raise RuntimeFailure(f"the server {word} has no tool {printable(tool)} that is known", resolution=help_)
        return server, own
    found = find_exposed(asked, name)
    if found is None:
        raise _unknown(asked, name, word)
    return found


def _unknown(asked: Asked, name: str, word: str) -> RuntimeFailure:
    declared = {entry.key for entry in entries(asked.root, "servers")}
    if word in declared:
        return RuntimeFailure(
            f"the server {word} has mistakes, and is not understood", resolution="`mcphub validate` shows them"
        )
    known = {each.name for each in asked.hub.servers}
    help_ = suggest(word, known | (set(exposed_names(asked)) if word == name else set()))
    kind = "server or tool" if word == name else "server"
    return RuntimeFailure(f"no {kind} is called {printable(word)}", resolution=help_)


def _with_definitions(asked: Asked, project: Project, server: Server) -> Asked:
    locked = asked.locked(server.name)
    if locked is None:
        return asked
    definitions, _ = read_definitions(*project.definitions(server.name), locked.tools)
    return replace(asked, definitions=definitions)


def _document(statement: Statement) -> dict[str, Any]:
    span = statement.span
    place = {"file": span.source, "line": span.line, "column": span.column} if span is not None else None
    return {"topic": statement.topic, "name": statement.name, "text": statement.text, "place": place}
