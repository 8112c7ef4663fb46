"""The table `embeddings`: texts of which vectors were made."""

from typing import NamedTuple

from analytics.rows.cells import TimedPlace, instant, whole
from producers.events import TextsEmbedded


class EmbeddingRow(NamedTuple):
    """Texts of which vectors were made."""

    topic: str
    partition: int
    offset: int
    embeddings_id: str
    tenant: str
    key_id: str
    model: str
    texts: int
    tokens: int
    at: int


def embedding_row(event: TextsEmbedded, origin: TimedPlace) -> EmbeddingRow:
    """The row of some texts."""
    return EmbeddingRow(
        *origin[:3],
        embeddings_id=event.embeddings_id,
        tenant=event.tenant,
        key_id=event.key_id,
        model=event.model,
        texts=whole(event.texts),
        tokens=whole(event.tokens),
        at=instant(event.at_ms or origin.timestamp_ms),
    )
