"""A tenant's jobs, filtered, in pages: from a list in Redis that the scripts keep and the view makes anew."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from producers.jobs import record
from producers.jobs.record import JobRecord
from producers.state import walking
from producers.state.scripts import Scripts, asked
from producers.state.walking import GoOn


@dataclass(frozen=True)
class Wanted:
    """Which jobs; what is empty filters nothing. The times are ms: received from then on, and before then."""

    tenant: str
    status: str = ""
    lane: str = ""
    model: str = ""
    conversation: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    from_ms: float | None = None
    before_ms: float | None = None
    stored: bool = False
    """Only those whose answers are stored chat completions."""


@dataclass(frozen=True)
class JobPage:
    """Some of them; `last` is where the next page begins, though it may not be among these."""

    jobs: tuple[JobRecord, ...]
    has_more: bool
    last: str | None


async def jobs_of(
    scripts: Scripts,
    wanted: Wanted,
    most: int,
    after: str | None = None,
    *,
    newest_first: bool = True,
    go_on: GoOn = walking.freely,
) -> JobPage | None:
    """A page of at most so many; it may hold fewer although there are more. None where `after` is no job of theirs.

    Of stored chat completions it holds one at least, if there is any: OpenAI's clients end at an empty page.

    Raises:
        Unavailable: Redis does not answer.
    """
    look = partial(_look, scripts, wanted, "1" if newest_first else "0")
    walked = await walking.walk(scripts.walking, look, most, after, go_on, may_be_empty=not wanted.stored)
    if walked is None:
        return None
    page = walking.page_of(walked)
    return JobPage(await _read(scripts, page.ids), page.has_more, page.last)


async def _look(
    scripts: Scripts, wanted: Wanted, order: str, last: str, last_at: str, most: int, most_looked: int
) -> list[Any]:
    times = (
        "-inf" if wanted.from_ms is None else f"{wanted.from_ms:.3f}",
        "+inf" if wanted.before_ms is None else f"{wanted.before_ms:.3f}",
    )
    filters = wanted.status, wanted.lane, wanted.model, wanted.conversation
    pairs = [part for key, value in wanted.metadata.items() for part in (key, value, msgspec.json.encode(value))]
    told: list[Any] = await scripts.run(
        "list_jobs", wanted.tenant, last, last_at, most, most_looked, order,
        *times, *filters, "completions" if wanted.stored else "jobs", *pairs,
    )  # fmt: skip
    return told


async def _read(scripts: Scripts, ids: list[str]) -> tuple[JobRecord, ...]:
    pipeline: Any = scripts.redis.pipeline(transaction=False)
    for each in ids:
        pipeline.hgetall(f"{scripts.prefix}job:{each}")
    read = await asked(pipeline.execute()) if ids else []
    parsed = [record.parse(job_id, fields) for job_id, fields in zip(ids, read, strict=True) if fields]
    return tuple(each for each in parsed if each is not None)
