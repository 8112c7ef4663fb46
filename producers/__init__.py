"""The vocabulary: what can be said on Kafka, how it is written, and the shapes two services share in Redis.

For services that publish prompts straight to it, this is the public API: `PromptPublisher`, and what it takes, gives
and raises (docs/client.md).

- `topics`, `events`, `codec`: every topic, every event, events to bytes and back
- `contracts`: JSON Schemas of the topics, and golden examples of every event
- `dead_letters`, `oversize`: what nobody can process, buried; what no record can hold
- `places`: where a record stands
- `partitioning`, `outgoing`, `publisher`: where a record goes, how it looks, and a pen that writes it
- `topic_admin`, `readers`: topics on the broker, and how far each is read
- `cli`, `keys_cli`: `headrace topics` and `headrace keys`
- `tail`: topics followed by a person or a script
- `prompts`: what may be asked, checked and bounded, for the gateway and for trusted services
- `keys`, `registry`: API keys, minted and known again; tenants and keys, read from the log into memory
- `jobs`: the life of a job in Redis, as scripts that are atomic
- `conversations`, `feedback`, `answer_cache`: their keys and shapes in Redis
- `cache_policy`: when an answer may be reused
- `destinations`, `settings`: where webhooks may go, and what the gateway and the sender are told of it
- `docs`: the generated tables of the documents
"""

from typing import TYPE_CHECKING

from infra import exports

if TYPE_CHECKING:
    from infra.errors import TooLarge, Unavailable, WrongField
    from producers.prompts.blocking import SyncPromptPublisher
    from producers.prompts.publishing import PromptPublisher, PublisherSettings, Receipt
    from producers.settings import PromptSettings, WebhookSettings

__all__ = [
    "PromptPublisher",
    "PromptSettings",
    "PublisherSettings",
    "Receipt",
    "SyncPromptPublisher",
    "TooLarge",
    "Unavailable",
    "WebhookSettings",
    "WrongField",
]

__getattr__ = exports.lazily(
    __name__,
    {
        "PromptPublisher": "producers.prompts.publishing",
        "PromptSettings": "producers.settings",
        "PublisherSettings": "producers.prompts.publishing",
        "Receipt": "producers.prompts.publishing",
        "SyncPromptPublisher": "producers.prompts.blocking",
        "TooLarge": "infra.errors",
        "Unavailable": "infra.errors",
        "WebhookSettings": "producers.settings",
        "WrongField": "infra.errors",
    },
)
