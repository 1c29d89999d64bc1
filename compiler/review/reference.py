"""References within a schema: JSON Pointers in its own text (RFC 6901), nothing else."""

from collections.abc import Mapping
from typing import Any

from mcphub_gitops.compiler.review.finding import MISSING, Json

_MOST_STEPS = 64


def resolve(root: object, reference: object) -> Json:
    """Return what `reference` leads to in `root`, MISSING where that is nothing or elsewhere."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return MISSING
    found: Any = root
    steps = reference.split("/")[1:]
    for step in steps[:_MOST_STEPS]:
        found = _step(found, step.replace("~1", "/").replace("~0", "~"))
    return found if len(steps) <= _MOST_STEPS else MISSING


def _step(value: Json, key: str) -> Json:
    if isinstance(value, Mapping):
        return value.get(key, MISSING)
    if isinstance(value, list) and key.isascii() and key.isdigit() and len(key) < len(str(len(value))) + 1:
        return value[int(key)] if int(key) < len(value) else MISSING
    return MISSING


def targets_in(root: object) -> frozenset[str]:
    """Return every reference in `root`."""
    found: set[str] = set()
    todo = [root]
    while todo:
        value = todo.pop()
        if isinstance(value, Mapping):
            if isinstance(reference := value.get("$ref"), str):
                found.add(reference)
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)
    return frozenset(found)
