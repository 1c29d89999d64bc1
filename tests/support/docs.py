"""The pages that are made from the program itself: diagnostics, commands, and the fields of each document."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from mcphub_gitops.compiler.codes import CODES
from mcphub_gitops.runtime.cli.main import cli
from mcphub_gitops.schemas import load_schema
from tests.support.cases import CASES

NOTICE = "<!-- Generated from the program; refresh it with `pytest --update`. -->\n"
_DIAGNOSTICS = """\
Every message of the compiler has a code that never changes its meaning. `mcphub explain CODE` says what it means, and
[Reports](reports.md) in which formats diagnostics are shown: for people, programs, GitHub, GitLab and code scanners.
"""
SCHEMAS = {
    "hub.v1": "mcp-hub.yaml",
    "catalog.v1": "catalog.yaml",
    "server.v1": "server.json",
    "policy.v1": "policies/*.yaml",
    "test.v1": "tests/*.test.yaml",
    "lock.v1": "mcp-hub.lock",
    "plan.v2": "plan.json",
    "review.v1": "review",
    "update.v1": "update",
    "outdated.v1": "outdated",
    "drift.v1": "drift",
    "diagnostics.v1": "diagnostics",
}


def diagnostics_page() -> str:
    """Return the page of all diagnostics, each with an example from its golden case."""
    parts = ["# Diagnostics\n", NOTICE, _DIAGNOSTICS]
    for code in CODES.values():
        parts.append(f"## {code.name}: {code.summary}\n")
        parts.append(f"{code.explanation} ({code.severity.value})\n")
        parts.append(f"```text\n{_example(code.name)}\n```\n")
    return "\n".join(parts)


def examples_file() -> str:
    """Return what each diagnostic looks like, for `mcphub explain`."""
    return json.dumps({code: _example(code) for code in CODES}, indent=1, ensure_ascii=False) + "\n"


def commands_page() -> str:
    """Return the page of all commands: what ``--help`` prints."""
    parts = ["# Commands\n", NOTICE, *_shared(), *_helps(cli, "mcphub", None)]
    return "\n".join(parts)


_SHARED = ("--env", "--output", "--as-of", "--locked", "--frozen", "--offline", "--dry-run", "--detailed-exitcode")


def _shared() -> Iterator[str]:
    """Yield which commands take the options that several have: the same word means the same in each."""
    yield "## Options that several commands take\n"
    yield "The same word means the same in each; what it comes to there, its help says.\n"
    yield f"| command | {' | '.join(f'`{option}`' for option in _SHARED)} |\n|---|{'---|' * len(_SHARED)}"
    for name, command in _leaves(cli, ""):
        own = {option for each in command.params for option in each.opts}
        if own & {*_SHARED}:
            yield f"| `{name}` | {' | '.join('yes' if option in own else '' for option in _SHARED)} |"
    yield ""


def _leaves(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for each in command.list_commands(context):
        found = command.get_command(context, each)
        assert found is not None
        yield from _leaves(found, f"{name} {each}".strip())


def formats_page() -> str:
    """Return the page of all documents with every field."""
    parts = ["# Documents\n", NOTICE]
    for schema, name in SCHEMAS.items():
        document = load_schema(schema)
        parts.append(f"## {name}\n")
        parts.append(f"{document['description']}\n")
        parts.append("| field | type | meaning |\n|---|---|---|")
        parts.extend(_rows(document, document, ""))
        parts.append("")
    return "\n".join(parts)


def undocumented() -> list[str]:
    """Return the fields of all schemas that have no description."""
    found = []
    for schema in SCHEMAS:
        document = load_schema(schema)
        found += [f"{schema}: {path}" for path, field in _fields(document, document, "") if "description" not in field]
    return found


def _example(code: str) -> str:
    for path in sorted(CASES.glob("diagnostics/*/diagnostics.txt")):
        for block in path.read_text("utf-8").split("\n\n"):
            if f"[{code}]" in block:
                return block.strip("\n")
    raise KeyError(code)


def _helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100)
    context.help_option_names = ["-h", "--help"]
    yield f"## {context.command_path}\n"
    yield f"```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            assert found is not None
            yield from _helps(found, each, context)


def _rows(document: Mapping[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, field in _fields(document, schema, path):
        kind = field.get("type", "constant" if "const" in field else "one of several")
        shown = " or ".join(kind) if isinstance(kind, list) else kind
        if "enum" in field:
            shown = ", ".join(json.dumps(value) for value in field["enum"])
        if "const" in field:
            shown = json.dumps(field["const"])
        yield f"| `{name}` | {shown} | {field.get('description', '')} |"


def _fields(
    document: Mapping[str, Any], schema: Mapping[str, Any], path: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every named field below `schema`, references followed."""
    for name, field in schema.get("properties", {}).items():
        whole = _followed(document, field)
        yield f"{path}{name}", whole
        yield from _fields(document, whole, f"{path}{name}.")
    for key, step in (("additionalProperties", "NAME."), ("items", "[].")):
        inner = schema.get(key)
        if isinstance(inner, Mapping):
            yield from _fields(document, _followed(document, inner), f"{path.removesuffix('.')}.{step}".lstrip("."))


def _followed(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    return {**document["$defs"][schema["$ref"].rpartition("/")[2]], **{k: v for k, v in schema.items() if k != "$ref"}}


def page(folder: Path, name: str) -> Path:
    """Return where the page `name` stands."""
    return folder / "docs" / f"{name}.md"
