"""What the definition of a tool costs whoever has it in a conversation."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from mcphub_gitops.compiler.canonical import encode

BYTES_A_TOKEN = 4
"""The estimator: tokenizers differ by model, and four bytes of JSON are about one token (`docs/decisions/0018`)."""

_TOLD = frozenset({"description", "inputSchema", "name"})


def told_to_model(definition: Mapping[str, Any]) -> bytes:
    """Return what clients tell a model of a tool: its name, description and input schema, as compact JSON in UTF-8.

    Keys are sorted. Titles, icons and annotations are for people and programs; output schemas few clients pass on.
    """
    return encode({key: value for key, value in definition.items() if key in _TOLD})


def estimate_tokens(definition: Mapping[str, Any]) -> int:
    """Return about how many tokens `definition` costs in every conversation that it is part of."""
    return ceil(len(told_to_model(definition)) / BYTES_A_TOKEN)
