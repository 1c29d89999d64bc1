"""What people write on the command line for places and values of the hub document."""

import re
from collections.abc import Collection, Iterable
from typing import Any

import click

from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.read.syntax import core_scalar, parse, plain
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.schemas import load_schema

_STEP = re.compile(r'"(?P<quoted>[^"]*)"|(?P<bare>[^."]+)')


def read_path(address: str) -> tuple[str, ...]:
    """Return the keys of a dotted path; one with dots in it stands in quotes. Raises UsageError."""
    steps: list[str] = []
    at = 0
    while match := _STEP.match(address, at):
        steps.append(match["quoted"] if match["quoted"] is not None else match["bare"])
        at = match.end() + 1
        if match.end() == len(address):
            return tuple(steps)
        if address[match.end()] != ".":
            break
    raise click.UsageError(f"{address!r} is no path: write keys with dots between them, quoted where they have dots.")


def refuse_unknown(names: Iterable[str], known: Collection[str]) -> None:
    """Raise UsageError for the first of `names` that is none of the `known` servers and catalogs."""
    for name in names:
        if name not in known:
            help_ = suggest(name, known)
            raise click.UsageError(f"No server or catalog in use is called {printable(name)}. {help_}".strip())


def read_address(address: str) -> tuple[str, ...]:
    """Return the keys from the document's root that SERVER.PATH (a setting) or a whole path stands for."""
    path = read_path(address)
    if path[0] in load_schema("hub.v1")["properties"]:
        return path
    if len(path) == 1:
        raise click.UsageError(f"{address!r} is no setting: write SERVER.PATH, or the whole path.")
    return ("servers", path[0], "config", *path[1:])


def read_value(text: str) -> Any:  # noqa: ANN401  (any JSON value)
    """Return the value of `text` as YAML types it; what begins with a bracket or a quote is YAML. Raises UsageError."""
    if not text.startswith(("[", "{", '"', "'")):
        return core_scalar(text)
    parsed = parse("value", text.encode())
    if parsed.root is None or parsed.diagnostics:
        problem = parsed.diagnostics[0]
        raise click.UsageError(f"the value is not YAML: {problem.detail or problem.code.summary}")
    return plain(parsed.root)


def read_pairs(option: str, pairs: Iterable[str]) -> dict[str, str]:
    """Return NAME=VALUE options as a mapping; raises UsageError, which shows no value."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{option} takes NAME=VALUE.")
        if name in found:
            raise click.UsageError(f"{option} is given twice for {name!r}.")
        found[name] = value
    return found


def require_server(name: str, servers: Iterable[str]) -> None:
    """Raise RuntimeFailure unless the hub has the server `name`."""
    known = list(servers)
    if name not in known:
        help_ = suggest(name, known)
        raise RuntimeFailure(f"the hub has no server `{name}`", resolution=help_ or "`mcphub server add` adds one")
