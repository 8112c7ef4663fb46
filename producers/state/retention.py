"""How long what is kept in Redis."""

from dataclasses import dataclass

IDEMPOTENCY_MS = 24 * 3_600_000
"""How long an Idempotency-Key gives the same job; the chat page is told it, and tests hold the documents to it."""


@dataclass(frozen=True)
class Retention:
    """How long a job, its token stream and its idempotency key are kept, in ms."""

    job_ms: int = 30 * 86_400_000
    idempotency_ms: int = IDEMPOTENCY_MS
    tokens_ms: int = 3_600_000
