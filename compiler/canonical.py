"""The only definition of "the same": canonical JSON and SHA-256 fingerprints of it."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from math import isinf
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
"""Made once: making it takes as long as writing the definition of a tool."""

quote = json.encoder.encode_basestring
"""Writes one text as `write` does: it is what the encoder itself writes texts with."""


def write(value: object) -> str:
    """Return `value` as JSON with sorted keys, no insignificant space, and no normalisation of text.

    Raises ValueError for NaN and infinities, TypeError for what is not JSON.
    """
    return _ENCODER.encode(value)


def encode(value: object) -> bytes:
    """Return `value` as `write` does, in UTF-8; what a text has of half a surrogate pair stays."""
    return encode_text(write(value))


def encode_text(written: str) -> bytes:
    """Return what `write` returned in UTF-8, as `encode` does."""
    return written.encode("utf-8", "surrogatepass")


def object_parts(members: Mapping[str, Iterable[bytes]]) -> Iterator[bytes]:
    """Yield the encoding of an object part by part; `members` are the parts of what is encoded already, by name."""
    yield b"{"
    for number, name in enumerate(sorted(members)):
        yield b",%b:" % encode(name) if number else b"%b:" % encode(name)
        yield from members[name]
    yield b"}"


def list_parts(items: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the encoding of a list part by part; `items` are encoded already."""
    yield b"["
    for number, item in enumerate(items):
        yield b",%b" % item if number else item
    yield b"]"


def encode_around(value: Mapping[str, Any], name: str, encoded: bytes) -> bytes:
    """Return the encoding of the object `value` with one member more, `name`, which is encoded already."""
    before = {key: each for key, each in value.items() if key < name}
    after = {key: each for key, each in value.items() if key > name}
    parts = (encode(before)[1:-1], b"%b:%b" % (encode(name), encoded), encode(after)[1:-1])
    return b"{%b}" % b",".join(filter(None, parts))


def decode(data: bytes) -> Any:  # noqa: ANN401  (any JSON value)
    """Return the JSON value in `data`; raises ValueError for anything else.

    That is also NaN, a number too large to be one, and a key given twice.
    RecursionError tells of nesting that no document of ours has.
    """
    return json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)


def fingerprint(value: object) -> str:
    """Return ``sha256:<64 hex digits>`` of the canonical encoding of `value`."""
    return digest(encode(value))


def digest(data: bytes) -> str:
    """Return ``sha256:<64 hex digits>`` of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_parts(parts: Iterable[bytes]) -> str:
    """Return the digest of `parts`, one behind the other."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return "sha256:" + found.hexdigest()


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
