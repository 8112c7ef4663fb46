"""What is said on `conversations`: turns that belong together, and what is to be forgotten of them."""

from producers.events.base import Event
from producers.events.prompts import Message


class ConversationCreated(Event, frozen=True, kw_only=True):
    """A conversation was opened."""

    conversation: str
    tenant: str
    title: str | None = None
    metadata: dict[str, str] = {}
    at_ms: float = 0.0


class ConversationUpdated(Event, frozen=True, kw_only=True):
    """A conversation has another title or other metadata; None leaves it as it was."""

    conversation: str
    tenant: str
    title: str | None = None
    metadata: dict[str, str] | None = None
    at_ms: float = 0.0


class ConversationDeleted(Event, frozen=True, kw_only=True):
    """A conversation and its history are to be forgotten."""

    conversation: str
    tenant: str
    at_ms: float = 0.0


class ItemsAdded(Event, frozen=True, kw_only=True):
    """Messages were put into a conversation, between two of its turns."""

    conversation: str
    tenant: str
    messages: tuple[Message, ...]
    after: int = -1
    """The place (its prompt's offset) of the turn that they follow; -1: they come before every turn."""
    added: str = ""
    """Names this addition: of two records under one name the first counts, and its items' ids follow from the name."""
    at_ms: float = 0.0


class ItemsDeleted(Event, frozen=True, kw_only=True):
    """Items are to be left out of a conversation from now on; its turns stay in their order."""

    conversation: str
    tenant: str
    items: tuple[str, ...]
    jobs: tuple[str, ...] = ()
    """Those of their turns: what was answered there is not given again from the cache."""
    at_ms: float = 0.0


class ResponseDeleted(Event, frozen=True, kw_only=True):
    """A response, that is its job, is to be forgotten."""

    job_id: str
    tenant: str
    at_ms: float = 0.0


class CompletionUpdated(Event, frozen=True, kw_only=True):
    """A chat completion, that is its job, has other metadata in place of all it had."""

    job_id: str
    tenant: str
    metadata: dict[str, str]
    at_ms: float = 0.0


ConversationEvent = ConversationCreated | ConversationUpdated | ConversationDeleted | ItemsAdded | ItemsDeleted
