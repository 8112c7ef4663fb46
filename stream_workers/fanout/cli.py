"""`headrace fanout`."""

import click

from infra import service
from stream_workers.fanout.service import serve


@click.command(epilog="Example: headrace fanout")
def fanout() -> None:
    """Keep jobs, conversations and the answer cache in Redis as the log tells them, and end overdue jobs.

    Needs Kafka and Redis. A Redis that lost something is made whole again from the log; until then no prompt is
    accepted or claimed. Several may run: they share the partitions.
    """
    service.run(serve, name="fanout")
