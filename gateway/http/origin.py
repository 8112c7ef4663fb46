"""Where a request comes from, as far as it can be believed: a proxy says it, and counts only if we know it. Pure."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SOCKET_FILE: Final = "unix"
"""Whoever may open our socket file, named as a proxy."""
MOST_HOPS: Final = 20
"""Proxies looked at, from ours outwards."""
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_PAIR = re.compile(r'\s*([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^\s;,"]+)\s*')
_PORT = re.compile(r"(\d+\.\d+\.\d+\.\d+|\[[^\]]*\]):[\w.]{1,7}")


class Headers(Protocol):
    """Headers of a request, each perhaps given several times."""

    def getall(self, name: str, default: list[str], /) -> list[str]:
        """All its values, in order."""
        ...


@dataclass(frozen=True)
class Origin:
    """The client's address (empty over a socket file), and the scheme and host that it used."""

    client: str
    scheme: str
    host: str


@dataclass(frozen=True)
class Hop:
    """What one proxy says of whoever called it."""

    client: str
    scheme: str = ""
    host: str = ""


@dataclass(frozen=True)
class Proxies:
    """Those that we believe, and which headers they set: X-Forwarded-*, or else RFC 7239's Forwarded."""

    networks: tuple[Network, ...] = ()
    socket_file: bool = False
    standard: bool = False

    @classmethod
    def of(cls, named: Iterable[str], *, standard: bool = False) -> "Proxies":
        """From addresses and networks as they are written in the settings.

        Raises:
            ValueError: one is neither.
        """
        given = tuple(named)
        networks = tuple(ipaddress.ip_network(each) for each in given if each != SOCKET_FILE)
        return cls(networks, SOCKET_FILE in given, standard)

    def trust(self, client: str) -> bool:
        """Whether what comes from there may speak for others."""
        if not client:
            return self.socket_file
        if not self.networks:
            return False
        address = _address(client)
        return address is not None and any(address in each for each in self.networks if each.version == address.version)

    def origin(self, seen: Origin, headers: Headers) -> Origin:
        """Who asked: `seen` is what the connection itself tells. The walk is from us outwards, and ends at a stranger.

        What stands left of the first stranger is his own word and is never read.
        """
        if not self.trust(seen.client):
            return seen
        found = seen
        hops = _standard(headers) if self.standard else _customary(headers)
        for hop in reversed(hops[-MOST_HOPS:]):
            client = _address(hop.client)
            if client is None:
                break
            scheme = hop.scheme.lower()
            found = replace(
                found,
                client=str(client),
                scheme=scheme if scheme in {"http", "https"} else found.scheme,
                host=hop.host if _HOST.fullmatch(hop.host) else found.host,
            )
            if not self.trust(found.client):
                break
        return found


def _customary(headers: Headers) -> list[Hop]:
    """X-Forwarded-For; what is said of scheme and host counts for each hop where it is said once, else by place."""
    clients, schemes, hosts = (_list(headers, f"X-Forwarded-{name}") for name in ("For", "Proto", "Host"))
    return [
        Hop(client, _beside(schemes, place, len(clients)), _beside(hosts, place, len(clients)))
        for place, client in enumerate(clients)
    ]


def _beside(said: Sequence[str], place: int, of: int) -> str:
    """What belongs to the hop at that place; where the numbers differ, the nearest proxy's word is all there is."""
    return "" if not said else said[place] if len(said) == of else said[-1]


def _standard(headers: Headers) -> list[Hop]:
    """RFC 7239; an element that is malformed hides itself and what stands left of it."""
    hops: list[Hop] = []
    for element in _elements(",".join(headers.getall("Forwarded", []))):
        pairs = [_PAIR.fullmatch(each) for each in _split(element, ";")]
        named = {each[1].lower(): _unquoted(each[2]) for each in pairs if each}
        if len(named) != len(pairs):
            hops.clear()
            continue
        hops.append(Hop(named.get("for", ""), named.get("proto", ""), named.get("host", "")))
    return hops


def _elements(text: str) -> list[str]:
    return [each for each in _split(text, ",") if each.strip()]


def _split(text: str, by: str) -> list[str]:
    """Split, but not inside quotes; an open quote runs to the end."""
    return re.findall(rf'(?:"(?:[^"\\]|\\.)*"?|[^{by}"])+', text)


def _list(headers: Headers, name: str) -> list[str]:
    return [each.strip() for each in ",".join(headers.getall(name, [])).split(",") if each.strip()]


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _address(text: str) -> Address | None:
    """The address, with or without brackets and port; one of IPv4 inside IPv6 is IPv4."""
    if found := _PORT.fullmatch(text):
        text = found[1]
    try:
        address = ipaddress.ip_address(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
