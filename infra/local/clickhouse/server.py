"""Listens on a port, gives each client a thread, stops without leaving anything behind."""

import logging
import socket
import threading
import time

from infra.errors import CannotStart
from infra.local.clickhouse import packets
from infra.local.clickhouse.channel import Limits
from infra.local.clickhouse.connection import Connection
from infra.local.clickhouse.embedded import PART
from infra.local.clickhouse.engine import Engine
from infra.local.clickhouse.faults import TOO_MANY_CLIENTS
from infra.local.clickhouse.running import Running

_log = logging.getLogger(__name__)
_BACKLOG = 128
_STOP_S = 5.0
_PAUSE_S = 0.1
_SAY_EVERY_S = 60.0


class Server:
    """ClickHouse's native protocol on one port.

    Threads rather than a loop: every step of a conversation either waits for the client or for the engine, and both
    waits block.
    """

    def __init__(self, engine: Engine, *, host: str, port: int, limits: Limits | None = None, most: int = 200) -> None:
        """Listen.

        Raises:
            CannotStart: the port is taken or not ours.
        """
        self._engine = engine
        self._limits = limits or Limits()
        self._most = most
        self._running = Running(engine)
        self._listening = threading.Thread(target=self._running.listen, daemon=True, name="clickhouse-listen")
        self._clients: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._quiet_until_s = 0.0
        try:
            self._listener = socket.create_server((host, port), backlog=_BACKLOG)
        except OSError as error:
            advice = "end the process that has the port, or give another one"
            raise CannotStart(PART, f"cannot listen on {host}:{port}: {error}", advice=advice) from None
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Take clients until `stop` is called."""
        self._listening.start()
        while not self._stopping:
            try:
                client, _ = self._listener.accept()
            except OSError as error:
                if not self._stopping:
                    self._wait_for_room(error)
                continue
            self._take(client)

    def _wait_for_room(self, error: OSError) -> None:
        """Where there is no file left for a client, the next try fails as well until somebody leaves."""
        now_s = time.monotonic()
        if now_s >= self._quiet_until_s:
            self._quiet_until_s = now_s + _SAY_EVERY_S
            _log.error("cannot take a client, trying again", extra={"error": str(error)})
        time.sleep(_PAUSE_S)

    def stop(self) -> None:
        """Take no more clients: may be called from a signal handler or another thread."""
        self._stopping = True
        # Closing alone does not wake a thread that waits in accept().
        _hang_up(self._listener)
        self._listener.close()

    def close(self) -> None:
        """Let every client go and wait, for a while, until their queries have ended."""
        self.stop()
        with self._lock:
            open_now = list(self._clients.items())
        for _, client in open_now:
            _hang_up(client)
        self._engine.interrupt()
        deadline_s = time.monotonic() + _STOP_S
        for thread, _ in open_now:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        self._running.close()
        if self._listening.is_alive():
            self._listening.join()

    def _take(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a client whose machine died is noticed
        thread = threading.Thread(target=self._converse, args=(client,), daemon=True, name="clickhouse-client")
        with self._lock:
            if len(self._clients) < self._most:
                self._clients[thread] = client
        if thread in self._clients:  # only the thread itself takes it out again
            thread.start()
        else:
            _refuse(client, self._most)

    def _converse(self, client: socket.socket) -> None:
        try:
            with client:
                Connection(client, self._engine, self._running, self._limits).converse()
        except Exception:
            _log.exception("a conversation ended by our fault")
        finally:
            with self._lock:
                del self._clients[threading.current_thread()]


def _refuse(client: socket.socket, most: int) -> None:
    with client:
        client.settimeout(0)
        try:
            client.send(packets.exception(TOO_MANY_CLIENTS, f"{most} clients are connected already"))
        except OSError:
            pass  # it has left already


def _hang_up(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other side was faster
