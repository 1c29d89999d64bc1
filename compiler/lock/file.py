"""The lock's text: JSON, sorted, one requirement, file or tool a line, so that independent edits merge."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.canonical import decode
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.model import (
    EMPTY,
    NO_IMAGES,
    NO_OFFERS,
    Lock,
    LockedCatalog,
    LockedImage,
    LockedServer,
    Offers,
)
from mcphub_gitops.compiler.read import bounds, shape, syntax
from mcphub_gitops.compiler.resolve.offer import KINDS
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.schemas import load_schema

FORMAT = "mcphub.lock/v1"
MAX_BYTES = 64 * 1024 * 1024

_HELP = "mcphub alone writes this file: restore it from git, or remove it and run `mcphub lock`"
_HIDDEN = " hidden"
"""What stands behind the fingerprint of a tool that is not served, on the tool's own line."""

_MARKER = "<<<<<<<"
_CONFLICT = re.compile(rb"^<{7} ", re.MULTILINE)


def write_lock(lock: Lock) -> bytes:
    """Return the lock's text: no clock, no count, no global hash, LF, a final newline."""
    document: dict[str, Any] = {
        "format": FORMAT,
        "servers": {name: _entry(each) for name, each in lock.servers.items()},
    }
    if lock.catalogs:
        document["catalogs"] = {name: _catalog_entry(each) for name, each in lock.catalogs.items()}
    return _dump(document)


def read_lock(name: str, data: bytes) -> tuple[Lock | None, Source, tuple[Diagnostic, ...]]:
    """Read the lock's text; what is wrong with it is told at its place, and then there is no lock."""
    try:
        document = decode(data)
    except (ValueError, RecursionError):
        document = None
    schema = load_schema("lock.v1")
    fits = document is not None and shape.fits(document, schema)
    if fits and sum(len(entry["tools"]) for entry in document["servers"].values()) <= bounds.MAX_TOOLS:
        return _lock(document), Source(name, ""), ()
    marker = _CONFLICT.search(data)
    if marker is not None:
        return None, *_conflict(name, data, marker.start())
    # Positions cost time that only a wrong document is worth.
    parsed = syntax.parse(name, data, max_bytes=MAX_BYTES)
    found = parsed.diagnostics
    if parsed.root is not None:
        found += shape.check(parsed.root, schema) + bounds.find_excess(parsed.root, "servers")
    problems = found or (_no_json(parsed.source, data),)
    return None, parsed.source, tuple(replace(each, help=_HELP) for each in problems)


def _lock(document: Mapping[str, Any]) -> Lock:
    servers = {key: _server(entry) for key, entry in document["servers"].items()}
    catalogs = {key: LockedCatalog(**entry) for key, entry in document.get("catalogs", {}).items()}
    return Lock(servers=MappingProxyType(servers), catalogs=MappingProxyType(catalogs))


def _dump(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _catalog_entry(catalog: LockedCatalog) -> dict[str, str]:
    commit = {"commit": catalog.commit} if catalog.commit else {}
    return {"source": catalog.source, "digest": catalog.digest, **commit}


def _entry(server: LockedServer) -> dict[str, Any]:
    tools = {name: f"{hash_}{_HIDDEN}" if name in server.hidden else hash_ for name, hash_ in server.tools.items()}
    entry: dict[str, Any] = {"launch": server.launch, "tools": tools}
    # A server that was not asked has no era that anybody saw; what is not said was read from the server.
    entry |= {"era": server.era} if server.definitions == "live" else {"definitions": server.definitions}
    if server.package:
        entry |= {"package": server.package, "requirements": list(server.requirements)}
    if server.image:
        entry |= {"image": server.image, "platforms": dict(server.platforms)}
    if server.user:
        entry["user"] = server.user
    if server.target:
        entry["target"] = server.target
    if server.containers:
        entry["containers"] = {tool: _image_entry(each) for tool, each in server.containers.items()}
    if server.files:
        entry["files"] = dict(server.files)
    entry |= {kind: dict(hashes) for kind, hashes in server.offers.items()}
    return entry


def _image_entry(image: LockedImage) -> dict[str, Any]:
    user = {"user": image.user} if image.user else {}
    return {"image": image.image, "platforms": dict(image.platforms), **user}


def _image(entry: Mapping[str, Any]) -> LockedImage:
    platforms = MappingProxyType(entry.get("platforms", EMPTY))
    return LockedImage(image=entry["image"], platforms=platforms, user=entry.get("user", ""))


def _server(entry: Mapping[str, Any]) -> LockedServer:
    return LockedServer(
        launch=entry["launch"],
        era=entry.get("era", ""),
        definitions=entry.get("definitions", "live"),
        package=entry.get("package", ""),
        requirements=tuple(entry.get("requirements", ())),
        image=entry.get("image", ""),
        platforms=MappingProxyType(entry.get("platforms", EMPTY)),
        user=entry.get("user", ""),
        target=entry.get("target", ""),
        containers=MappingProxyType({tool: _image(each) for tool, each in entry.get("containers", NO_IMAGES).items()}),
        files=MappingProxyType(entry.get("files", EMPTY)),
        tools=MappingProxyType({name: line.removesuffix(_HIDDEN) for name, line in entry["tools"].items()}),
        hidden=frozenset(name for name, line in entry["tools"].items() if line.endswith(_HIDDEN)),
        offers=_offers(entry),
    )


def _offers(entry: Mapping[str, Any]) -> Offers:
    found = {kind: MappingProxyType(entry[kind]) for kind in KINDS if entry.get(kind)}
    return MappingProxyType(found) if found else NO_OFFERS


def _no_json(source: Source, data: bytes) -> Diagnostic:
    place, why = 0, "It is written as JSON, with each key once."
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        place, why = error.pos, f"It is written as JSON; here stands something else ({error.msg.lower()})."
    return Diagnostic(code=codes.SYNTAX, detail=why, span=source.span(place, place + 1))


def find_conflict(name: str, data: bytes) -> Diagnostic | None:
    """Return that `data`, known to the user as `name`, has git's conflict markers in it, at the first."""
    marker = _CONFLICT.search(data)
    return _conflict(name, data, marker.start())[1][0] if marker is not None else None


def _conflict(name: str, data: bytes, offset: int) -> tuple[Source, tuple[Diagnostic, ...]]:
    source = Source(name, data.decode("utf-8", "replace"))
    start = len(data[:offset].decode("utf-8", "replace"))
    span = source.span(start, start + len(_MARKER))
    help_ = "run `mcphub lock --resolve`: it keeps what one side alone has changed, and asks about the rest"
    return source, (Diagnostic(code=codes.CONFLICT, detail="", span=span, help=help_),)
