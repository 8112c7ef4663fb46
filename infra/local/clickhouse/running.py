"""The queries that run: ended when their client cancels or leaves, and known by their ids.

A query blocks its client's thread until it has something to send, so one more thread listens to all clients whose
queries run. It need not understand what it hears: in the middle of a query a client says nothing but that it is enough.
"""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.local.clickhouse.channel import Channel
from infra.local.clickhouse.engine import Engine
from infra.local.clickhouse.faults import QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING, Cancelled, QueryFault

_AGAIN_S = 0.05
_REPLACE_TRIES = 100


@dataclass(eq=False)
class _Asking:
    """What a thread asks of the engine for a client, and whether it still does."""

    thread: int
    lasts: bool = True


class Running:
    """The queries of all clients, each by the thread that runs it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = threading.Condition()
        self._threads: dict[str, int] = {}
        self._unwanted: set[_Asking] = set()
        self._listened_to = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._listened_to.register(self._woken, selectors.EVENT_READ)

    def listen(self) -> None:
        """End queries whose clients do not want them any more, until `close` is called."""
        while True:
            for key, _ in self._listened_to.select(_AGAIN_S if self._unwanted else None):
                if key.fileobj is self._woken:
                    return
                self._give_up(key)
            with self._changed:
                # The engine may not know the query yet: so it is asked until the query has ended.
                for asking in self._unwanted:
                    self._engine.kill(asking.thread)

    def close(self) -> None:
        """Let `listen` return."""
        self._wake.close()

    @contextmanager
    def known_as(self, query_id: str, *, replace: bool) -> Iterator[None]:
        """While this thread's query runs it has that id, and no other may.

        Raises:
            QueryFault: one of that id runs, and is not to be replaced or does not end.
        """
        thread = threading.get_native_id()
        with self._changed:
            for _ in range(_REPLACE_TRIES if replace else 0):
                if query_id not in self._threads:
                    break
                self._engine.kill(self._threads[query_id])
                self._changed.wait(_AGAIN_S)
            if query_id in self._threads:
                why = f"Query with id = {query_id} is already running."
                raise QueryFault(QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING, why)
            if query_id:
                self._threads[query_id] = thread
        try:
            yield
        finally:
            with self._changed:
                self._threads.pop(query_id, None)
                self._changed.notify_all()

    def engine_id(self, query_id: str) -> str | None:
        """The id that the engine has given to the query of that id, if one runs."""
        thread = self._threads.get(query_id)
        return None if thread is None else self._engine.query_of(thread)

    @contextmanager
    def listening_to(self, channel: Channel) -> Iterator[None]:
        """What this thread asks of the engine ends early, with QUERY_WAS_CANCELLED, when the client says anything.

        Raises:
            Cancelled: it has said so already.
        """
        if channel.reader.has_buffered and channel.next_is_cancel():
            raise Cancelled
        asking = _Asking(threading.get_native_id())
        with self._changed:
            self._listened_to.register(channel.client, selectors.EVENT_READ, data=asking)
        try:
            yield
        finally:
            with self._changed:  # once this is over, no kill can hit what the thread does next
                asking.lasts = False
                if asking in self._unwanted:
                    self._unwanted.remove(asking)
                else:
                    self._listened_to.unregister(channel.client)

    def _give_up(self, key: selectors.SelectorKey) -> None:
        with self._changed:
            if key.data.lasts:  # or it has ended since the client was heard, and another may have begun
                self._listened_to.unregister(key.fileobj)
                self._unwanted.add(key.data)
