"""`headrace gateway`: the HTTP side as a process."""

from dataclasses import replace

import click

from gateway.app import Parts
from gateway.batches.settings import BatchSettings
from gateway.embeddings.settings import EmbeddingsSettings
from gateway.files.settings import FilesSettings
from gateway.process import serve_gateway
from gateway.settings import GatewaySettings
from infra import service, stack_file
from infra.sealing import Seal
from infra.service import Service
from infra.settings import CommonSettings, KafkaSettings, LocalSettings, RedisSettings
from producers.settings import ModerationSettings, WebhookSettings


@click.command(epilog="Example: headrace gateway --port 8080")
@click.option("--host", default=None, help="Address to listen on, or unix:/path (HEADRACE_GATEWAY__HOST).")
@click.option("--port", default=None, type=click.IntRange(0, 65535), help="Port; 0: a free one.")
def gateway(host: str | None, port: int | None) -> None:
    """Serve the HTTP API: prompts in, answers out.

    Kafka and Redis are those of HEADRACE_KAFKA__BOOTSTRAP_SERVERS and HEADRACE_REDIS__URL, or else of the stack
    running here; with its Redis it has that stack's embeddings, files, reports, grammars and trusted webhooks, too,
    unless others are given. While one is away the gateway answers 503 and goes on by itself when it is back. With
    HEADRACE_GATEWAY__TLS_CERTIFICATE_FILE and TLS_KEY_FILE it speaks HTTPS. SIGTERM lets running requests finish
    (HEADRACE_SERVICE__DRAIN_S).
    """
    redis = RedisSettings.from_env()
    stack = None if stack_file.address_of(redis) else stack_file.read(LocalSettings.from_env())
    settings = stack_file.shared(GatewaySettings, stack)
    settings = replace(settings, host=host or settings.host, port=settings.port if port is None else port)
    secret_key = stack_file.addressed(CommonSettings.from_env(), stack).secret_key
    files = FilesSettings.from_env()
    parts = Parts(
        stack_file.addressed(KafkaSettings.from_env(), stack),
        stack_file.addressed(redis, stack),
        webhooks=stack_file.shared(WebhookSettings, stack).policy,
        files=files if files.bucket else stack_file.addressed(files, stack),
        batches=BatchSettings.from_env(),
        embeddings=stack_file.addressed(EmbeddingsSettings.from_env(), stack),
        seal=Seal(secret_key) if secret_key else None,
        moderation=ModerationSettings.from_env(),
    )

    async def serve(running: Service) -> None:
        await serve_gateway(running, settings, parts)

    service.run(serve, name="gateway")
