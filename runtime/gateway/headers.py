"""Values of the protocol's own HTTP headers (MCP 2026-07-28, "Transports", value encoding)."""

import base64
import binascii
import re

_SENTINEL = re.compile(rb"=\?base64\?(.*)\?=")


def trimmed(value: bytes | None) -> bytes | None:
    """Return a header value without the space around it, which is no part of it (RFC 9110 section 5.5).

    The parser of the HTTP server leaves the space behind a value.
    """
    return None if value is None else value.strip(b" \t")


def decoded(value: bytes | None) -> bytes | None:
    """Return what a header value says, None for a malformed encoding, which then equals nothing."""
    found = trimmed(value)
    encoded = None if found is None else _SENTINEL.fullmatch(found)
    if encoded is None:
        return found
    try:
        plain = base64.b64decode(encoded.group(1), validate=True)
    except binascii.Error:
        return None
    # Several texts decode to the same bytes; only the usual one is meant.
    return plain if base64.b64encode(plain) == encoded.group(1) else None
