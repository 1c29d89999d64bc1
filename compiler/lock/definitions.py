"""The readable tool definitions beside the lock: one file a server, held against the lock's fingerprints."""

import json
from collections.abc import Mapping
from typing import Any

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.canonical import decode, fingerprint
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.file import find_conflict
from mcphub_gitops.compiler.source import Source, is_seen

Definitions = Mapping[str, Mapping[str, Any]]
"""The definitions of one server by tool name."""

_SHOWN = 3


def write_definitions(definitions: Definitions) -> bytes:
    """Return the readable text of one server's tool definitions: JSON, sorted, indented.

    What a reviewer would not see, such as a change of the writing direction, is written as an escape.
    """
    text = json.dumps(definitions, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    lines = (line if line.isascii() and line.isprintable() else _shown(line) for line in text.split("\n"))
    return "\n".join(lines).encode() + b"\n"


def _shown(line: str) -> str:
    return "".join(char if is_seen(char) else _escaped(char) for char in line)


def read_definitions(
    name: str, data: bytes | None, tools: Mapping[str, str]
) -> tuple[Definitions, tuple[Diagnostic, ...]]:
    """Return the definitions in `data` (None: there is no such file) and how they differ from the lock's `tools`."""
    if data is None:
        return {}, (_problem(name, "The file is missing."),)
    try:
        found = decode(data)
    except (ValueError, RecursionError):
        return {}, (find_conflict(name, data) or _problem(name, "It is not JSON with each key once."),)
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        return {}, (_problem(name, "It does not hold one definition a tool."),)
    differing = sorted(
        tool for tool in {*found, *tools} if tool not in found or tools.get(tool) != fingerprint(found[tool])
    )
    return found, (_problem(name, _differing(differing)),) if differing else ()


def _escaped(char: str) -> str:
    return json.dumps(char, ensure_ascii=True)[1:-1]


def _differing(tools: list[str]) -> str:
    shown = ", ".join(f"`{tool}`" for tool in tools[:_SHOWN])
    more = f" and {len(tools) - _SHOWN} more" if len(tools) > _SHOWN else ""
    return f"The lock has other fingerprints for {shown}{more}."


def _problem(name: str, detail: str) -> Diagnostic:
    help_ = "restore both from git, or run `mcphub lock` and review what changed"
    return Diagnostic(code=codes.DEFINITIONS, detail=detail, span=Source(name, "").span(0, 0), help=help_)
