"""Arguments that are repeated as headers, because the tool's schema asks for it, and the values of such headers.

Source: MCP 2026-07-28, "Transports", custom headers and value encoding: ``x-mcp-header`` stands on string, integer and
boolean properties that are reached through ``properties`` alone.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

PREFIX: Final = "Mcp-Param-"
ANNOTATION: Final = "x-mcp-header"

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TYPES: Final = ("string", "integer", "boolean")
_DEEPEST: Final = 32
# Space around a value is no part of it, and what looks encoded would be decoded.
_SAFE = re.compile(r"(?!=\?base64\?.*\?=\Z)(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """One mirrored argument: the keys that lead to it, and the header's name."""

    path: tuple[str, ...]
    header: str


def find(schema: object) -> tuple[Mirror, ...]:
    """Return what `schema`, a tool's input schema, asks to be mirrored; nothing where an annotation is not valid."""
    try:
        found = tuple(_find(schema, ()))
    except ValueError:
        return ()
    return found if len({mirror.header.lower() for mirror in found}) == len(found) else ()


def _find(schema: object, path: tuple[str, ...]) -> Iterator[Mirror]:
    properties: Any = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or len(path) > _DEEPEST:
        return
    for name, inner in properties.items():
        here = (*path, name)
        if isinstance(inner, dict) and ANNOTATION in inner:
            token = inner[ANNOTATION]
            if not isinstance(token, str) or not _TOKEN.fullmatch(token) or inner.get("type") not in _TYPES:
                raise ValueError(f"the annotation of {name} is not valid")
            yield Mirror(path=here, header=PREFIX + token)
        yield from _find(inner, here)


def headers_for(mirrors: tuple[Mirror, ...], arguments: object) -> Mapping[str, str]:
    """Return the headers that repeat `arguments`; an absent one, a null and what is no scalar have none."""
    texts = {mirror.header: _text(arguments, mirror.path) for mirror in mirrors}
    return {header: encoded(text) for header, text in texts.items() if text is not None}


def _text(arguments: object, path: tuple[str, ...]) -> str | None:
    found: Any = arguments
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, str | int | float) else None


def encoded(text: str) -> str:
    """Return `text` as a header's value, in base64 where it could not travel as it is."""
    if _SAFE.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode('utf-8', 'surrogatepass')).decode('ascii')}?="
