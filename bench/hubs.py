"""Hubs to measure and to test with: all of a published catalog, and as large as is asked for.

python -m bench.hubs CATALOG [--bare] > mcp-hub.yaml
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mcphub_gitops.compiler.read import syntax

Entry = Mapping[str, Any]

_TEXTS = ("/srv/sample", "https://sample.example")
"""Texts that do: the first also as a path, as some settings are mounted."""

_SAMPLES: Mapping[str, Any] = {"integer": 8080, "number": 1.5, "boolean": True, "array": [_TEXTS[0]]}


def read_registry(data: bytes) -> dict[str, Entry]:
    """Return the servers of a Docker MCP catalog by name, as plain data."""
    root = syntax.parse("catalog", data, max_bytes=32 * 1024 * 1024).root
    document: Any = syntax.plain(root) if root is not None else {}
    return dict(document["registry"])


def enable_all(registry: Mapping[str, Entry], path: str, *, bare: bool = False) -> str:
    """Return a hub that enables every server of the catalog at `path`.

    Each gets what its schema demands under `config`, and an ``env://`` reference for every secret; `bare` leaves both
    out.
    """
    servers = {name: {"from": f"all/{name}"} | ({} if bare else _given(entry)) for name, entry in registry.items()}
    return _hub({"catalogs": {"all": {"path": path}}}, servers)


def resolve_all(registry: Mapping[str, Entry], path: str) -> str:
    """Return the hub of `enable_all` with its defects resolved by declarations, without what mcphub does not do."""
    servers = {
        name: {"from": f"all/{name}"} | _given(entry) | _mended(name, entry)
        for name, entry in registry.items()
        if _is_done(entry)
    }
    return _hub({"catalogs": {"all": {"path": path}}, "gateway": {"onConflict": "prefix"}}, servers)


def generate(servers: int, tools: int, path: str) -> tuple[str, str]:
    """Return a hub of so many servers and its catalog, each server with so many tools of 110 bytes."""
    description = "What this tool does is told in some words, so that it is as long as those of others."
    lines = ["version: 3", "name: generated", "displayName: Generated", "registry:"]
    for number in range(servers):
        lines.append(f"  s{number:05}:")
        lines.append("    title: Generated")
        lines.append("    description: A server that is like the others.")
        lines.append("    type: server")
        lines.append(f"    image: registry.example/s{number:05}@sha256:{number:064x}")
        lines.append("    tools:")
        for tool in range(tools):
            lines.append(f"    - name: s{number:05}_t{tool}")
            lines.append(f"      description: {description}")
    names = {f"s{number:05}": {"from": f"all/s{number:05}"} for number in range(servers)}
    return _hub({"catalogs": {"all": {"path": path}}}, names), "\n".join(lines) + "\n"


def contain(servers: int) -> str:
    """Return a hub of so many container servers by themselves."""
    entries = {
        f"s{number:05}": {
            "image": f"registry.example/s{number:05}@sha256:{number:064x}",
            "env": {"LEVEL": "info"},
            "secrets": {"KEY": f"env://KEY_{number}"},
            "mounts": [f"./data/{number}:/data"],
        }
        for number in range(servers)
    }
    return _hub({}, entries)


def _hub(head: Mapping[str, Any], servers: Mapping[str, Mapping[str, Any]]) -> str:
    lines = ["apiVersion: mcphub/v1", "name: everything"]
    lines += [f"{key}: {json.dumps(value)}" for key, value in head.items()]
    lines += ["servers:", *(f"  {_server_name(name)}: {json.dumps(server)}" for name, server in servers.items())]
    return "\n".join(lines) + "\n"


def _is_done(entry: Entry) -> bool:
    """Whether mcphub runs the entry: nothing that OAuth alone lets in, no tools in containers of their own."""
    told = [word for word in entry.get("command", ()) if "$" in word]
    return not told and not (entry.get("oauth") and not entry.get("secrets")) and entry["type"] != "poci"


def _mended(name: str, entry: Entry) -> dict[str, Any]:
    """Return what a hub declares about the defects of the entry: templates, names of tools, and how many there are."""
    declared = {f"{name.replace('.', '_')}.{path}" for path in _paths(next(iter(entry.get("config", ())), {}))}
    broken = [each["name"] for each in entry.get("env", ()) if not _names(str(each["value"])) <= declared]
    illegal = [tool["name"] for tool in entry.get("tools", ()) if not re.fullmatch(r"[A-Za-z0-9_-]+", tool["name"])]
    mended: dict[str, Any] = {}
    if broken:
        mended["override"] = {"env": dict.fromkeys(broken, "mended"), "reason": "the catalog names no such setting"}
    if illegal:
        mended["tools"] = {"rename": {tool: tool.replace(" ", "_") for tool in illegal}}
    return mended


def _names(template: str) -> set[str]:
    return {found.split("|")[0].strip() for found in re.findall(r"\{\{(.*?)\}\}", template)}


def _paths(schema: Mapping[str, Any]) -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from (f"{name}.{path}" for path in _paths(inner))


def _server_name(name: str) -> str:
    return name.lower().replace("_", "-")


def _given(entry: Entry) -> dict[str, Any]:
    schema: Mapping[str, Any] = next(iter(entry.get("config", ())), {})
    taken = {secret["name"].rpartition(".")[2] for secret in entry.get("secrets", ())}
    config = {name: value for name, value in sample(schema).items() if name not in taken} if schema else {}
    secrets = {secret["name"]: f"env://{_variable(secret['name'])}" for secret in entry.get("secrets", ())}
    return {key: value for key, value in (("config", config), ("secrets", secrets)) if value}


def sample(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a value that `schema` accepts: every required setting, and the first of several choices."""
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        declared = schema.get("properties", {})
        return {name: sample(declared.get(name, {})) for name in _required(schema)}
    if kind != "string":
        return _SAMPLES[kind]
    return next(text for text in _TEXTS if re.search(schema.get("pattern", ""), text))


def _required(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from schema.get("required", ())
    for choice in (schema.get("anyOf") or schema.get("oneOf") or ())[:1]:
        yield from choice.get("required", ())


def _variable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", name).upper()


def main() -> None:
    """Print the hub of the catalog that the first argument names; ``--bare`` without settings and secrets."""
    path = sys.argv[1]
    print(enable_all(read_registry(Path(path).read_bytes()), path, bare="--bare" in sys.argv), end="")  # noqa: T201


if __name__ == "__main__":
    main()
