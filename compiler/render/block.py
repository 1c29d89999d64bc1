"""Data as block YAML that every reader takes for the same: each string is quoted, and keys where they must be."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_PLANE = 0xFFFF
_WORDS = frozenset({"n", "no", "null", "off", "on", "true", "false", "y", "yes"})
"""What YAML 1.1 reads as something else than a string."""

Change = Callable[[str], str]


def write_block(document: Mapping[str, Any], change: Change = str) -> str:
    """Return `document`, JSON-like data, as YAML; `change` is done to each string that is a value."""
    return "\n".join(_lines(document, 0, change)) + "\n"


def _lines(value: Mapping[str, Any], depth: int, change: Change) -> Iterator[str]:
    space = "  " * depth
    for key, each in value.items():
        name = key if _PLAIN.fullmatch(key) and key.casefold() not in _WORDS else _quoted(key)
        if isinstance(each, Mapping) and each:
            yield f"{space}{name}:"
            yield from _lines(each, depth + 1, change)
        elif isinstance(each, list) and each:
            yield f"{space}{name}:"
            yield from _items(each, depth + 1, change)
        else:
            yield f"{space}{name}: {_scalar(each, change)}"


def _items(values: list[Any], depth: int, change: Change) -> Iterator[str]:
    space = "  " * depth
    for each in values:
        if isinstance(each, Mapping) and each:
            first, *rest = _lines(each, depth + 1, change)
            yield f"{space}- {first.lstrip()}"
            yield from rest
        elif isinstance(each, list) and each:
            first, *rest = _items(each, depth + 1, change)
            yield f"{space}- {first.lstrip()}"
            yield from rest
        else:
            yield f"{space}- {_scalar(each, change)}"


def _scalar(value: object, change: Change) -> str:
    return _quoted(change(value)) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escaped(ord(char)) for char in quoted)


def _escaped(number: int) -> str:
    return f"\\u{number:04x}" if number <= _PLANE else f"\\U{number:08x}"
