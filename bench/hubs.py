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
    lines = ["apiVersion: mcphub/v1", "name: everything", f"catalogs: {{all: {{path: {path}}}}}", "servers:"]
    for name, entry in registry.items():
        server = {"from": f"all/{name}"} | ({} if bare else _given(entry))
        lines.append(f"  {_server_name(name)}: {json.dumps(server)}")
    return "\n".join(lines) + "\n"


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
