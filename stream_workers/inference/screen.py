"""What the readers of one job are shown: the first text at once, the rest in pieces, never a doubt left."""

import asyncio

from infra.errors import Unavailable
from producers.jobs.lease import Leases
from producers.jobs.live import Piece, joined
from stream_workers.inference.pace import Pace
from stream_workers.inference.renewals import Hold
from stream_workers.inference.seen import NOTHING, Seen


class Screen:
    """Shows an answer under a lease.

    Showing never holds up the reading of tokens, and a Redis that is away does not end the generation: once it is back,
    readers are shown a snapshot, because nobody knows what became of the call that failed. Where it is `held`, nothing
    is shown before the whole answer is there. What `seen` holds they have seen by an attempt before; None where that
    does not count any more.
    """

    def __init__(
        self, leases: Leases, hold: Hold, every_s: float, *, held: bool = False, seen: Seen | None = NOTHING
    ) -> None:
        self._held = held
        self._leases = leases
        self._hold = hold
        self._loop = asyncio.get_running_loop()
        self._pace = Pace(every_s, self._loop.time(), is_read=hold.lease.is_read)
        self._timer: asyncio.TimerHandle | None = None
        self._showing: asyncio.Task[None] | None = None
        self._pieces: list[Piece] = list(seen.pieces) if seen else []
        self._shown = len(self._pieces)
        self._tokens = seen.tokens if seen else 0
        self.doubtful = seen is None
        """Whether readers must be shown a snapshot next."""

    @property
    def shown(self) -> list[Piece]:
        """What readers may have seen of the answer."""
        return joined(self._pieces[: self._shown])

    @property
    def rest(self) -> list[Piece]:
        """What readers are to be shown at the end: all of it if they are in doubt, or else what is left of it."""
        return joined(self._pieces[0 if self.doubtful else self._shown :])

    def add(self, piece: Piece, tokens: int) -> None:
        """More of the answer, which has so many tokens by then."""
        self._pieces.append(piece)
        self._tokens = tokens
        self._schedule()

    def last(self, piece: Piece) -> None:
        """The end of the answer, which is shown together with its ending: nobody goes on from there."""
        self._pieces.append(piece)
        self._held = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def stop(self) -> None:
        """Show no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._showing is not None:
            await asyncio.wait([self._showing])
            await self.stop()

    def _schedule(self) -> None:
        if self._held or self._timer is not None or self._showing is not None or self._shown == len(self._pieces):
            return
        wait_s = self._pace.wait_s(self._loop.time())
        if wait_s == 0.0:
            self._begin()
        else:
            self._timer = self._loop.call_later(wait_s, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._pace.shown(self._loop.time())
        self._showing = asyncio.create_task(self._show())

    async def _show(self) -> None:
        snapshot, pieces, tokens = self.doubtful, self.rest, self._tokens
        self._shown = len(self._pieces)
        try:
            shown = await self._leases.show(self._hold.lease, pieces, tokens=tokens, snapshot=snapshot)
            self.doubtful, self._pace.is_read = False, shown.is_read
            self._hold.judge(shown.kept)
        except Unavailable:
            self.doubtful = True
        finally:
            self._showing = None
            self._schedule()
