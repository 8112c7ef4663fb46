"""Whether a text is an address of the form that a setting takes; nothing is looked up or connected to."""

import re
from urllib.parse import urlsplit

_LAST_PORT = 65_535
_HOST_AND_PORT = re.compile(r"(?:[^\s:/@\[\]]+|\[[\da-fA-F:.%]+\])(?::(?P<port>\d{1,5}))?")


def is_url(text: str, *schemes: str) -> bool:
    """Whether it is a URL of one of these schemes that names a host, and a port that exists or none."""
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_host_and_port(text: str) -> bool:
    """Whether it is `host` or `host:port`; an IPv6 address stands in brackets."""
    found = _HOST_AND_PORT.fullmatch(text)
    return found is not None and (found["port"] is None or 0 < int(found["port"]) <= _LAST_PORT)
