"""What a definition costs in tokens, and by whose measure."""

from collections.abc import Mapping
from typing import Any

from mcphub_gitops.compiler.policy.facts import estimate_tokens

TOKENIZER = "estimate of 4 bytes of JSON a token"
"""The name of the measure, printed wherever tokens are."""


def count_tokens(definition: Mapping[str, Any]) -> int:
    """Return what `definition` costs in every conversation that it is part of."""
    return estimate_tokens(definition)
