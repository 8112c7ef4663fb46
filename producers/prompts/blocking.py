"""Prompts straight to the log for programs without an event loop: the same calls, each of which waits."""

from infra.blocking import WaitingResource, given_as, waits
from producers.prompts.publishing import PromptPublisher


class SyncPromptPublisher(WaitingResource[PromptPublisher]):
    """`PromptPublisher` over a loop in a thread of its own; may be called from any thread, and from notebooks."""

    @given_as(PromptPublisher)
    def __init__(self, behind: PromptPublisher) -> None:
        super().__init__("prompts", behind)

    submit = waits(PromptPublisher.submit)
