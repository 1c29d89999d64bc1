import subprocess
import sys

import pytest

from mcphub_gitops.compiler.policy.cost import estimate_tokens
from mcphub_gitops.compiler.review.tokens import TOKENIZER, count_all, count_tokens

TIME = {
    "name": "get_current_time",
    "title": "The time",
    "description": "Get current time in a specific timezone",
    "inputSchema": {
        "type": "object",
        "properties": {"timezone": {"type": "string", "description": "An IANA name, such as 'Europe/London'"}},
        "required": ["timezone"],
    },
    "outputSchema": {"type": "object"},
}


def test_counts_are_those_of_the_tokenizer_that_is_named() -> None:
    """The numbers are o200k_base's: four implementations of it agree on them."""
    assert TOKENIZER == "o200k_base"
    assert count_tokens({"name": "x"}) == 5
    assert count_tokens(TIME) == 54
    assert count_all([TIME, {"name": "x"}]) == (54, 5)
    assert count_all([]) == ()


def test_what_is_not_told_to_a_model_costs_nothing() -> None:
    told = {key: TIME[key] for key in ("inputSchema", "name", "description")}
    assert count_tokens(told) == count_tokens(TIME)


@pytest.mark.parametrize(
    "text", ["\ud800", "<|endoftext|>", "\x00", "a" * 100_000, " " * 100_000, "\u200b\u6f22" * 30_000]
)
def test_any_text_is_counted(text: str) -> None:
    assert count_tokens({"name": "x", "description": text}) > count_tokens({"name": "x"})


def test_the_estimate_of_policies_is_near() -> None:
    assert abs(estimate_tokens(TIME) - count_tokens(TIME)) < 0.2 * count_tokens(TIME)


def test_no_vocabulary_is_loaded_by_comparing_tools() -> None:
    program = "import sys; import mcphub_gitops.compiler.review.tool; print('toktok' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"False\n"
