"""Places on the network: a host with a port, as it stands in the gateway's settings."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from mcphub_gitops.compiler.resolve.public import is_public

_LAST_PORT = 65535
_PLACE = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<host>[^:\[\]]*))(?::(?P<port>[0-9]*))?")
_URL = re.compile(r"(?P<scheme>https?)://(?P<place>[^/?#@\s]+)(?:[/?][^#\s]*)?")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_NUMERIC = re.compile(r"[0-9.]+")
_THIS_MACHINE = re.compile(r"(?:.*\.)?localhost", re.IGNORECASE)
"""Names of the machine itself, whatever a resolver says (RFC 6761 section 6.3)."""


def why_no_place(place: str, *, least: int) -> str:
    """Return why ``HOST[:PORT]`` cannot be one, as a sentence, or nothing; `least` is the smallest port.

    What has not that form at all is for the caller to tell: a schema or a pattern has seen it.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        return ""
    port, six = match["port"], match["six"]
    if port is not None and (not port or not least <= int(port) <= _LAST_PORT):
        return f"A port is a number from {least} to {_LAST_PORT}."
    if six is not None:
        return "" if _is_address(IPv6Address, six) else f"`{six}` is no IPv6 address."
    return _why_no_host(match["host"])


def _why_no_host(host: str) -> str:
    if _NUMERIC.fullmatch(host):
        return "" if _is_address(IPv4Address, host) else f"`{host}` is no IPv4 address."
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):  # noqa: PLR2004  (RFC 1035)
        return f"`{host}` is no host name."
    return ""


def why_no_endpoint(url: str, *, private: bool) -> str:
    """Return why `url` cannot be the endpoint of a remote server, as a sentence, or nothing.

    Without `private` it is https, and an address that stands in it is public; whether that of a name is, is found out
    when it is connected to.
    """
    match = _URL.fullmatch(url)
    place = None if match is None else _PLACE.fullmatch(match["place"])
    if match is None or place is None:
        return "An endpoint is `https://HOST[:PORT]/PATH`, without user, spaces or fragment."
    if private:
        return why_no_place(match["place"], least=1)
    if match["scheme"] != "https":
        return "An endpoint is reached over https; with a reason under `private`, also over http."
    return why_no_place(match["place"], least=1) or _why_not_public(place["six"] or place["host"])


def _why_not_public(host: str) -> str:
    try:
        public = is_public(ip_address(host))
    except ValueError:
        public = _THIS_MACHINE.fullmatch(host) is None
    return "" if public else f"`{host}` is no public address; it is reached with a reason under `private` alone."


def _is_address(kind: type[IPv4Address | IPv6Address], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True
