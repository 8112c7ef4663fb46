"""Where a process of ours listens: a host and port, an IPv6 address or a socket file, with or without TLS."""

import errno
import ipaddress
import logging
import ssl
from typing import Final

from aiohttp import web

from infra.errors import WrongSetting

log = logging.getLogger(__name__)

SOCKET_FILE: Final = "unix:"
"""A host that begins so is the path of a socket file."""


async def listen(
    runner: web.AppRunner, host: str, port: int, *, named: str, tls: ssl.SSLContext | None = None, warn: bool = True
) -> str:
    """Listen there; the URL under which it is reached. `named` is the setting to mend where nothing can listen.

    Raises:
        WrongSetting: nothing can listen there.
    """
    site: web.BaseSite
    if host.startswith(SOCKET_FILE):
        site = web.UnixSite(runner, host.removeprefix(SOCKET_FILE), backlog=1024, ssl_context=tls)
    else:
        site = web.TCPSite(runner, host.strip("[]"), port, backlog=1024, ssl_context=tls)
    try:
        await site.start()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise WrongSetting(f"{named} is taken: give each process an address of its own") from None
        raise WrongSetting(f"{named}: nothing can listen there: {error.strerror or error}") from None
    if warn and tls is None and is_public(host):
        log.warning("%s: other machines can reach this and nothing is encrypted: give it TLS, or keep it inside", named)
    return _url(runner, "https" if tls else "http")


def is_public(host: str) -> bool:
    """Whether other machines may reach what listens there."""
    if host.startswith(SOCKET_FILE) or host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return True


def _url(runner: web.AppRunner, scheme: str) -> str:
    address = runner.addresses[0]
    if isinstance(address, str):
        return f"{scheme}+{SOCKET_FILE}{address}"
    host, port = address[:2]
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
