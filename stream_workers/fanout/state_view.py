"""The state view's steps: each record of the log is applied in one script together with its offset, or not at all."""

from typing import Any

import msgspec

from producers.answers import cache_policy
from producers.conversations.shown import shown_of
from producers.conversations.turns import said
from producers.events import (
    LANES,
    AnswerCompleted,
    BatchEvent,
    BatchSubmitted,
    CompletionUpdated,
    ConversationCreated,
    ConversationDeleted,
    ConversationEvent,
    ConversationUpdated,
    FileEvent,
    FileStored,
    Idempotency,
    ItemsAdded,
    ItemsDeleted,
    Lane,
    LetterEvent,
    PromptSubmitted,
    ResponseDeleted,
    Terminal,
    TextsEmbedded,
    status_of,
)
from producers.files import filing
from producers.jobs.record import describe
from producers.jobs.settling import arguments
from producers.letters import filing as letter_filing
from producers.state.positions import Move, Positions
from producers.state.retention import IDEMPOTENCY_MS, Retention
from producers.state.scripts import Argument, Call, Scripts, asked
from producers.state.view import NAME, must_be_whole


class StateView:
    """Follows `TOPICS` into Redis: the calls to be run for each record, with others in one round trip."""

    def __init__(self, scripts: Scripts, retention: Retention, cache_ttl_ms: int = cache_policy.TTL_MS) -> None:
        self._retention = retention
        self._cache_ttl_ms = cache_ttl_ms
        self.positions = Positions(scripts, NAME)

    def prompt(self, prompt: PromptSubmitted, move: Move) -> Call:
        """A prompt is in the log: the job exists and is at least queued."""
        return self._call(
            "view_prompt", move, prompt.job_id, prompt.conversation or "", describe(prompt, self._retention)
        )

    def ending(self, ending: Terminal, move: Move, now_ms: float) -> Call:
        """An ending is in the log: make it visible unless an earlier one is, and keep a fresh answer in the cache."""
        stored, turn, described = arguments(ending, self._retention, move.timestamp_ms)
        key, ttl_ms = self._cached(ending, now_ms - move.timestamp_ms)
        return self._call(
            "view_ending", move, ending.job_id, status_of(ending), move.place.partition, stored, turn,
            self._retention.tokens_ms, key, ttl_ms, described,
        )  # fmt: skip

    def conversation(self, event: ConversationEvent, move: Move) -> Call:
        """What became of a conversation, but for its turns."""
        told: tuple[Argument, ...]
        match event:
            case ConversationCreated():
                told = "1", event.title or "", msgspec.json.encode(event.metadata), f"{event.at_ms:.3f}"
            case ConversationUpdated():
                metadata = b"" if event.metadata is None else msgspec.json.encode(event.metadata)
                told = "2", event.title or "", metadata, ""
            case ConversationDeleted():
                told = "0", "", "", ""
            case ItemsAdded():
                told = "3", msgspec.json.encode(said(event.messages)), event.after, event.added
            case ItemsDeleted():
                told = "4", msgspec.msgpack.encode(event.items), msgspec.msgpack.encode(event.jobs), ""
        what, *rest = told
        about = event.conversation, event.tenant
        return self._call("view_conversation", move, what, *about, *rest, self._retention.job_ms)

    def file(self, event: FileEvent, move: Move) -> Call:
        """A file was stored or deleted."""
        key = event.idempotency if isinstance(event, FileStored) else None
        return self._call("view_file", move, *filing.of_file(event, self._retention), *_known_by(key))

    def batch(self, event: BatchEvent, move: Move) -> Call:
        """Something became of a batch."""
        key = event.idempotency if isinstance(event, BatchSubmitted) else None
        return self._call("view_batch", move, *filing.of_batch(event, self._retention), *_known_by(key))

    def embedded(self, event: TextsEmbedded, move: Move) -> Call:
        """Texts were embedded: what they took is charged, on the day on which the log was told."""
        at_ms = f"{move.timestamp_ms:.3f}"
        return self._call("view_embedded", move, event.embeddings_id, event.key_id, event.tenant, event.tokens, at_ms)

    def letter(self, event: LetterEvent, move: Move) -> Call:
        """A dead letter was buried, redriven or discarded."""
        return self._call("view_letter", move, *letter_filing.of_record(event, move.timestamp_ms, self._retention))

    def forgotten(self, event: ResponseDeleted, move: Move) -> Call:
        """A job is to be forgotten, whatever the log tells of it."""
        return self._call("view_forgotten", move, event.job_id, self._retention.job_ms)

    def updated(self, event: CompletionUpdated, move: Move) -> Call:
        """A job has other metadata."""
        metadata = msgspec.json.encode(event.metadata)
        return self._call("view_updated", move, event.job_id, metadata, self._retention.job_ms)

    def _call(self, script: str, move: Move, *told: Argument) -> Call:
        return Call(script, (*move.arguments(NAME), *told))

    def _cached(self, ending: Terminal, age_ms: float) -> tuple[str, int]:
        """The key under which the answer is to be kept, and for how long; none for what the model did not just say."""
        ttl_ms = int(self._cache_ttl_ms - max(0.0, age_ms))
        fresh = isinstance(ending, AnswerCompleted) and ending.cache == "miss" and cache_policy.cacheable(ending.prompt)
        if not fresh or ttl_ms <= 0:
            return "", 0
        return f"cache:{cache_policy.key_of_shown(ending.prompt, shown_of(ending))}", ttl_ms


def _known_by(key: Idempotency | None) -> tuple[Argument, ...]:
    """The Idempotency-Key by which a repeat is known, and how long: its name is empty where there is none."""
    told = ("", "", "", "") if key is None else (key.name, key.fingerprint, key.seed, key.digest)
    return *told, IDEMPOTENCY_MS


async def queued(scripts: Scripts) -> dict[Lane, int]:
    """By lane, how many jobs are in the log and not claimed.

    Raises:
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    await must_be_whole(scripts)
    pipeline: Any = scripts.redis.pipeline(transaction=False)
    for lane in LANES:
        pipeline.zcard(f"{scripts.prefix}lane:{lane}:waiting")
    return dict(zip(LANES, await asked(pipeline.execute()), strict=True))
