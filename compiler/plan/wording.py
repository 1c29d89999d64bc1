"""Values in the text of plans: nothing in them that a reader cannot see, and none longer than a line."""

import re

from mcphub_gitops.compiler.source import is_seen

_LONGEST = 100
"""Longest value, in code points, that a line shows."""

_END_OF_DIGEST = re.compile(r"(?<=sha256:[0-9a-f]{12})[0-9a-f]{52}")


def clean(value: str) -> str:
    """Return `value` with what is not seen, or would begin a line, written out."""
    if value.isascii() and value.isprintable():
        return value
    return "".join(char if is_seen(char) else f"\\u{{{ord(char):x}}}" for char in value)


def shorten(value: str) -> str:
    """Return `value` clean, its digests and itself cut to what a line holds."""
    found = clean(shorten_digests(value))
    return found if len(found) <= _LONGEST else found[: _LONGEST - 1] + "…"


def shorten_digests(value: str) -> str:
    """Return `value` with the first digits of each digest in it."""
    return _END_OF_DIGEST.sub("", value)
