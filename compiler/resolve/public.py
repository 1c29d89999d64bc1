"""Which addresses of the internet protocol are public.

Source: the special-purpose address registries of IANA (RFC 6890).
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address

_SPECIAL_4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network; connecting to it reaches this machine
            "10.0.0.0/8",
            "100.64.0.0/10",  # behind a carrier's translation, and the metadata of some clouds
            "127.0.0.0/8",
            "168.63.129.16/32",  # the host of a virtual machine in Azure, formally a public address
            "169.254.0.0/16",  # link-local, and the metadata of most clouds
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",  # relays of 6to4, deprecated
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)

_GLOBAL_6: Final = IPv6Network("2000::/3")
"""All that is assigned for global unicast: what maps or translates IPv4 (::, 64:ff9b::) stands outside of it."""

_SPECIAL_6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
            "2001:db8::/32",
            "2002::/16",  # 6to4 holds an IPv4 address
            "3fff::/20",
        ),
    )
)


def is_public(address: Address) -> bool:
    """Whether `address` is a unicast address of the public internet that stands for itself alone.

    Addresses that hold another one (IPv4-mapped and -compatible, NAT64, 6to4, Teredo) are not, whatever they hold.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_4)
    plain = address.scope_id is None
    return plain and address in _GLOBAL_6 and not any(address in network for network in _SPECIAL_6)
