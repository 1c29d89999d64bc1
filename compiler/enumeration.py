"""Counts and lists within sentences."""

from collections.abc import Iterable, Sequence


def count(number: int, noun: str) -> str:
    """Return ``1 server`` or ``2 servers``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(words: Sequence[str], most: int) -> str:
    """Return the first `most` of `words`, and how many more there are."""
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return f"{', '.join(words[:most])}{more}"


def quoted(names: Iterable[str], most: int) -> str:
    """Return the first `most` of `names` in backquotes, and how many more there are."""
    return listed([f"`{name}`" for name in names], most)
