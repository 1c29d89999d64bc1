"""Arguments that a client of revision 2026-07-28 repeats as headers, because the tool's schema asks for it.

Who reads the body must refuse a request whose headers say something else (MCP 2026-07-28, "Transports", custom headers:
``x-mcp-header`` stands on string, integer and boolean properties that are reached through ``properties`` alone).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.headers import decoded
from mcphub_gitops.runtime.gateway.wire import Fault, Raw

PREFIX: Final = "mcp-param-"

_ANNOTATION: Final = "x-mcp-header"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TYPES: Final = frozenset({"string", "integer", "boolean"})
_DECIMAL = re.compile(rb"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """One mirrored argument: the keys that lead to it, and the header's name in lower case."""

    path: tuple[str, ...]
    header: bytes


def find(schema: object) -> tuple[Mirror, ...]:
    """Return what `schema`, a tool's input schema, asks to be mirrored.

    Nothing, where an annotation is not valid: clients do not call such a tool at all.
    """
    try:
        found = tuple(_find(schema, ()))
    except ValueError:
        return ()
    return found if len({mirror.header for mirror in found}) == len(found) else ()


def _find(schema: object, path: tuple[str, ...]) -> Iterator[Mirror]:
    properties: Any = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return
    for name, inner in properties.items():
        here = (*path, name)
        if isinstance(inner, dict) and _ANNOTATION in inner:
            token = inner[_ANNOTATION]
            if not isinstance(token, str) or not _TOKEN.fullmatch(token) or inner.get("type") not in _TYPES:
                raise ValueError(f"the annotation of {name} is not valid")
            yield Mirror(path=here, header=(PREFIX + token.lower()).encode())
        yield from _find(inner, here)


def check(mirrors: tuple[Mirror, ...], headers: Mapping[bytes, bytes], arguments: Raw | None) -> None:
    """Raise Fault where a header and the argument that it mirrors are not there together and the same."""
    for mirror in mirrors:
        given = headers.get(mirror.header)
        value = _value(arguments, mirror.path)
        if value is None and given is None:
            continue
        if value is None or given is None or not _same(value, decoded(given)):
            name = mirror.header.decode()
            raise Fault(wire.HEADER_MISMATCH, f"The header {name} differs from the argument that it mirrors")


def _value(arguments: Raw | None, path: tuple[str, ...]) -> bytes | None:
    """Return the JSON text of the scalar that `path` leads to; None for what is absent, null or no scalar."""
    found = arguments
    for key in path:
        if found is None or not bytes(found).startswith(b"{"):
            return None
        found = wire.members(found).get(key)
    value = b"null" if found is None else bytes(found)
    return None if value == b"null" or value[:1] in {b"{", b"["} else value


def _same(value: bytes, given: bytes | None) -> bool:
    if given is None:
        return False
    if value.startswith(b'"'):
        return wire.text(Raw(value), "argument").encode() == given
    if _DECIMAL.fullmatch(value) and _DECIMAL.fullmatch(given):
        return Decimal(value.decode()) == Decimal(given.decode())
    return value == given
