"""What Redis shows of jobs: asked for as many at once as travel well together."""

from collections.abc import Sequence
from typing import Final

from producers.auditing.ledger import digest_of
from producers.auditing.statements import JobShown
from producers.events import Terminal
from producers.log import codec
from producers.state.scripts import Scripts
from producers.state.view import fields_of

AT_ONCE: Final = 200


async def shown(scripts: Scripts, jobs: Sequence[str]) -> list[JobShown]:
    """How each of these jobs stands, at one moment at which the view was whole.

    Raises:
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    found = await fields_of(scripts, jobs, "state", "published", "ending", "forgotten")
    return [_shown(job, *fields) for job, fields in zip(jobs, found, strict=True)]


def _shown(
    job: str, state: bytes | None, published: bytes | None, ending: bytes | None, forgotten: bytes | None
) -> JobShown:
    partition, offset = map(int, published.split(b":")) if published else (None, None)
    digest = digest_of(codec.decode_as(Terminal, ending)) if ending else b""
    return JobShown(job, (state or b"").decode(), partition, offset, digest, forgotten is not None)
