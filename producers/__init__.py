"""The vocabulary: what can be said on Kafka, how it is written, and the shapes two services share in Redis.

For services that publish prompts straight to it, this is the public API: `PromptPublisher`, and what it takes, gives
and raises (docs/client.md).

- `events`: every event
- `log`: the topics, and records on their way to them
- `contracts`: JSON Schemas of the topics, and golden examples of every event
- `prompts`: what may be asked, checked and bounded, for the gateway and for trusted services
- `moderation`: an operator's own judgement on prompts and answers
- `access`: API keys and tenants, minted, known again, read from the log into memory
- `administration`: acts upon keys and tenants, each on record, and the commands of an operator
- `idempotency`: what is done once for each Idempotency-Key
- `limits`: what keys and tenants may use
- `state`: what all that stands in Redis has in common: scripts, lists, views
- `jobs`: the life of a job in Redis, as scripts that are atomic
- `conversations`, `files`, `batches`, `answers`: their keys and shapes in Redis
- `letters`: dead letters in Redis, and the prompts of their redrives
- `auditing`: the log read again and counted, and what others show held against it
- `tail`: topics followed by a person or a script
- `destinations`, `settings`: where webhooks may go, and what the gateway and the sender are told of it
- `webhook_ids`: under which id an ending is told
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
