"""Which words of a text are as irregular as only keys and passwords are."""

import re
from collections import Counter
from collections.abc import Iterator
from math import log2

_WORD = re.compile(r"(?<![A-Za-z0-9_-])(?=[A-Za-z_-]*[0-9][A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20,}={0,2}")
"""What a key is written in, with two digits at least; shorter ones are too much like names to tell."""

_KNOWN = re.compile(
    # A UUID, and what is written in hexadecimal alone: digests, commits, identities.
    r"[0-9A-Fa-f-]+\Z"
    # An integrity of npm and of browsers (W3C Subresource Integrity).
    r"|sha(?:1|256|384|512)-"
)
_BEFORE = re.compile(
    # A digest, an embedded image, or a place.
    r"(?:sha(?:1|256|384|512|512-256)[:-]|base64,|://)[^\s\"'<>]*\Z"
)
_JOINTS = re.compile(r"[_=-]")
_RUNS = re.compile(r"[a-z]+|[A-Z]+|[0-9]+")
_LONGEST_LOOK = 256

_LEAST_ENTROPY = 3.6
_LEAST_CHANGES = 0.28


def irregular_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield where in `text` each irregular word begins and ends.

    UUIDs, digests and other hexadecimal, integrities, embedded images and URLs are left out: they are public by nature.
    So a key that is written in hexadecimal is not found either.
    """
    for match in _WORD.finditer(text):
        word = match[0]
        if _is_irregular(word) and not _KNOWN.match(word) and not _is_part_of_known(text, match.start()):
            yield match.span()


def _is_part_of_known(text: str, start: int) -> bool:
    return _BEFORE.search(text, max(0, start - _LONGEST_LOOK), start) is not None


def _is_irregular(word: str) -> bool:
    # Words with hyphens between them are a name, so hyphens make nothing irregular.
    plain = _JOINTS.sub("", word)
    changes = len(_RUNS.findall(plain)) - 1
    return changes / len(plain) >= _LEAST_CHANGES and _entropy(plain) >= _LEAST_ENTROPY


def _entropy(word: str) -> float:
    """Return Shannon's entropy of `word`, in bits a character."""
    size = len(word)
    return -sum(number / size * log2(number / size) for number in Counter(word).values())
