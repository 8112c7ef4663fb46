"""The keeper: tells of conversations in use anew, before the records of their creation leave the log."""

import asyncio
import logging

from infra.clock import Clock
from infra.errors import Unavailable
from producers.conversations.store import Conversation, Conversations
from producers.events import ConversationCreated, ConversationDeleted
from producers.log.publisher import Publisher
from producers.log.topics import CONVERSATIONS
from producers.state import view
from producers.state.scripts import Scripts

log = logging.getLogger(__name__)

EVERY_S = 60.0
AT_ONCE = 100


class Keeper:
    """Says again who was created, as it stands now; twice is once, so several may do it."""

    def __init__(self, scripts: Scripts, conversations: Conversations, publisher: Publisher, clock: Clock) -> None:
        self._scripts = scripts
        self._conversations = conversations
        self._publisher = publisher
        self._clock = clock

    async def run(self) -> None:
        """Once a minute, for as long as the process serves."""
        while True:
            try:
                while await self.tell() == AT_ONCE:
                    pass
            except Unavailable as error:
                log.warning("the keeper waits: %s", error)
            except Exception:
                # Nobody planned this. The state view beside us must go on.
                log.exception("a round of the keeper broke off")
            await asyncio.sleep(EVERY_S)

    async def tell(self) -> int:
        """Tell of some that wait for it; how many. A view that is not whole may know of an older title.

        Raises:
            Unavailable: Redis or the broker does not answer.
        """
        if not await view.is_whole(self._scripts):
            return 0
        waiting = await self._conversations.untold(AT_ONCE)
        for each in waiting:
            found = await self._conversations.read(each)
            if found is not None:
                await self._tell(found)
            await self._conversations.told_anew(each)
        return len(waiting)

    async def _tell(self, found: Conversation) -> None:
        created = ConversationCreated(
            conversation=found.id,
            tenant=found.tenant,
            title=found.title,
            metadata=found.metadata,
            at_ms=found.created_ms,
        )
        await self._publisher.publish(CONVERSATIONS, found.id, created)
        if await self._conversations.read(found.id) is None:
            # Deleted meanwhile: what says so must not leave the log before what we said.
            deleted = ConversationDeleted(conversation=found.id, tenant=found.tenant, at_ms=self._clock.now_ms())
            await self._publisher.publish(CONVERSATIONS, found.id, deleted)
