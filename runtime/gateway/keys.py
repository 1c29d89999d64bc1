"""Whose token is whose: the values of a generation's tokens, read once, and who comes with one of them.

Sources: RFC 6750 section 2.1 (the form of a bearer token); RFC 7693 (keyed BLAKE2).
"""

import asyncio
import hashlib
import re
import secrets as entropy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway.generation import Admission
from mcphub_gitops.runtime.ports import Secrets
from mcphub_gitops.runtime.wish import SecretWish, read_secrets

_FORM: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]+")
_SHORTEST: Final = 22
_SHORTEST_HEXADECIMAL: Final = 32
"""Characters of 128 random bits, which nobody tries out: in base64, and in hexadecimal."""

_FEWEST: Final = 8
"""Different characters that a token has: of so many that are random fewer differ once in ten million."""

_RESOLUTION: Final = "make a random one, for example with `openssl rand -base64 32`"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: whoever has the token `name` and is in its `groups`, or the operator, who has no such name."""

    name: str = ""
    groups: frozenset[str] = frozenset()

    @property
    def is_operator(self) -> bool:
        """Whether it is who runs the gateway."""
        return not self.name

    def __str__(self) -> str:
        return f"the token {self.name}" if self.name else "the operator"


class Keys:
    """Finds who has a token; keeps no token, but digests under a key that lasts as long as this object.

    Nobody outside can compute these, so how long a search takes says nothing of what is searched for. Raises
    RuntimeFailure for an empty operator's token, which any request without one would match.
    """

    def __init__(self, operator: str, tokens: Iterable[tuple[Principal, str]] = ()) -> None:
        if not operator:
            raise RuntimeFailure("the gateway has no token", resolution="remove the token's file: a new one is made")
        self._key = entropy.token_bytes(32)
        self._found = {self._digest(operator.encode()): Principal()}
        for principal, value in tokens:
            other = self._found.setdefault(self._digest(value.encode()), principal)
            if other is not principal:
                whose = "the gateway's own token" if other.is_operator else str(other)
                raise RuntimeFailure(
                    f"{principal} has the value of {whose}",
                    detail="one value cannot say who calls",
                    resolution=_RESOLUTION,
                )

    def find(self, given: bytes) -> Principal | None:
        """Return who has the token `given`, None where nobody has."""
        return self._found.get(self._digest(given))

    def _digest(self, token: bytes) -> bytes:
        return hashlib.blake2b(token, key=self._key, digest_size=32).digest()


async def read_keys(admission: Admission, *, operator: str, secrets: Secrets) -> Keys:
    """Return the keys of `admission`, and of the `operator`'s token; raises RuntimeFailure, never with a value.

    Where a token cannot be read, is none, could be guessed or is another's as well, there are no keys at all.
    """
    references = {name: token.value for name, token in admission.tokens.items()}
    wish = SecretWish(server="", references=references, stores=admission.stores)
    values = await asyncio.to_thread(read_secrets, secrets, wish)
    _check(references, values)
    return Keys(operator, ((Principal(name, token.groups), values[name]) for name, token in admission.tokens.items()))


def _check(references: Mapping[str, str], values: Mapping[str, str]) -> None:
    for name, reference in references.items():
        problem = _why_no_token(values[name])
        if problem:
            raise RuntimeFailure(
                f"the token {name} cannot be used", detail=f"what {reference} holds {problem}", resolution=_RESOLUTION
            )


def _why_no_token(value: str) -> str:
    if _FORM.fullmatch(value) is None:
        return "has characters that no bearer token has: letters, digits and -._~+/ are taken, and = at its end"
    shortest = _SHORTEST_HEXADECIMAL if _HEXADECIMAL.fullmatch(value) else _SHORTEST
    if len(value) < shortest:
        return f"is shorter than {shortest} characters"
    return f"has fewer than {_FEWEST} different characters" if len(set(value)) < _FEWEST else ""
