"""Where a URL leads: no socket, no resolver.

Sources: RFC 3986 section 3; WHATWG URL "ends in a number".
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from mcphub_gitops.compiler.resolve.public import Address, is_public
from mcphub_gitops.runtime.failure import RuntimeFailure

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = 65535
_LONGEST_NAME: Final = 253
_PLAIN = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<target>[^#]*)(?P<fragment>#.*)?")
_AUTHORITY = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
# An underscore is no part of a host's name, but container networks have such names.
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the requests go: `host` is a name or an address without brackets, `target` the path with its query.

    The query may hold a secret, so only `shown` stands in messages.
    """

    secure: bool
    host: str
    port: int
    target: str
    private: bool

    @property
    def authority(self) -> str:
        """The value of the header Host: the port is left out where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def scheme(self) -> str:
        """The scheme, ``http`` or ``https``."""
        return "https" if self.secure else "http"

    @property
    def shown(self) -> str:
        """The place without path and query."""
        return f"{self.scheme}://{self.authority}"

    @property
    def address(self) -> Address | None:
        """The address, where the host is none that a resolver has to be asked for."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    def refusal(self, address: Address) -> str:
        """Return why nothing may be sent to `address`, as the end of a sentence, or nothing."""
        if is_public(address):
            return "" if self.secure else f"{address} is a public address, and plain HTTP would show it the headers"
        return "" if self.private else f"{address} is not a public address"


def place_of(url: str, *, whose: str, private: bool = False) -> Place:
    """Return where `url` leads, that of `whose` in messages; `private` allows addresses that are not public.

    Raises RuntimeFailure that says what is wrong with it, without the secrets in it.
    """
    found = _URL.fullmatch(url) if _PLAIN.fullmatch(url) else None
    if found is None:
        raise _refuse(whose, "It is no URL of printable ASCII characters without a backslash.")
    scheme = found["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise _refuse(whose, "Its scheme is neither https nor http.")
    if scheme == "http" and not private:
        raise _refuse(whose, "Plain HTTP is for private addresses alone.", "Use https, or set `private: true`.")
    if "@" in found["authority"]:
        raise _refuse(whose, "It holds a user name or password.", "Send credentials as a header, from a secret.")
    if found["fragment"] is not None:
        raise _refuse(whose, "It has a fragment (`#`), which is never sent.")
    parts = _AUTHORITY.fullmatch(found["authority"])
    if parts is None:
        raise _refuse(whose, "It has no host, or a port that is no number.")
    port = int(parts["port"] or _DEFAULT_PORTS[scheme])
    if not 1 <= port <= _LAST_PORT:
        raise _refuse(whose, f"Its port is not between 1 and {_LAST_PORT}.")
    host = _address_6(whose, parts["six"]) if parts["six"] else _host(whose, parts["host"])
    target = found["target"]
    return Place(
        secure=scheme == "https",
        host=host,
        port=port,
        target=target if target.startswith("/") else f"/{target}",
        private=private,
    )


def _address_6(whose: str, text: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise _refuse(whose, "What stands between the brackets is no IPv6 address.") from None


def _host(whose: str, host: str) -> str:
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # Resolvers take octal, hexadecimal and short forms for addresses; what a reader takes it for is another matter.
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise _refuse(whose, "Its host ends in a number but is no address of four decimal numbers.") from None
    if len(host) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        raise _refuse(whose, "Its host is neither a name nor an address.", "Write an international name as xn--….")
    return host.lower()


def _refuse(whose: str, detail: str, resolution: str = "") -> RuntimeFailure:
    return RuntimeFailure(
        f"The URL of {whose} cannot be used",
        detail=detail,
        resolution=resolution or "Correct the URL, as in https://host.example/mcp.",
    )
