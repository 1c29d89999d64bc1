"""A client's part in the file of its configuration, beside what others have there."""

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from mcphub_gitops.compiler.canonical import decode
from mcphub_gitops.compiler.render.client import Form, Part

_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file cannot take a part, as a sentence."""

    why: str


def write_part(part: Part, form: Form) -> str:
    """Return `part` as a text of its own."""
    return tomlkit.dumps(part) if form == "toml" else _json(part, "  ")


def put_part(text: str, part: Part, form: Form) -> str | Unreadable:
    """Return `text`, a whole file in `form`, with `part` in it; `text` itself where it is in it already.

    Of JSON the order is kept and the layout made anew, with the indentation that `text` has; of TOML all is kept.
    """
    if not text.strip():
        return write_part(part, form)
    document = _read(text, form)
    if isinstance(document, Unreadable):
        return document
    before = json.dumps(document)
    for key, own in part.items():
        problem = _put(document, key, own)
        if problem is not None:
            return problem
    if json.dumps(document) == before:
        return text
    if form == "toml":
        return tomlkit.dumps(document)
    indent = _INDENT.search(text)
    return _json(document, indent[1] if indent is not None else "  ")


def _read(text: str, form: Form) -> MutableMapping[str, Any] | Unreadable:
    try:
        document = tomlkit.parse(text) if form == "toml" else decode(text.encode())
    except json.JSONDecodeError as error:
        return Unreadable(f"It is no JSON without comments, line {error.lineno}.")
    except RecursionError:
        return Unreadable("It is nested deeper than a configuration is.")
    except (ValueError, TOMLKitError) as error:
        return Unreadable("It is no TOML." if form == "toml" else f"It cannot be kept as it is: {error}.")
    return document if isinstance(document, MutableMapping) else Unreadable("It is no object.")


def _put(document: MutableMapping[str, Any], key: str, own: object) -> Unreadable | None:
    there = document.setdefault(key, type(own)())
    if isinstance(own, Mapping) and isinstance(there, MutableMapping):
        for name, value in own.items():
            if there.get(name) != value:
                there[name] = value
        return None
    if isinstance(own, list) and isinstance(there, list):
        for item in own:
            _replace(there, item)
        return None
    return Unreadable(f"Its `{key}` is something else than such a file has there.")


def _replace(items: list[Any], item: Mapping[str, Any]) -> None:
    places = [place for place, each in enumerate(items) if isinstance(each, Mapping) and each.get("id") == item["id"]]
    if places:
        items[places[0]] = item
    else:
        items.append(item)


def _json(document: Mapping[str, Any], indent: str) -> str:
    return json.dumps(document, indent=indent, ensure_ascii=False) + "\n"
