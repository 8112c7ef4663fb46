"""The embedded ClickHouse for tests: a process that may be killed, and a fresh database for each test."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from clickhouse_driver import Client
from clickhouse_driver.util.helpers import parse_url

from infra.local.clickhouse.embedded import EmbeddedClickHouse
from infra.local.processes.ports import free_ports
from infra.settings import ClickHouseSettings
from tests.support.stack import RunningPart

_numbers = itertools.count(1)


class Server(Protocol):
    """A ClickHouse at an address."""

    def url(self, database: str = "default") -> str:
        """The address as clients take it."""


@dataclass
class RunningClickHouse(RunningPart):
    """An embedded ClickHouse; its port and data stay the same over restarts."""

    port: int = 0
    folder: Path = Path()

    def url(self, database: str = "default") -> str:
        """The address as clients take it."""
        return EmbeddedClickHouse(self.folder, self.port).url(database)

    @contextmanager
    def client(self, database: str = "default") -> Iterator[Client]:
        """A client of its own."""
        with Client.from_url(self.url(database)) as client:
            yield client


@dataclass(frozen=True)
class GivenClickHouse:
    """A ClickHouse that somebody else runs."""

    address: str

    def url(self, database: str = "default") -> str:
        """The address as clients take it."""
        return urlunsplit(urlsplit(self.address)._replace(path=f"/{database}"))


@dataclass(frozen=True)
class Database:
    """A database of this test's own, and a client of it."""

    server: Server
    name: str
    client: Client

    @property
    def settings(self) -> ClickHouseSettings:
        """Settings for clients of this database."""
        return ClickHouseSettings(url=self.server.url(self.name))

    @contextmanager
    def another_client(self, **options: Any) -> Iterator[Client]:
        """One more client of the same database, with what else the driver's `Client` takes."""
        host, address = parse_url(self.server.url(self.name))
        with Client(**{"host": host, **address, **options}) as client:
            yield client


def a_clickhouse(folder: Path, *, shared: bool = False) -> RunningClickHouse:
    """An embedded ClickHouse that is not started yet."""
    embedded = EmbeddedClickHouse(folder / "clickhouse", free_ports(1)[0])
    return RunningClickHouse(prepare=embedded.prepare, shared=shared, port=embedded.port, folder=embedded.folder)


@contextmanager
def a_database(server: Server) -> Iterator[Database]:
    """A fresh database, dropped afterwards."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with Client.from_url(server.url()) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        with Client.from_url(server.url(name)) as client:
            yield Database(server, name, client)
        admin.execute(f"DROP DATABASE {name}")
