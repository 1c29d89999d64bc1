"""Hubs to measure and to test with: all of a published catalog, and as large as is asked for.

python -m bench.hubs CATALOG [--bare] > mcp-hub.yaml
python -m bench.hubs CATALOG --locked FOLDER     a hub with its catalog and its lock, for which nobody was asked
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcphub_gitops.compiler.canonical import digest
from mcphub_gitops.compiler.diagnostic import has_errors
from mcphub_gitops.compiler.lock.assembly import Locked, assemble, pin
from mcphub_gitops.compiler.lock.catalogs import lock_catalogs
from mcphub_gitops.compiler.lock.questions import ImageAnswer
from mcphub_gitops.compiler.read import syntax
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.compiler.sourcing import validate
from mcphub_gitops.runtime.project import Project

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


def runnable(registry: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the entries as if mcphub ran them all, so that each of them can be locked.

    Nothing is let in by OAuth, no word of a command line is a secret, and tools in containers of their own are those of
    a server, whose image is made up. All else is as it is published.
    """
    return {name: _runnable(name, entry) for name, entry in registry.items()}


def _runnable(name: str, entry: Entry) -> Entry:
    found = {key: value for key, value in entry.items() if key != "oauth"}
    if "command" in found:
        found["command"] = [word for word in found["command"] if "$" not in word]
    if entry["type"] == "poci":
        image = f"registry.example/{name}@{digest(name.encode())}"
        tools = [{"name": tool["name"]} for tool in entry["tools"]]
        return {**found, "type": "server", "image": image, "tools": tools}
    return found


def lock_all(registry: Mapping[str, Entry], path: str) -> str:
    """Return a hub that has every server of the catalog at `path`, each with the tools that the catalog names.

    No server has to be started to lock it. The entries are `runnable`.
    """
    servers = {
        name: {"from": f"all/{name}", "definitions": {"from": "catalog", "reason": "all of a catalog is locked"}}
        | _given(entry)
        | _trusted(_mended(name, entry), entry)
        for name, entry in registry.items()
    }
    return _hub({"catalogs": {"all": {"path": path}}, "gateway": {"onConflict": "prefix"}}, servers)


def _trusted(mended: dict[str, Any], entry: Entry) -> dict[str, Any]:
    return mended if entry.get("tools") else {**mended, "tools": {"none": "the catalog names no tools"}}


def write_locked(data: bytes, folder: Path) -> Locked:
    """Write into `folder` a hub of `lock_all`, its catalog and the lock that fits; return that.

    Neither network nor engine is asked: an image has the digest that the catalog gives, or one made of its name.
    """
    registry = runnable(read_registry(data))
    catalog = {"version": 3, "name": "all", "displayName": "All", "registry": registry}
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "catalog.yaml": json.dumps(catalog, indent=1, ensure_ascii=False).encode(),
        "mcp-hub.yaml": lock_all(registry, "catalog.yaml").encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    validated = validate("mcp-hub.yaml", files["mcp-hub.yaml"], files)
    if validated.hub is None or has_errors(validated.diagnostics):
        raise ValueError("the hub of all servers has mistakes")
    pinned, _ = pin(validated.hub, {}, _presumed(validated.hub), {}, {})
    locked = assemble(validated.hub, pinned, {})
    whole = replace(locked, lock=replace(locked.lock, catalogs=lock_catalogs(validated.hub)))
    Project(root=folder).save_lock(whole.lock, whole.definitions)
    return whole


def _presumed(hub: Hub) -> dict[str, ImageAnswer]:
    images = {server.name: server.image.reference for server in hub.servers if server.image is not None}
    return {
        name: ImageAnswer(repository=image.repository, digest=image.digest or digest(str(image).encode()))
        for name, image in images.items()
    }


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
    """Print the hub of the catalog that the first argument names, or write it with its lock."""
    path = sys.argv[1]
    if "--locked" in sys.argv:
        write_locked(Path(path).read_bytes(), Path(sys.argv[-1]))
        return
    print(enable_all(read_registry(Path(path).read_bytes()), path, bare="--bare" in sys.argv), end="")  # noqa: T201


if __name__ == "__main__":
    main()
