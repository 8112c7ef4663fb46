"""A trusted service publishes prompts straight to Kafka, past HTTP and the limits of a key, and reads the answers.

$ headrace up                                          # in another terminal, in this folder
$ python examples/publish_straight_to_kafka.py

Elsewhere HEADRACE_KAFKA__BOOTSTRAP_SERVERS says where the brokers are. What may be asked is checked here, before Kafka,
by the gateway's own rules and settings.
"""

import asyncio

from gateway.client import AsyncHeadrace
from producers import PromptPublisher, PublisherSettings, Unavailable, WrongField

TENANT = "development"
"""Whose jobs these are; the key of `headrace up` is this tenant's, too."""


async def main() -> None:
    """Publish the orders of a shop; then look at the jobs as anybody else would."""
    settings = PublisherSettings.from_env()
    model = settings.prompts.models[0]
    async with PromptPublisher(settings, service="shop") as prompts, AsyncHeadrace() as headrace:
        try:
            await prompts.submit("Thank them.", tenant=TENANT, model=model, temperature=99.0)
        except WrongField as error:
            print(f"refused before it was sent: {error.field}: {error}")

        for order in ("order-7", "order-8", "order-7"):
            receipt = None
            while receipt is None:
                try:
                    # The same key is the same job, so trying again is safe, for this process and for the next.
                    receipt = await prompts.submit(
                        f"Thank a customer for {order} in one sentence.",
                        tenant=TENANT,
                        model=model,
                        idempotency_key=f"thanks-{order}",
                        lane="batch",
                        max_tokens=30,
                    )
                except Unavailable as error:
                    await asyncio.sleep(error.after_s)
            print(f"{order}: {receipt.job_id} at {receipt.topic}[{receipt.partition}]@{receipt.offset}")
            # The job is known to the gateway as soon as the state view has read the record.
            job = await headrace.jobs.wait(receipt.job_id, appears_s=10, timeout_s=120)
            print(f"{order}: {job.status}: {job.text}")


if __name__ == "__main__":
    asyncio.run(main())
