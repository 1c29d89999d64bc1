"""Hubs to measure and to test with: all of a published catalog, and as large as is asked for.

python -m bench.hubs CATALOG [--bare] > mcp-hub.yaml
python -m bench.hubs CATALOG --resolved FOLDER   a hub without defects and its catalog, for `mcphub lock --offline`
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.entries import Entry, declined, is_given_engine, needed, resolved, server_name
from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.read import syntax


def read_registry(data: bytes) -> dict[str, Entry]:
    """Return the servers of a Docker MCP catalog by name, as plain data."""
    root = syntax.parse("catalog", data, max_bytes=32 * 1024 * 1024).root
    document: Any = syntax.plain(root) if root is not None else {}
    return dict(document["registry"])


def enable_all(registry: Mapping[str, Entry], path: str, *, bare: bool = False) -> str:
    """Return a hub that enables every server of the catalog at `path`.

    Each gets what its schema demands under `config`, an ``env://`` reference for every secret and every access token,
    and a folder where calls may mount what they name; `bare` leaves all that out. What a container is not given is
    declared either way: a network, and a secret in its command line.
    """
    servers = {
        name: {"from": f"all/{name}", **declined(entry), **({} if bare else needed(entry))}
        for name, entry in registry.items()
    }
    return _hub({"catalogs": {"all": {"path": path}}}, servers)


def resolve_all(registry: Mapping[str, Entry], path: str, *, locked: bool = False) -> str:
    """Return the hub of `enable_all` with its defects resolved by declarations, without what mcphub does not do.

    With `locked`, each server has the tools that the catalog names, so that none has to be started to lock it.
    """
    servers = {
        name: {"from": f"all/{name}", **resolved(name, entry), **(_from_catalog(entry) if locked else {})}
        for name, entry in registry.items()
        if not is_given_engine(entry)
    }
    return _hub({"catalogs": {"all": {"path": path}}, "gateway": {"onConflict": "prefix"}}, servers)


def write_all(data: bytes, folder: Path) -> None:
    """Write into `folder` the hub of `resolve_all` for the catalog in `data`, and that catalog.

    `mcphub lock --offline` locks it: neither network nor engine is asked, for an image has the digest that the catalog
    gives, or one that the hub declares.
    """
    registry = {name: _runnable(name, entry) for name, entry in read_registry(data).items()}
    catalog = json.dumps({"version": 3, "registry": registry}, indent=1, ensure_ascii=False)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "catalog.yaml").write_text(catalog, "utf-8")
    (folder / "mcp-hub.yaml").write_text(resolve_all(registry, "catalog.yaml", locked=True), "utf-8")


def _runnable(name: str, entry: Entry) -> Entry:
    """Return the entry as if mcphub ran it: tools in containers of their own are those of a made-up image."""
    if entry["type"] != "poci":
        return entry
    tools = [{"name": tool["name"]} for tool in entry["tools"]]
    return {**entry, "type": "server", "image": f"registry.example/{name}@{digest(name.encode())}", "tools": tools}


def _from_catalog(entry: Entry) -> dict[str, Any]:
    found = {"definitions": {"from": "catalog", "reason": "all of a catalog is locked"}}
    return found if entry.get("tools") else {**found, "tools": {"none": "the catalog names no tools"}}


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
    lines += ["servers:", *(f"  {server_name(name)}: {json.dumps(server)}" for name, server in servers.items())]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the hub of the catalog that the first argument names, or write it with its catalog."""
    path = sys.argv[1]
    if "--resolved" in sys.argv:
        write_all(Path(path).read_bytes(), Path(sys.argv[-1]))
        return
    print(enable_all(read_registry(Path(path).read_bytes()), path, bare="--bare" in sys.argv), end="")  # noqa: T201


if __name__ == "__main__":
    main()
