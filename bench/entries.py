"""What a hub says about an entry of a published catalog: what it needs, and what mends it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcphub_gitops.compiler.canonical import digest

Entry = Mapping[str, Any]

_TEXTS = ("/srv/sample", "https://sample.example")
"""Texts that do: the first also as a path, as some settings are mounted."""

_SAMPLES: Mapping[str, Any] = {"integer": 8080, "number": 1.5, "boolean": True, "array": [_TEXTS[0]]}

_LONGEST = 64
"""What clients take as a tool's name behind its server's, with two underscores between."""

_MOST = 100
"""How many tools of one server are not too many."""


def declined(entry: Entry) -> dict[str, Any]:
    """Return what a hub declares that gives no container a network, and puts no secret into a command line."""
    found: dict[str, Any] = {"network": "none"} if entry.get("allowHosts") else {}
    command = tuple(entry.get("command", ()))
    if any("$" in word for word in command):
        found["override"] = _WITHOUT_WORDS[command]
    return found


_WITHOUT_WORDS: Mapping[tuple[str, ...], Mapping[str, Any]] = {
    ("--auth-token", "$SENTRY_AUTH_TOKEN"): {
        "command": [],
        "env": {"SENTRY_TOKEN": "$$SENTRY_AUTH_TOKEN"},
        "reason": "all can read a command line; the program takes the token from this variable, too",
    },
    ("$POSTGRES_URL",): {
        "command": [],
        "reason": "all can read a command line; the program reads nothing else, so it is locked and not of use",
    },
}
"""What becomes of a command line with a secret in it."""


def resolved(name: str, entry: Entry) -> dict[str, Any]:
    """Return what a hub gives an entry and declares about its defects."""
    names = _secret_names(name, entry)
    found = {**needed(entry), **declined(entry)}
    if names:
        found["secrets"] = {names.get(secret, secret): reference for secret, reference in found["secrets"].items()}
    mended: dict[str, Any] = {**_mended(name, entry), **({"secretNames": names} if names else {})}
    if mended:
        found["override"] = {"reason": "the catalog is not right", **mended, **found.get("override", {})}
    tools = _selected(server_name(name), [tool["name"] for tool in entry.get("tools", ())])
    return {**found, **({"tools": tools} if tools else {})}


def _mended(name: str, entry: Entry) -> dict[str, Any]:
    """Return the overrides of templates without a setting, of an image without a digest, and of hosts without end."""
    declared = {f"{name.replace('.', '_')}.{path}" for path in _paths(next(iter(entry.get("config", ())), {}))}
    broken = [each["name"] for each in entry.get("env", ()) if not _names(str(each["value"])) <= declared]
    mended: dict[str, Any] = {"env": dict.fromkeys(broken, "mended")} if broken else {}
    image = entry.get("image", "")
    if image and "@" not in image:
        # Made of the name: whoever reviews a real hub writes the one that was reviewed.
        mended["image"] = f"{image}@{digest(image.encode())}"
    if any(host.startswith("*") for host in entry.get("allowHosts", ())):
        mended["allowHosts"] = ["registry.sample.example:8081"]
    return mended


def _secret_names(name: str, entry: Entry) -> dict[str, str]:
    """Return names for the secrets that are not named after their server."""
    named = (secret["name"] for secret in entry.get("secrets", ()))
    others = (secret for secret in named if not secret.startswith((f"{name}.", f"{name.replace('.', '_')}.")))
    return {secret: f"{name}.{secret.replace('.', '_')}" for secret in others}


def _selected(server: str, tools: Sequence[str]) -> dict[str, Any]:
    """Return which tools are served, where there are too many, and names for those that clients do not take."""
    room = _LONGEST - len(server) - len("__")
    renamed = {tool: re.sub(r"[^A-Za-z0-9_-]", "_", tool)[:room] for tool in tools[:_MOST]}
    names = {tool: name for tool, name in renamed.items() if name != tool}
    allowed = {"allow": list(tools[:_MOST])} if len(tools) > _MOST else {}
    return {**allowed, **({"rename": names} if names else {})}


def _names(template: str) -> set[str]:
    return {found.split("|")[0].strip() for found in re.findall(r"\{\{(.*?)\}\}", template)}


def _paths(schema: Mapping[str, Any]) -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from (f"{name}.{path}" for path in _paths(inner))


def server_name(name: str) -> str:
    """Return what a hub calls the server that a catalog calls `name`."""
    return name.lower().replace("_", "-")


def needed(entry: Entry) -> dict[str, Any]:
    """Return the settings that the schema demands, references for secrets and tokens, and what calls may mount."""
    schema: Mapping[str, Any] = next(iter(entry.get("config", ())), {})
    taken = {secret["name"].rpartition(".")[2] for secret in entry.get("secrets", ())}
    config = {name: value for name, value in samples(schema).items() if name not in taken}
    named = [*(secret["name"] for secret in entry.get("secrets", ())), *_tokens(entry)]
    secrets = {name: f"env://{_variable(name)}" for name in named}
    # Whoever calls such a tool says what is mounted, below what the hub grants.
    paths = {"read": [_TEXTS[0]]} if any("{{" in each for each in _mounted(entry)) else {}
    return {key: value for key, value in (("config", config), ("secrets", secrets), ("paths", paths)) if value}


def is_given_engine(entry: Entry) -> bool:
    """Tell whether a tool of the entry is a container that mounts the engine's socket, which no hub is given."""
    return any("docker.sock" in volume for volume in _mounted(entry))


def _mounted(entry: Entry) -> list[str]:
    """Return what the tools of the entry mount that are containers by themselves."""
    containers = [tool["container"] for tool in entry.get("tools", ()) if "container" in tool]
    return [volume for container in containers for volume in container.get("volumes", ())]


def _tokens(entry: Entry) -> list[str]:
    """Return the names of the access tokens of a remote that takes nothing else."""
    alone = "remote" in entry and not entry.get("secrets")
    return [each["secret"] for each in entry.get("oauth", {}).get("providers", ())] if alone else []


def samples(schema: Mapping[str, Any]) -> dict[str, object]:
    """Return settings that `schema` accepts: each that is required, and of several choices the first."""
    declared = schema.get("properties", {})
    return {name: _sample(declared.get(name, {})) for name in _required(schema)}


def _sample(schema: Mapping[str, Any]) -> object:
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        return samples(schema)
    if kind != "string":
        return _SAMPLES[kind]
    return next(text for text in _TEXTS if re.search(schema.get("pattern", ""), text))


def _required(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from schema.get("required", ())
    for choice in (schema.get("anyOf") or schema.get("oneOf") or ())[:1]:
        yield from choice.get("required", ())


def _variable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", name).upper()
