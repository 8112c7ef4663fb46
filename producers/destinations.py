"""Which URLs and addresses a webhook may call, so that no client can make us call into our own network (SSRF).

By default https to public addresses only. The gateway refuses at once what a URL alone gives away. The sender judges
the address again at every attempt, after the name was resolved and before the connection is made, so that a name that
changes its mind (DNS rebinding) gains nothing.
"""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal
from urllib.parse import urlsplit

Channel = Literal["public", "loopback", "trusted"]
"""How a URL may be reached: at public addresses only, at this machine itself only, or wherever its operator says."""

ALLOW_LOOPBACK = "HEADRACE_WEBHOOKS__ALLOW_LOOPBACK=1"
_LONGEST_NAME, _LONGEST_LABEL = 253, 63

# Beyond what Python calls not global; each is somewhere that only insiders should reach.
_NEVER = tuple(
    ip_network(each)
    for each in (
        "100.64.0.0/10",  # carrier-grade NAT; some clouds' metadata services
        "168.63.129.16/32",  # Azure's wire server
        "192.0.0.0/24",  # protocol assignments; some clouds' metadata services
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",  # benchmarking
        "::/96",  # IPv4-compatible, unspecified, loopback
        "::ffff:0:0/96",  # IPv4-mapped
        "64:ff9b:1::/48",  # NAT64 for local use
        "fec0::/10",  # site-local
    )
)
_NAT64 = ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ip_network("2002::/16")
_TEREDO = ip_network("2001::/32")


@dataclass(frozen=True)
class Policy:
    """What an operator allows beyond public https; `trusted` are `host:port`, in lower case."""

    allow_loopback: bool = False
    trusted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Forbidden:
    """A webhook must not go there."""

    reason: str


def host_of(url: str) -> str:
    """Where a URL leads, as `host:port`; deliveries to one host share its limit."""
    try:
        parts = urlsplit(url)
        port = parts.port or (80 if parts.scheme == "http" else 443)
        return f"{(parts.hostname or '').lower()}:{port}"
    except ValueError:
        return ":0"


def forbidden(url: str, policy: Policy) -> Forbidden | None:
    """Why a URL will never be called, as far as it says so itself; names are judged when connecting."""
    channel = channel_of(url, policy)
    if isinstance(channel, Forbidden):
        return channel
    address = _literal(urlsplit(url).hostname or "")
    reason = refusal(address, channel) if address else None
    return Forbidden(reason) if reason else None


def channel_of(url: str, policy: Policy) -> Channel | Forbidden:
    """How a URL may be reached, before its name is resolved."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return Forbidden("the URL is malformed")
    if parts.scheme not in ("http", "https") or not host:
        return Forbidden("the URL is neither http nor https")
    if parts.username is not None or parts.password is not None:
        return Forbidden("the URL carries a user name or a password")
    if port == 0 or not _is_name(host):
        return Forbidden("the URL names a host or a port that cannot be")
    if host_of(url) in policy.trusted:
        return "trusted"
    if policy.allow_loopback and _is_loopback_name(host):
        return "loopback"
    if parts.scheme == "http":
        advice = f" (to this machine itself {ALLOW_LOOPBACK} allows it)" if _is_loopback_name(host) else ""
        return Forbidden(f"plain http is not allowed{advice}")
    return "public"


def refusal(address: str, channel: Channel) -> str | None:
    """Why a connection to this address must not be made on that channel; None where it may."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return f"{address} is no address"
    match channel:
        case "trusted":
            return None
        case "loopback":
            return None if found.is_loopback else f"{address} is not this machine"
        case "public":
            return None if _is_public(found) else f"{address} is not a public address"


def _literal(host: str) -> str | None:
    """The address that a host is, in any way of writing it that a resolver takes (`127.1`, `0x7f000001`)."""
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _is_name(host: str) -> bool:
    """Whether a resolver could know it: RFC 1035 bounds a name and each of its labels."""
    name = host.removesuffix(".")
    return len(name) <= _LONGEST_NAME and all(0 < len(label) <= _LONGEST_LABEL for label in name.split("."))


def _is_loopback_name(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        if (inner := _embedded(address)) is not None:
            return _is_public(inner)
        if address in _TEREDO:
            return False
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a translator or a tunnel would turn this one into."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return address.sixtofour
    return None
