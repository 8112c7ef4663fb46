"""The embedded ClickHouse as a child process."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.clickhouse import packets
from infra.local.processes.errands import headrace
from infra.local.processes.ports import LOOPBACK
from infra.local.processes.process import Command

PART: Final = "ClickHouse"
ADVICE: Final = (
    "end the process that has the directory, if there is one; if the data are damaged, remove that folder and start "
    "again (ingest fills it anew from Kafka), or set HEADRACE_CLICKHOUSE__URL to a server of yours"
)


@dataclass(frozen=True)
class EmbeddedClickHouse:
    """Where one embedded engine lives: `folder` holds its data and log."""

    folder: Path
    port: int

    def url(self, database: str = "default") -> str:
        """Its address, as clients take it."""
        return f"clickhouse://{LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> Command:
        """Say what to run."""
        folder = self.folder.absolute()
        options = ("--host", LOOPBACK, "--port", str(self.port), "--data-dir", str(folder / "data"))
        return Command(
            name=PART,
            argv=headrace("clickhouse", *options),
            log=folder / "clickhouse.log",
            ready=lambda: answers_ping(self.port),
            advice=ADVICE,
            ports=(self.port,),
            ready_within_s=60.0,
            stop_within_s=15.0,
        )


def answers_ping(port: int) -> bool:
    """Whether the server at that port greets a client and answers its ping."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5) as connection:
            connection.settimeout(2.0)
            connection.sendall(packets.client_hello("headrace probe", "default") + packets.PING)
            said = b""
            while not said.endswith(packets.PONG) and (more := connection.recv(4096)):
                said += more
            return said.endswith(packets.PONG)
    except OSError:
        return False
