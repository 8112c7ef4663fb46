"""Loopback ports: which are free, and which part had which the last time."""

import json
import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"

_FIRST, _BEYOND = 20_000, 32_768


def is_free(port: int) -> bool:
    """Whether nobody listens on that loopback port."""
    with socket.socket() as probe:
        # As servers do it: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """So many different free ports, from below those that systems lend to outgoing connections.

    A lent one could be taken by any client's connection in the moment a part is restarted. One that somebody keeps (see
    `kept`) is not free.
    """
    found: set[int] = set()
    while len(found) < count:
        port = _FIRST + secrets.randbelow(_BEYOND - _FIRST)
        with socket.socket() as place, suppress(OSError):
            place.bind((LOOPBACK, port))
            found.add(port)
    return list(found)


@contextmanager
def kept(ports: Iterable[int]) -> Iterator[None]:
    """Keep ports from whoever looks for free ones, for the servers that will listen there, or listen there again.

    A place that is bound, and at which nobody listens, is taken for `free_ports` and free for a server, since servers
    bind with SO_REUSEADDR.
    """
    with ExitStack() as places:
        for port in ports:
            place = places.enter_context(socket.socket())
            try:
                place.bind((LOOPBACK, port))
            except OSError:
                continue  # a connection of before still lingers there, or a server: the part itself will say so
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield


def is_healthy(port: int) -> bool:
    """Whether an HTTP server on that loopback port answers `GET /health` with 200."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5) as connection:
            connection.settimeout(2.0)
            connection.sendall(f"GET /health HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n".encode())
            return connection.recv(12)[-4:] == b" 200"
    except OSError:
        return False


def remembered_ports(path: Path, names: Iterable[str]) -> dict[str, int]:
    """A port for each name: the one it had before if that is still free, else a new one; written back to `path`."""
    before = _read(path)
    ports = {name: before[name] for name in names if name in before and is_free(before[name])}
    missing = [name for name in names if name not in ports]
    ports |= dict(zip(missing, free_ports(len(missing)), strict=True))
    path.write_text(json.dumps(before | ports, indent=2) + "\n")
    return ports


def _read(path: Path) -> dict[str, int]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return {name: port for name, port in known.items() if isinstance(port, int)} if isinstance(known, dict) else {}
