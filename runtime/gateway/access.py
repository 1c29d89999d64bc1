"""Who may ask what: tokens, groups, and the exact names under which the gateway is asked.

A token is demanded on loopback as well, and a browser's page from elsewhere is refused by the names it cannot choose.
Sources: RFC 6750 (section 3.1: what may not be entered); RFC 6454 section 6.2 (the form of an origin); MCP 2025-11-25
and 2026-07-28, "Security Warning".
"""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Final, Self
from urllib.parse import urlsplit

from mcphub_gitops.runtime.gateway import wire
from mcphub_gitops.runtime.gateway.generation import Generation
from mcphub_gitops.runtime.gateway.keys import Keys, Principal
from mcphub_gitops.runtime.gateway.mirrors import PREFIX
from mcphub_gitops.runtime.gateway.routing import WHOLE
from mcphub_gitops.runtime.gateway.session import Reply
from mcphub_gitops.runtime.gateway.wire import Fault

_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SCHEME: Final = b"bearer "
_MIRRORED: Final = PREFIX.encode()
# In each of these a second value could be read by the next reader where the first one was checked here.
_SINGLE: Final = frozenset(
    {b"host", b"origin", b"authorization", b"content-length", b"content-type", b"mcp-protocol-version"}
    | {b"mcp-session-id", b"mcp-method", b"mcp-name"}
)


class Access:
    """What is checked of every request before its body is read: `hosts` and `origins` in lower case, whole.

    `keys` say who has which token. `doors` are the groups that each profile is for, and the whole; None where the
    gateway's own token is the only one, which then opens all of them.
    """

    def __init__(
        self,
        *,
        keys: Keys,
        hosts: frozenset[bytes],
        origins: frozenset[bytes],
        doors: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self._keys = keys
        self._hosts = hosts
        self._origins = origins
        self._doors = doors

    @classmethod
    def of(
        cls,
        *,
        keys: Keys,
        listen: str,
        address: tuple[str, int],
        public_url: str = "",
        doors: Mapping[str, frozenset[str]] | None = None,
    ) -> Self:
        """Return the checks for a gateway that was told to `listen` and is bound to `address` (IP address and port)."""
        host, port = address
        names = {listen.rpartition(":")[0].lower(), f"[{host}]" if ":" in host else host}
        ip = ipaddress.ip_address(host)
        if ip.is_loopback or ip.is_unspecified:
            names.update(_LOOPBACK_NAMES)
        hosts = {place for name in names for place in _places(name, port, "http")}
        origins = {_origin("http", name, port) for name in names}
        if public_url:
            url = urlsplit(public_url.lower())
            public_host, public_port = url.hostname or "", url.port or _DEFAULT_PORTS[url.scheme]
            hosts.update(_places(public_host, public_port, url.scheme))
            origins.add(_origin(url.scheme, public_host, public_port))
        return cls(
            keys=keys,
            hosts=frozenset(place.encode() for place in hosts),
            origins=frozenset(origin.encode() for origin in origins),
            doors=doors,
        )

    def refuse_place(self, headers: Mapping[bytes, bytes]) -> Reply | None:
        """Return what to answer to a request whose `Host` or `Origin` is not one of the gateway's own, else None."""
        host = headers.get(b"host")
        if host not in self._hosts and (host is None or host.lower() not in self._hosts):
            return _refusal(421, "The Host header does not name this gateway")
        origin = headers.get(b"origin")
        if origin is not None and origin not in self._origins:
            return _refusal(403, "The Origin is not allowed")
        return None

    def identify(self, headers: Mapping[bytes, bytes], query: bytes) -> Principal | Reply:
        """Return who sent a request, or what to answer to one without a right token."""
        if b"token=" in query:
            return _refusal(400, "A token in a URL ends up in logs: send it in the header Authorization")
        given = headers.get(b"authorization", b"")
        if given[: len(_SCHEME)].lower() != _SCHEME:
            return _unauthorized("The bearer token is missing", b"Bearer")
        found = self._keys.find(given[len(_SCHEME) :].strip(b" "))
        return found or _unauthorized("The bearer token is wrong", b'Bearer error="invalid_token"')

    def refuse_entry(self, principal: Principal, profile: str) -> Reply | None:
        """Return what to answer to `principal`, who may not enter `profile` or the whole, else None.

        The operator is in no group: where there are tokens, who reaches a tool is what was reviewed, and nobody else.
        """
        if self._doors is None or not principal.groups.isdisjoint(self._doors.get(profile, frozenset())):
            return None
        return _forbidden("The token is not for this path")

    def refuse_watcher(self, principal: Principal) -> Reply | None:
        """Return what to answer to `principal`, who may not be told of servers and their logs, else None."""
        return None if principal.is_operator else _forbidden("This is for who runs the gateway")


def doors_of(generation: Generation) -> Mapping[str, frozenset[str]] | None:
    """Return the groups that each profile of `generation`, and the whole, is for; None where nothing is for any."""
    doors = {name: profile.groups for name, profile in generation.profiles.items()}
    doors[WHOLE] = generation.admission.groups
    return doors if generation.admission.tokens or any(doors.values()) else None


def refuse_repeated(pairs: list[tuple[bytes, bytes]]) -> Reply | None:
    """Return what to answer to a request that repeats a header of which there can be but one, else None."""
    seen: set[bytes] = set()
    for name, _ in pairs:
        if name in seen and (name in _SINGLE or name.startswith(_MIRRORED)):
            return _refusal(400, f"The header {name.decode('ascii', 'replace')} stands there twice")
        seen.add(name)
    return None


def _places(name: str, port: int, scheme: str) -> Iterator[str]:
    yield f"{name}:{port}"
    if port == _DEFAULT_PORTS[scheme]:
        yield name


def _origin(scheme: str, name: str, port: int) -> str:
    return f"{scheme}://{name}" if port == _DEFAULT_PORTS[scheme] else f"{scheme}://{name}:{port}"


def _unauthorized(message: str, challenge: bytes) -> Reply:
    return _refusal(401, message, (b"www-authenticate", challenge))


def _forbidden(message: str) -> Reply:
    return _refusal(403, message, (b"www-authenticate", b'Bearer error="insufficient_scope"'))


def _refusal(status: int, message: str, *headers: tuple[bytes, bytes]) -> Reply:
    return Reply(status, wire.fault(None, Fault(wire.REFUSED, message)), headers)
