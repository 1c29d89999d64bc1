"""What definitions cost in tokens, by a real tokenizer that is named wherever its counts are shown.

It is loaded with this module alone, and its vocabulary (0.2 s of CPU time) with the first count.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from toktok import batch_count

from mcphub_gitops.compiler.policy.cost import told_to_model

TOKENIZER: Final = "o200k_base"
"""Whose tokens they are: the vocabulary of OpenAI's models since GPT-4o. Others' counts differ by some percent."""

_THREADS = 1


def count_tokens(definition: Mapping[str, Any]) -> int:
    """Return what `definition`, as clients see it, costs in every conversation that it is part of."""
    return count_all([definition])[0]


def count_all(definitions: Iterable[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return what each of `definitions` costs: for many, this takes a tenth of asking for each by itself."""
    # Half of a pair of surrogates is no text: the model gets something else, and one token or two for it.
    texts = [told_to_model(each).decode("utf-8", "replace") for each in definitions]
    return tuple(batch_count(texts, TOKENIZER, threads=_THREADS))
