"""Tool definitions as servers send them: read within bounds, and fingerprinted for the comparison with the lock."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from mcphub_gitops.compiler import canonical
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway.wire import Raw
from mcphub_gitops.runtime.gateway.words import printable

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 100


class _Named(msgspec.Struct):
    name: str


def read(raw: Raw) -> dict[str, Any]:
    """Return the definition of a tool, decoded; it has a name and a canonical encoding.

    Raises RuntimeFailure when it passes a bound (64 KiB, 100 levels), repeats a key or has no name.
    """
    return read_keyed(raw, "name", "a tool definition")


def read_keyed(raw: Raw, key: str, what: str) -> dict[str, Any]:
    """Return one definition, decoded, that is known by its `key`; `what` says what it is. Raises as `read` does."""
    if len(raw) > MAX_BYTES:
        raise RuntimeFailure(f"{what} is too large", detail=f"{len(raw)} of {MAX_BYTES} bytes")
    try:
        found = json.loads(bytes(raw), object_pairs_hook=_unique)
        _refuse_depth(found)
        canonical.encode(found)
    except (ValueError, RecursionError) as error:
        raise RuntimeFailure(f"{what} cannot be read", detail=printable(str(error))) from None
    if not isinstance(found, dict) or not isinstance(found.get(key), str):
        raise RuntimeFailure(f"{what} cannot be read", detail=f"it is no object with a {key}")
    return found


def fingerprints(definitions: Mapping[str, Mapping[str, Any] | None]) -> dict[str, str | None]:
    """Return the fingerprint of each of the `definitions` that `read_all` returned, by name."""
    return {name: None if each is None else canonical.fingerprint(each) for name, each in definitions.items()}


def read_all(definitions: Iterable[Raw]) -> dict[str, dict[str, Any] | None]:
    """Return each definition by name, decoded; None where it is sent twice or `read` refuses it.

    What has not even a name is left out: no lock can name it.
    """
    found: dict[str, dict[str, Any] | None] = {}
    for raw in definitions:
        try:
            definition = read(raw)
        except RuntimeFailure:
            name = _name(raw)
            if name is not None:
                found[name] = None
            continue
        name = definition["name"]
        found[name] = None if name in found else definition
    return found


def _name(raw: Raw) -> str | None:
    try:
        return msgspec.json.decode(raw, type=_Named).name
    except (msgspec.MsgspecError, RecursionError):
        return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found


def _refuse_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _children(outer)]
    if level:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
