"""How long a gateway that does not answer is tried again, and the word to a person that it is."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from gateway.client.settings import ClientSettings
from infra.errors import HeadraceError, Unavailable

_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 5.0
_LONGEST_ASKED_S: Final = 60.0
"""Nobody is waited for longer without asking again, whatever was said."""
_LAST_TRY_S: Final = 1.0
"""A try is given this long, however little patience is left."""
_SAY_AFTER_S: Final = 2.0
_SAY_EVERY_S: Final = 10.0

Tell = Callable[[str], None]


class Contact:
    """What is known of the gateway: whether it ever answered, and when its silence was last spoken of."""

    def __init__(
        self, settings: ClientSettings, tell: Tell, *, endures_limits: bool = False, retry: bool = True
    ) -> None:
        self.settings = settings
        self.endures_limits = endures_limits
        """Whether a limit of the key is waited out, however long that takes."""
        self.retry = retry
        """Whether anything is tried again at all."""
        self.answered = False
        self._tell = tell
        self._told_at_s = -_SAY_EVERY_S

    def trouble(self, what: str, left_s: float) -> None:
        """Say what is wrong, and that it is tried again; of many calls in one trouble the first one says it."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._told_at_s >= _SAY_EVERY_S:
            self._told_at_s = now_s
            self._tell(f"the gateway at {self.settings.url} {what}; trying again for {left_s:.0f} s")


class Patience:
    """The patience of one call: less for a gateway that never answered than for one that may be restarting."""

    def __init__(self, contact: Contact) -> None:
        self._contact = contact
        self._since_s: float | None = None
        self._tries = 0

    def answered(self) -> None:
        """The gateway has answered, if only to refuse for now."""
        self._contact.answered = True

    def renew(self) -> None:
        """It does what it should: count from the beginning."""
        self._since_s, self._tries = None, 0

    def endure(self) -> None:
        """Waiting for one's turn is no matter of patience; the pauses grow all the same."""
        self._since_s = None

    @asynccontextmanager
    async def one_try(self) -> AsyncIterator[None]:
        """Around one try of a call that is answered soon: ends it with TimeoutError when patience is at its end."""
        within_s = max(self._left_s(), _LAST_TRY_S)
        word = asyncio.get_running_loop().call_later(_SAY_AFTER_S, self._speak_of_silence, within_s - _SAY_AFTER_S)
        try:
            async with asyncio.timeout(within_s):
                yield
        finally:
            word.cancel()

    async def pause(self, what: str, asked_s: float | None = None, error: HeadraceError | None = None) -> None:
        """Wait before the next try: longer from try to try, and as long as the gateway asked, within reason.

        Raises:
            Unavailable, or the error given: patience is at its end, or would be before the next try.
        """
        left_s = self._left_s()
        if left_s <= 0 or not self._contact.retry or (error is not None and asked_s is not None and asked_s > left_s):
            silent = f"the gateway at {self._contact.settings.url} cannot be reached: it {what}"
            raise error or Unavailable("gateway", silent)
        self._contact.trouble(what, left_s)
        doubled_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**self._tries)
        self._tries += 1
        jitter = random.uniform(0.75, 1.0)  # noqa: S311 # spreads clients, hides nothing
        await asyncio.sleep(max(min(doubled_s * jitter, left_s), min(asked_s or 0.0, _LONGEST_ASKED_S)))

    def _left_s(self) -> float:
        now_s, settings = asyncio.get_running_loop().time(), self._contact.settings
        self._since_s = now_s if self._since_s is None else self._since_s
        return self._since_s + (settings.patience_s if self._contact.answered else settings.reach_s) - now_s

    def _speak_of_silence(self, left_s: float) -> None:
        # One that has answered before may well take its time.
        if not self._contact.answered:
            self._contact.trouble("does not answer", left_s)
