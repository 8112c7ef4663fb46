"""`headrace retrain`."""

import click

from infra import service
from stream_workers.retraining.service import serve


@click.command(epilog="Example: headrace retrain")
def retrain() -> None:
    """Join answers with the feedback on them into training.examples.

    Needs Kafka and Redis. A thumb gives a label, a score a score, a correction or a preference a chosen and a rejected
    answer. An example may be said more than once, always under the same id. Several may run: they share the partitions.
    """
    service.run(serve, name="retrain")
