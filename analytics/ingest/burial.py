"""Records that are no event of ours become dead letters."""

import asyncio

from producers.events import Buried
from producers.log.dead_letters import bury
from producers.log.publisher import Publisher


class Gravedigger:
    """Publishes dead letters from a thread, by the publisher that lives on the loop."""

    def __init__(self, publisher: Publisher, loop: asyncio.AbstractEventLoop) -> None:
        self._publisher = publisher
        self._loop = loop

    def bury(self, letter: Buried) -> None:
        """Publish and wait for the broker's acknowledgement.

        Raises:
            Unavailable: it did not come; the letter may be published all the same.
        """
        asyncio.run_coroutine_threadsafe(bury(self._publisher, letter), self._loop).result()
