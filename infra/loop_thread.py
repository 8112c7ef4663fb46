"""An event loop in a thread of its own: for programs that have none, and beside one that is running already."""

import asyncio
import concurrent.futures
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from infra.errors import OurFault

Answer = TypeVar("Answer")


class LoopThread:
    """Runs coroutines for callers of any thread; whoever is interrupted takes its coroutine along.

    It makes no use of the caller's loop, so that a notebook, which has a loop that runs, may call it as well. `closing`
    is the last that is awaited on it. It ends when it is closed, or when nobody holds it any more.

    Raises:
        OSError: the system has no room for one more loop.
    """

    def __init__(self, name: str, closing: Callable[[], Awaitable[None]] | None = None) -> None:
        self._behind = _Behind(name, closing)
        self._close = weakref.finalize(self, self._behind.stop)

    def run(self, doing: Coroutine[Any, Any, Answer]) -> Answer:
        """The coroutine's answer, or its error.

        Raises:
            OurFault: it is closed, also in the meantime, or it is asked from its own loop, which would wait for itself
                for ever.
        """
        asked = self._behind.begin(doing)
        try:
            return asked.result()
        except concurrent.futures.CancelledError:
            if not self._behind.is_closed:
                raise
            raise OurFault("this client was closed before the answer came") from None
        except BaseException:
            asked.cancel()
            raise

    def iterate(self, items: AsyncIterator[Answer]) -> Iterator[Answer]:
        """The items one by one; who stops early closes the iterator it came from."""
        try:
            while True:
                try:
                    item = self.run(_next(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if (close := getattr(items, "aclose", None)) is not None:
                # Who was interrupted has left the iterator running: it is cancelled, and ends by itself. So does that
                # of a loop that is closed.
                with suppress(RuntimeError, OurFault):
                    self.run(close())

    def close(self) -> None:
        """End what runs, and the thread; twice is once."""
        self._close()


class _Behind:
    """The thread and its loop. They know nothing of the `LoopThread`, so that it can be seen to be forgotten."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, name: str, closing: Callable[[], Awaitable[None]] | None) -> None:
        self._closing = closing
        self._ready = threading.Event()
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None
        # Held to begin something and to close: what was begun is in the loop before its end is, and is ended by it. (It
        # may be taken twice by one thread, whose signal handler closes.)
        self._door = threading.RLock()
        self.is_closed = False
        # A program that forgot to close us must still be able to end.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def begin(self, doing: Coroutine[Any, Any, Answer]) -> "concurrent.futures.Future[Answer]":
        with self._door:
            if self.is_closed or self._is_here or not self._thread.is_alive():
                doing.close()
                raise OurFault("this client is closed, or is called from its own loop")
            return asyncio.run_coroutine_threadsafe(doing, self.loop)

    def stop(self) -> None:
        with self._door:
            # In a process that was forked off, there is no thread.
            if not self.is_closed and self._thread.is_alive():
                self.is_closed = True
                self.loop.call_soon_threadsafe(self._stopping.set)
        if not self._is_here:
            self._thread.join()

    @property
    def _is_here(self) -> bool:
        return threading.current_thread() is self._thread

    def _work(self) -> None:
        try:
            # A runner ends the tasks, generators and threads of its loop before it closes it.
            with asyncio.Runner() as runner:
                runner.run(self._live())
        except BaseException as error:
            if self._ready.is_set():
                raise
            self._failure = error
        finally:
            self._ready.set()

    async def _live(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._ready.set()
        try:
            await self._stopping.wait()
        finally:
            if self._closing is not None:
                await self._closing()


async def _next(items: AsyncIterator[Answer]) -> Answer:
    return await anext(items)
