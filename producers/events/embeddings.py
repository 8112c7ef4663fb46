"""What is said on `embeddings`: texts became vectors, which nobody keeps."""

from producers.events.base import Event


class TextsEmbedded(Event, frozen=True, kw_only=True):
    """Vectors were made of some texts: who wanted them, and what they took."""

    embeddings_id: str
    tenant: str
    key_id: str
    model: str
    texts: int
    tokens: int
    at_ms: float = 0.0
