"""What the readers of one job are shown: the first text at once, the rest in pieces, never a doubt left."""

import asyncio

from infra.errors import Unavailable
from producers.jobs.lease import Kept, Leases
from stream_workers.inference.renewals import Hold
from stream_workers.inference.tokens import TokenFlush


class Screen:
    """Shows text under a lease. `text` is all of this try, `shown` what readers may have seen of it.

    Showing never holds up the reading of tokens, and a Redis that is away does not end the generation: once it is back,
    readers are shown a snapshot, because nobody knows what became of the call that failed.
    """

    def __init__(self, leases: Leases, hold: Hold, every_s: float) -> None:
        self._leases = leases
        self._hold = hold
        self._flush = TokenFlush(every_s)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._showing: asyncio.Task[None] | None = None
        self._doubtful = False
        self.text = ""
        self.shown = ""

    def add(self, piece: str) -> None:
        """More text of the answer."""
        if not piece:
            return
        self.text += piece
        self._flush.add(piece)
        self._schedule()

    async def start_over(self) -> None:
        """The answer begins anew: what was shown no longer counts, and readers are told so."""
        await self.stop()
        self._doubtful = self._doubtful or bool(self.shown)
        self.text = self.shown = ""
        if self._doubtful:
            self._showing = asyncio.create_task(self._show(""))

    async def stop(self) -> str:
        """Show no more; the text that has not been shown yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._showing is not None:
            await asyncio.wait([self._showing])
            return await self.stop()
        return self._flush.rest()

    @property
    def doubtful(self) -> bool:
        """Whether readers must be shown a snapshot next."""
        return self._doubtful

    def _schedule(self) -> None:
        if self._timer is not None or self._showing is not None:
            return
        wait_s = self._flush.wait_s(self._loop.time())
        if wait_s is None:
            return
        if wait_s == 0.0:
            self._begin()
        else:
            self._timer = self._loop.call_later(wait_s, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if piece := self._flush.due(self._loop.time()) or self._flush.rest():
            self._showing = asyncio.create_task(self._show(piece))

    async def _show(self, piece: str) -> None:
        snapshot = self._doubtful
        self.shown = self.text if snapshot else self.shown + piece
        try:
            verdict: Kept = await self._leases.show(
                self._hold.lease, self.shown if snapshot else piece, snapshot=snapshot
            )
            self._doubtful = False
            self._hold.judge(verdict)
        except Unavailable:
            self._doubtful = True
        finally:
            self._showing = None
            self._schedule()
