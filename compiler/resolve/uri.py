"""Which URIs a URI template may stand for, decided on its literal text alone.

An expression such as ``{name}`` or ``{?page}`` (RFC 6570) may be any text, also none: servers read templates in their
own ways, and so no server's way is left out. What fits no literal text can be expanded by none of them.
"""

import re
from typing import Self

_EXPRESSION = re.compile(r"\{[^{}]*\}")


class UriTemplate:
    """A template, taken apart once."""

    __slots__ = ("_literals", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._literals = _EXPRESSION.split(text)

    def fits(self, uri: str) -> bool:
        """Tell whether an expansion may be `uri`."""
        first, *rest = self._literals
        if not rest:
            return uri == first
        *middle, last = rest
        end = len(uri) - len(last)
        if not uri.startswith(first) or not uri.endswith(last) or end < len(first):
            return False
        at = len(first)
        for literal in middle:
            found = uri.find(literal, at, end)
            if found < 0:
                return False
            at = found + len(literal)
        return True

    def meets(self, other: Self) -> bool:
        """Tell whether one URI may be an expansion of both; that it cannot is certain, that it can is not.

        What decides is the literal text before the first expressions and after the last ones.
        """
        if len(self._literals) == 1:
            return other.fits(self.text)
        if len(other._literals) == 1:
            return self.fits(other.text)
        (head, tail), (its_head, its_tail) = self._ends, other._ends
        heads = head.startswith(its_head) or its_head.startswith(head)
        return heads and (tail.endswith(its_tail) or its_tail.endswith(tail))

    @property
    def _ends(self) -> tuple[str, str]:
        return self._literals[0], self._literals[-1]
