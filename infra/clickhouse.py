"""clickhouse-driver clients: settings in, client out, nothing else.

A client blocks and is one thread's: keep it off the event loop, and give each thread its own.
"""

import logging
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from infra.errors import Unavailable, WrongSetting
from infra.settings import ClickHouseSettings

FAILURES = (Error, OSError, EOFError)
"""What the driver raises when the server refuses, is slow, or is gone."""

_CONNECT_S = 5.0


def client(settings: ClickHouseSettings) -> Any:
    """A client that connects at its first query, to the database of the URL.

    Raises:
        WrongSetting: no address is given.
    """
    return _connect_to(settings, settings.url)


def database(settings: ClickHouseSettings) -> str:
    """The name of the database in the URL; `default` where it names none."""
    return urlsplit(settings.url).path.strip("/") or "default"


def client_of_server(settings: ClickHouseSettings) -> Any:
    """A client for when the database may not exist yet: it connects to `default`."""
    return _connect_to(settings, urlunsplit(urlsplit(settings.url)._replace(path="/default")))


def unavailable(error: BaseException) -> Unavailable:
    """The driver's error as one of ours, in one line."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    reason = " ".join(lines[:2]) or type(error).__name__
    return Unavailable("clickhouse", f"ClickHouse does not do it: {reason[:500]}")


def _believing(url: str, ca_file: str) -> str:
    """The URL, with the authority that the driver is to believe."""
    if not ca_file:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, f"ca_certs={quote(ca_file)}")))))


def _connect_to(settings: ClickHouseSettings, url: str) -> Any:
    if not settings.url:
        raise WrongSetting(f"{settings.variable('url')} is empty, and no stack runs here: `headrace up` starts one")
    # It logs a traceback of every connection that it does not get, and raises the error all the same.
    logging.getLogger("clickhouse_driver.connection").setLevel(logging.ERROR)
    made = Client.from_url(_believing(url, settings.ca_file))
    made.connection.password = made.connection.password or settings.password
    made.connection.connect_timeout = min(_CONNECT_S, settings.timeout_s)
    made.connection.send_receive_timeout = settings.timeout_s
    return made
