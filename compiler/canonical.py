"""The only definition of "the same": canonical JSON and SHA-256 fingerprints of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from math import isinf
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
"""Made once: making it takes as long as writing the definition of a tool."""


def encode(value: Any) -> bytes:  # noqa: ANN401  (any JSON value)
    """Return `value` as JSON with sorted keys, no insignificant space, UTF-8, and no normalisation of text.

    Raises ValueError for NaN and infinities, TypeError for what is not JSON.
    """
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


def join_object(members: Mapping[str, bytes]) -> bytes:
    """Return the encoding of an object whose members are encoded already, by name."""
    return b"{%b}" % b",".join(b"%b:%b" % (encode(name), members[name]) for name in sorted(members))


def join_list(items: Iterable[bytes]) -> bytes:
    """Return the encoding of a list whose items are encoded already."""
    return b"[%b]" % b",".join(items)


def decode(data: bytes) -> Any:  # noqa: ANN401  (any JSON value)
    """Return the JSON value in `data`; raises ValueError for anything else.

    That is also NaN, a number too large to be one, and a key given twice.
    RecursionError tells of nesting that no document of ours has.
    """
    return json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)


def fingerprint(value: Any) -> str:  # noqa: ANN401  (any JSON value)
    """Return ``sha256:<64 hex digits>`` of the canonical encoding of `value`."""
    return digest(encode(value))


def digest(data: bytes) -> str:
    """Return ``sha256:<64 hex digits>`` of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError(f"{text} is too large for a number")
    return number


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
