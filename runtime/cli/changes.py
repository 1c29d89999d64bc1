"""The edits of the hub document that commands make, each as what it means: loaded when one is made."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from mcphub_gitops.compiler.read.change import Append, Change, Remove, RemoveItem, SetValue
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.runtime.cli.editing import edit_hub, servers_of
from mcphub_gitops.runtime.cli.naming import require_server
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.project import Project

_SERVERS = "servers"
_LISTS = ("allow", "deny")


def add_server(project: Project, name: str, entry: dict[str, Any], *, dry_run: bool, force: bool) -> int:
    """Add the server `name`, which must be new; the exit code."""

    def make(document: dict[str, Any]) -> Sequence[Change]:
        if name in (document.get(_SERVERS) or {}):
            raise RuntimeFailure(
                f"the hub has a server `{name}` already",
                resolution=f"take another name, or `mcphub server rm {name}` first",
            )
        return [SetValue(path=(_SERVERS, name), value=entry)]

    return edit_hub(project, make, dry_run=dry_run, force=force)


def remove_server(project: Project, name: str, *, dry_run: bool, force: bool) -> int:
    """Remove the server `name`; the exit code."""
    return _of_server(project, name, lambda _: [Remove(path=(_SERVERS, name), keep=1)], dry_run=dry_run, force=force)


def enable_server(project: Project, name: str, *, dry_run: bool, force: bool) -> int:
    """Make the server `name` part of the hub; the exit code."""
    path = (_SERVERS, name, "enabled")
    changes = [Remove(path=path, keep=2)]
    return _of_server(
        project, name, lambda server: changes if server.get("enabled") is False else [], dry_run=dry_run, force=force
    )


def disable_server(project: Project, name: str, *, dry_run: bool, force: bool) -> int:
    """Keep the server `name` out of the hub; the exit code."""
    changes = [SetValue(path=(_SERVERS, name, "enabled"), value=False)]
    return _of_server(project, name, lambda _: changes, dry_run=dry_run, force=force)


def allow_tools(project: Project, name: str, globs: tuple[str, ...], *, dry_run: bool, force: bool) -> int:
    """Add `globs` to what is served of the server `name`; the exit code."""

    def make(server: dict[str, Any]) -> Sequence[Change]:
        denied = [glob for glob in globs if glob in _globs(server, "deny")]
        if denied:
            raise RuntimeFailure(
                f"`{denied[0]}` stands in `deny`, which wins over `allow`",
                resolution=f"`mcphub tool rm {name} '{denied[0]}'` first",
            )
        if not _globs(server, "allow"):
            click.echo(
                f"note: `{name}` had no `allow`: of its tools, only what is named there is served now.", err=True
            )
        return _append(name, "allow", server, globs)

    return _of_server(project, name, make, dry_run=dry_run, force=force)


def deny_tools(project: Project, name: str, globs: tuple[str, ...], *, dry_run: bool, force: bool) -> int:
    """Add `globs` to what is not served of the server `name`; the exit code."""
    return _of_server(project, name, lambda server: _append(name, "deny", server, globs), dry_run=dry_run, force=force)


def remove_tools(project: Project, name: str, globs: tuple[str, ...], *, dry_run: bool, force: bool) -> int:
    """Take `globs` out of both lists of the server `name`; the exit code."""

    def make(server: dict[str, Any]) -> Sequence[Change]:
        lists = {key: _globs(server, key) for key in _LISTS}
        for glob in globs:
            if not any(glob in found for found in lists.values()):
                help_ = suggest(glob, {each for found in lists.values() for each in found})
                detail = f"Neither `allow` nor `deny` of `{name}` has it as it is written."
                raise RuntimeFailure(f"`{glob}` is no filter of `{name}`", detail=detail, resolution=help_)
        if lists["allow"] and set(lists["allow"]) <= set(globs):
            click.echo(
                f"note: nothing is left in `allow` of `{name}`: all is served that `deny` does not name.", err=True
            )
        return [
            RemoveItem(path=(_SERVERS, name, "tools", key), value=glob, keep=2)
            for key, found in lists.items()
            for glob in found
            if glob in globs
        ]

    return _of_server(project, name, make, dry_run=dry_run, force=force)


def set_value(project: Project, path: tuple[str, ...], value: object, *, dry_run: bool, force: bool) -> int:
    """Write `value` under `path`; the exit code."""

    def make(document: dict[str, Any]) -> Sequence[Change]:
        if path[0] == _SERVERS and len(path) > 1:
            require_server(path[1], servers_of(document))
        return [SetValue(path=path, value=value)]

    return edit_hub(project, make, dry_run=dry_run, force=force)


def _of_server(
    project: Project,
    name: str,
    make: Callable[[dict[str, Any]], Sequence[Change]],
    *,
    dry_run: bool,
    force: bool,
) -> int:
    def make_checked(document: dict[str, Any]) -> Sequence[Change]:
        servers = servers_of(document)
        require_server(name, servers)
        return make(servers[name])

    return edit_hub(project, make_checked, dry_run=dry_run, force=force)


def _globs(server: dict[str, Any], key: str) -> list[Any]:
    tools = server.get("tools")
    found = tools.get(key) if isinstance(tools, dict) else None
    return found if isinstance(found, list) else []


def _append(name: str, key: str, server: dict[str, Any], globs: Iterable[str]) -> Sequence[Change]:
    known = _globs(server, key)
    new = tuple(glob for glob in dict.fromkeys(globs) if glob not in known)
    return [Append(path=(_SERVERS, name, "tools", key), values=new)] if new else []
