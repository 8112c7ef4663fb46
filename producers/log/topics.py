"""Every topic: what it is keyed by, how it is cut and kept, what is said on it, by whom, and who listens."""

from dataclasses import dataclass
from typing import Any

from producers import events
from producers.events import LANES, Lane

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
RETENTION_MS = 30 * DAY_MS
"""How long jobs and conversations live; `answers` must not be kept for less."""


@dataclass(frozen=True)
class Topic:
    """One topic. `events` is the union of the classes its records decode to."""

    name: str
    key: str
    events: Any
    partitions: int
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    retention_ms: int = RETENTION_MS
    compacted: bool = False


def prompts(lane: Lane) -> Topic:
    """The topic of a lane's prompts."""
    return BY_NAME[f"prompts.{lane}"]


_PROMPTS = tuple(
    Topic(
        name=f"prompts.{lane}",
        key="shard of the tenant or conversation",
        events=events.PromptSubmitted,
        partitions=8,
        written_by=("gateway", "trusted services"),
        read_by=("worker", "fanout"),
    )
    for lane in LANES
)
ANSWERS = Topic(
    name="answers",
    key="job id",
    events=events.Terminal,
    partitions=8,
    written_by=("worker", "gateway", "fanout"),
    read_by=("fanout", "deliver", "retrain", "ingest"),
)
JOB_EVENTS = Topic(
    name="job.events",
    key="job id",
    events=events.JobEvent,
    partitions=4,
    written_by=("worker", "deliver"),
    read_by=("ingest", "deliver"),
)
FEEDBACK = Topic(
    name="feedback",
    key="job id",
    events=events.FeedbackGiven,
    partitions=4,
    written_by=("gateway",),
    read_by=("retrain", "ingest"),
)
EXAMPLES = Topic(
    name="training.examples",
    key="job id",
    events=events.ExampleReady,
    partitions=4,
    written_by=("retrain",),
    read_by=("export",),
)
CONVERSATIONS = Topic(
    name="conversations",
    key="id of the conversation, or of the job whose response or chat completion was changed",
    events=events.ConversationEvent | events.ResponseDeleted | events.CompletionUpdated,
    partitions=4,
    written_by=("gateway", "fanout"),
    read_by=("fanout",),
)
FILES = Topic(
    name="files",
    key="file id",
    events=events.FileEvent,
    partitions=2,
    written_by=("gateway",),
    read_by=("fanout",),
)
BATCHES = Topic(
    name="batches",
    key="batch id",
    events=events.BatchEvent,
    partitions=2,
    written_by=("gateway",),
    read_by=("fanout", "deliver"),
)
EMBEDDINGS = Topic(
    name="embeddings",
    key="id of the embeddings",
    events=events.TextsEmbedded,
    partitions=2,
    written_by=("gateway",),
    read_by=("fanout", "ingest"),
)
DEAD_LETTERS = Topic(
    name="dead.letters",
    key="job id, or the place of the record where no job is known; the same for all that is said of a letter",
    events=events.LetterEvent,
    partitions=2,
    written_by=("worker", "fanout", "deliver", "retrain", "ingest", "gateway", "command line"),
    read_by=("fanout", "operators"),
)
REGISTRY = Topic(
    name="registry",
    key="id",
    events=events.RegistryEvent,
    partitions=1,
    written_by=("gateway", "command line"),
    read_by=("gateway", "deliver"),
    retention_ms=-1,
    compacted=True,
)
AUDIT = Topic(
    name="audit",
    key="key, tenant or dead letter",
    events=events.ActRecorded,
    partitions=1,
    written_by=("gateway", "command line"),
    read_by=("operators",),
    retention_ms=1096 * DAY_MS,
)
TOPICS: tuple[Topic, ...] = (
    *_PROMPTS, ANSWERS, JOB_EVENTS, FEEDBACK, EXAMPLES, CONVERSATIONS, FILES, BATCHES, EMBEDDINGS, DEAD_LETTERS,
    REGISTRY, AUDIT,
)  # fmt: skip
VIEWS = {"fanout": "state", "deliver": "deliveries", "retrain": "examples"}
"""By reader that follows the log into a view, the view; it keeps the reader's positions in Redis."""
GROUPS = ("worker", "ingest")
"""Readers that commit their positions to Kafka, each under its own name."""
BY_NAME = {each.name: each for each in TOPICS}
