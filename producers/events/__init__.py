"""Every event that can be said on Kafka: frozen structures, past tense, one class a fact.

Times are `_ms`: milliseconds since the epoch, with the fraction. A field added later must have a default, so
that the oldest record in a topic still decodes (the golden examples prove it).

One module a topic (`feedback` has two, that belong together), and `base`, what every event is. Everybody imports from
here, for where an event is declared is nobody's business.

- `prompts`, `answers`, `jobs`: what was asked, how it ended, and what happened between
- `feedback`, `dead_letters`: what became of the answers, and of what nobody can process
- `conversations`, `files`, `batches`: what tenants keep here
- `embeddings`: what was made of texts
- `keys`, `acts`: who may do what, and who changed it
"""

from producers.events.acts import Act, ActRecorded, Change
from producers.events.answers import (
    AnswerCancelled,
    AnswerCompleted,
    AnswerExpired,
    AnswerFailed,
    CacheResult,
    Choice,
    DeadEnd,
    Ending,
    FinishReason,
    JobError,
    Terminal,
    TokenLogprob,
    Truncated,
    Usage,
    status_of,
)
from producers.events.base import Event, Idempotency, to_builtins
from producers.events.batches import (
    BatchCancelRequested,
    BatchEnded,
    BatchEvent,
    BatchFinalizing,
    BatchStatus,
    BatchSubmitted,
    BatchValidated,
    LineError,
)
from producers.events.conversations import (
    CompletionUpdated,
    ConversationCreated,
    ConversationDeleted,
    ConversationEvent,
    ConversationUpdated,
    ItemsAdded,
    ItemsDeleted,
    ResponseDeleted,
)
from producers.events.dead_letters import Buried, Discarded, LetterEvent, Redriven
from producers.events.embeddings import TextsEmbedded
from producers.events.feedback import ExampleReady, FeedbackGiven, FeedbackKind
from producers.events.files import FileDeleted, FileEvent, FilePurpose, FileStored
from producers.events.jobs import DeliveryAttempted, FirstTokenProduced, JobClaimed, JobEvent, RetryScheduled
from producers.events.keys import (
    CLIENT_SCOPES,
    FormerKey,
    KeyChanged,
    KeyIssued,
    KeyRevoked,
    KeyRotated,
    Limits,
    RegistryEvent,
    Scope,
    TenantDefined,
)
from producers.events.prompts import (
    LANES,
    AnswerFormat,
    CacheUse,
    Lane,
    Message,
    PromptSubmitted,
    ResponseTerms,
    Sampling,
    Tool,
    ToolCall,
    Truncation,
    Webhook,
)

__all__ = [
    "CLIENT_SCOPES",
    "LANES",
    "Act",
    "ActRecorded",
    "AnswerCancelled",
    "AnswerCompleted",
    "AnswerExpired",
    "AnswerFailed",
    "AnswerFormat",
    "BatchCancelRequested",
    "BatchEnded",
    "BatchEvent",
    "BatchFinalizing",
    "BatchStatus",
    "BatchSubmitted",
    "BatchValidated",
    "Buried",
    "CacheResult",
    "CacheUse",
    "Change",
    "Choice",
    "CompletionUpdated",
    "ConversationCreated",
    "ConversationDeleted",
    "ConversationEvent",
    "ConversationUpdated",
    "DeadEnd",
    "DeliveryAttempted",
    "Discarded",
    "Ending",
    "Event",
    "ExampleReady",
    "FeedbackGiven",
    "FeedbackKind",
    "FileDeleted",
    "FileEvent",
    "FilePurpose",
    "FileStored",
    "FinishReason",
    "FirstTokenProduced",
    "FormerKey",
    "Idempotency",
    "ItemsAdded",
    "ItemsDeleted",
    "JobClaimed",
    "JobError",
    "JobEvent",
    "KeyChanged",
    "KeyIssued",
    "KeyRevoked",
    "KeyRotated",
    "Lane",
    "LetterEvent",
    "Limits",
    "LineError",
    "Message",
    "PromptSubmitted",
    "Redriven",
    "RegistryEvent",
    "ResponseDeleted",
    "ResponseTerms",
    "RetryScheduled",
    "Sampling",
    "Scope",
    "TenantDefined",
    "Terminal",
    "TextsEmbedded",
    "TokenLogprob",
    "Tool",
    "ToolCall",
    "Truncated",
    "Truncation",
    "Usage",
    "Webhook",
    "status_of",
    "to_builtins",
]
