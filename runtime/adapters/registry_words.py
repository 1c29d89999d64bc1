"""What registries say beside the bytes of images: who may ask, for what reason not, and with which token. Pure."""

import json
import re
from collections.abc import Collection
from ipaddress import ip_address

_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,39}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")

# A scheme, or a parameter of the last one: `name="quoted"` or `name=plain` (RFC 9110, section 11).
_CHALLENGE = re.compile(
    r'[\s,]*+(?:(?P<name>[\w!#$%&*+.^`|~-]++)\s*+=\s*+(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<plain>[^\s,"]++))'
    r"|(?P<scheme>[\w!#$%&*+.^`|~-]++)(?=\s|,|$))",
    re.ASCII,
)
_LONGEST_CHALLENGE = 4096


def is_this_machine(host: str) -> bool:
    """Tell whether a host, without port or brackets, is this machine by its name or address alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def read_codes(data: bytes) -> frozenset[str]:
    """Return the codes of an error (OCI distribution specification, "Error Codes"); none for anything else.

    The messages beside them are free text, in which a registry may repeat what it was sent.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return frozenset()
    errors = content.get("errors") if isinstance(content, dict) else None
    codes = [error.get("code") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return frozenset(code for code in codes[:10] if isinstance(code, str) and _CODE.fullmatch(code))


def read_token(data: bytes) -> str:
    """Return the token of a token service's answer; empty when there is none that a header could hold."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    token = (content.get("token") or content.get("access_token")) if isinstance(content, dict) else None
    return token if isinstance(token, str) and _TOKEN.fullmatch(token) else ""


def read_challenges(headers: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the parameters of each scheme that ``WWW-Authenticate`` offers, by their names in lower case.

    Of what is given twice the first counts. What is longer than 4 KiB is no challenge.
    """
    found: dict[str, dict[str, str]] = {}
    for header in headers:
        if len(header) > _LONGEST_CHALLENGE:
            continue
        parameters: dict[str, str] = {}
        for match in _CHALLENGE.finditer(header):
            if match["scheme"]:
                parameters = found.setdefault(match["scheme"].lower(), {})
            else:
                quoted = match["quoted"]
                value = match["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                parameters.setdefault(match["name"].lower(), value)
    return found
